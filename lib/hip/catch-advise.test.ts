/** HIP's own tests of hipMemAdvise that only set and get (peer tests 3.1 to 3.3), and those with a kernel that the real stack fails, each under its name. */
import { describe, expect } from 'vitest';
import { CPU, NONE, PAGE, catchCase, codeOf, intsOf, onEachInt } from '../../test/support/hip-rig.ts';
import { HipMemLocationType, HipMemoryAdvise as Advise, HipMemRangeAttribute as Attribute } from './index.ts';

const BOTH = [1, 2];
const INVALID = 1;
const THREE_ADVICES = [Advise.setReadMostly, Advise.setPreferredLocation, Advise.setAccessedBy];

describe('hipMemAdvise.cc', () => {
  catchCase('Unit_hipMemAdvise_Set_Unset_Basic', {}, ({ hip, places, managed, read }) => {
    for (const place of places) {
      const memory = managed(PAGE);
      hip.memAdvise(memory, PAGE, Advise.setReadMostly, place);
      expect(read(Attribute.readMostly, memory, PAGE)).toBe(1);
      hip.memAdvise(memory, PAGE, Advise.unsetReadMostly, place);
      expect(read(Attribute.readMostly, memory, PAGE)).toBe(0);
      hip.memAdvise(memory, PAGE, Advise.setPreferredLocation, place);
      expect(read(Attribute.preferredLocation, memory, PAGE)).toBe(place);
      hip.memAdvise(memory, PAGE, Advise.unsetPreferredLocation, place);
      expect(read(Attribute.preferredLocation, memory, PAGE)).toBe(NONE);
    }
  });

  // EXSWHTEC-132: the CPU is never listed.
  catchCase(
    'Unit_hipMemAdvise_Set_Unset_Basic, section AccessedBy',
    { failsInRocm: BOTH },
    ({ hip, places, managed, accessedBy }) => {
      for (const place of places) {
        const memory = managed(PAGE);
        hip.memAdvise(memory, PAGE, Advise.setAccessedBy, place);
        expect(accessedBy(memory, PAGE, 1)).toEqual([place]);
        hip.memAdvise(memory, PAGE, Advise.unsetAccessedBy, place);
        expect(accessedBy(memory, PAGE, 1)).toEqual([NONE]);
      }
    },
  );

  catchCase(
    'Unit_hipMemAdvise_No_Flag_Interference',
    { failsInRocm: BOTH },
    ({ hip, places, managed, read, accessedBy }) => {
      const orders = [
        [0, 1, 2],
        [0, 2, 1],
        [1, 0, 2],
        [1, 2, 0],
        [2, 0, 1],
        [2, 1, 0],
      ];
      for (const place of places) {
        for (const order of orders) {
          const memory = managed(PAGE);
          for (const index of order) hip.memAdvise(memory, PAGE, THREE_ADVICES[index]!, place);
          expect(read(Attribute.readMostly, memory, PAGE)).toBe(1);
          expect(read(Attribute.preferredLocation, memory, PAGE)).toBe(place);
          expect(accessedBy(memory, PAGE, 1)).toEqual([place]);
        }
      }
    },
  );

  catchCase('Unit_hipMemAdvise_Rounding', {}, ({ hip, gpus, managed, accessedBy }) => {
    for (const gpu of gpus) {
      for (const [offset, width] of [
        [PAGE / 4, PAGE / 2],
        [PAGE / 2, PAGE],
        [PAGE / 2, 2 * PAGE],
      ] as const) {
        const memory = managed(3 * PAGE);
        hip.memAdvise(memory.address + BigInt(offset), width, Advise.setAccessedBy, gpu);
        const rounded = Math.ceil((offset + width) / PAGE) * PAGE;
        expect(accessedBy(memory, rounded, 1)).toEqual([gpu]);
        expect(accessedBy(memory, 3 * PAGE, 1)).toEqual([rounded === 3 * PAGE ? gpu : NONE]);
      }
    }
  });

  catchCase('Unit_hipMemAdvise_Flags_Do_Not_Cause_Prefetch', {}, ({ hip, places, managed, read }) => {
    for (const place of places) {
      for (const advice of [Advise.setPreferredLocation, Advise.setAccessedBy]) {
        const memory = managed(PAGE);
        hip.memAdvise(memory, PAGE, advice, place);
        expect(read(Attribute.lastPrefetchLocation, memory, PAGE)).toBe(NONE);
      }
    }
  });

  // The GPU of the first prefetch still claims the range after the second one.
  catchCase('Unit_hipMemAdvise_Prefetch_After_Advise', { failsInRocm: [2] }, async ({ hip, places, managed, read }) => {
    for (const place of places) {
      for (const advice of [Advise.setReadMostly, Advise.setPreferredLocation]) {
        const memory = managed(PAGE);
        hip.memAdvise(memory, PAGE, advice, place);
        for (const target of places) {
          hip.memPrefetchAsync(memory, PAGE, target);
          await hip.streamSynchronize(null);
          if (target !== CPU) {
            hip.setDevice(target);
            await hip.deviceSynchronize();
          }
          expect(read(Attribute.lastPrefetchLocation, memory, PAGE)).toBe(target);
        }
        if (advice === Advise.setReadMostly) expect(read(Attribute.readMostly, memory, PAGE)).toBe(1);
        else expect(read(Attribute.preferredLocation, memory, PAGE)).toBe(place);
      }
    }
  });

  // With two GPUs the one that was preferred first still claims the range.
  catchCase(
    'Unit_hipMemAdvise_Read_Write_After_Advise',
    { failsInRocm: [2] },
    async ({ hip, gpus, places, managed, read }) => {
      const memory = managed(PAGE);
      for (const place of places) {
        hip.memAdvise(memory, PAGE, Advise.setPreferredLocation, place);
        memory.write(0, new Uint8Array(new Int32Array(PAGE / 4).fill(-1).buffer));
        for (const gpu of gpus) {
          await onEachInt(hip, gpu, memory, (value) => value + 1);
          expect(intsOf(memory).every((value) => value === gpu)).toBe(true);
        }
        expect(read(Attribute.preferredLocation, memory, PAGE)).toBe(place);
      }
    },
  );

  catchCase('Unit_hipMemAdvise_AccessedBy_All_Devices', {}, ({ hip, gpus, managed, accessedBy }) => {
    const memory = managed(PAGE);
    for (const gpu of gpus) hip.memAdvise(memory, PAGE, Advise.setAccessedBy, gpu);
    expect(accessedBy(memory, PAGE, gpus.length)).toEqual(gpus);
  });

  catchCase('Unit_hipMemAdvise_Negative_Parameters', {}, ({ hip, managed }) => {
    const memory = managed(PAGE);
    expect(codeOf(() => hip.memAdvise(memory, PAGE, -1, 0))).toBe(INVALID);
    for (const advice of THREE_ADVICES) {
      expect(codeOf(() => hip.memAdvise(memory, 0, advice, 0))).toBe(INVALID);
      expect(codeOf(() => hip.memAdvise(null, PAGE, advice, 0))).toBe(INVALID);
      expect(codeOf(() => hip.memAdvise(hip.malloc(PAGE), PAGE, advice, 0))).toBe(INVALID);
      expect(codeOf(() => hip.memAdvise(memory, PAGE + 1, advice, 0))).toBe(INVALID);
      const isReadMostly = advice === Advise.setReadMostly;
      expect(codeOf(() => hip.memAdvise(memory, PAGE, advice, NONE))).toBe(isReadMostly ? 0 : 101);
    }
  });
});

describe('hipMemAdvise_v2.cc', () => {
  catchCase('Unit_hipMemAdvise_v2_HostNuma_HostNumaCurrent', { cpuAgents: 2 }, ({ hip, managed, read }) => {
    const memory = managed(4096);
    memory.write(0, new Uint8Array(new Int32Array(1024).fill(10).buffer));
    for (const id of [0, 1]) {
      hip.memAdvise_v2(memory, 4096, Advise.setReadMostly, { type: HipMemLocationType.hostNuma, id });
      expect(new Int32Array(memory.read().buffer).every((value) => value === 10)).toBe(true);
    }
    hip.memAdvise_v2(memory, 4096, Advise.setReadMostly, { type: HipMemLocationType.hostNumaCurrent });
    expect(read(Attribute.readMostly, memory, 4096)).toBe(1);
  });

  catchCase('Unit_hipMemAdvise_v2_Negative', {}, ({ hip, managed }) => {
    const memory = managed(64);
    const device = { type: HipMemLocationType.device, id: 0 };
    expect(codeOf(() => hip.memAdvise_v2(null, 64, Advise.setReadMostly, device))).toBe(INVALID);
    expect(codeOf(() => hip.memAdvise_v2(memory, 0, Advise.setReadMostly, device))).toBe(INVALID);
    expect(codeOf(() => hip.memAdvise_v2(memory, 74, Advise.setReadMostly, device))).toBe(INVALID);
    expect(codeOf(() => hip.memAdvise_v2(memory, 64, Advise.setReadMostly, { type: -1, id: 0 }))).toBe(INVALID);
    expect(codeOf(() => hip.memAdvise_v2(memory, 64, -1, device))).toBe(INVALID);
  });
});
