/** HIP's own older tests of hipMemAdvise (peer tests 3.1 to 3.3), each under its name. */
import { describe, expect } from 'vitest';
import { NONE, catchCase, codeOf, intsOf, onEachInt } from '../../test/support/hip-rig.ts';
import { HipMemoryAdvise as Advise, HipMemRangeAttribute as Attribute } from './index.ts';

const THREE_ADVICES = [Advise.setReadMostly, Advise.setPreferredLocation, Advise.setAccessedBy];

describe('hipMemAdvise_old.cc', () => {
  catchCase('Unit_hipMemAdvise_TstFlags', {}, ({ hip, gpus, managed, read, accessedBy }) => {
    const memory = managed(8192);
    for (const gpu of gpus) {
      hip.memAdvise(memory, 8192, Advise.setReadMostly, gpu);
      expect(read(Attribute.readMostly, memory, 8192)).toBe(1);
      hip.memAdvise(memory, 8192, Advise.unsetReadMostly, gpu);
      expect(read(Attribute.readMostly, memory, 8192)).toBe(0);
      hip.memAdvise(memory, 8192, Advise.setPreferredLocation, gpu);
      expect(read(Attribute.preferredLocation, memory, 8192)).toBe(gpu);
      hip.memAdvise(memory, 8192, Advise.unsetPreferredLocation, gpu);
      expect(read(Attribute.preferredLocation, memory, 8192)).not.toBe(gpu);
      hip.memAdvise(memory, 8192, Advise.setAccessedBy, gpu);
      expect(accessedBy(memory, 8192, 1)).toEqual([gpu]);
      hip.memAdvise(memory, 8192, Advise.unsetAccessedBy, gpu);
      expect(accessedBy(memory, 8192, 1)[0]).toBeLessThan(0);
    }
  });

  catchCase('Unit_hipMemAdvise_NegtveTsts', {}, ({ hip, managed }) => {
    const memory = managed(8192);
    expect(codeOf(() => hip.memAdvise(null, 8192, Advise.setReadMostly, 0))).not.toBe(0);
    expect(codeOf(() => hip.memAdvise(memory, 0, Advise.setReadMostly, 0))).not.toBe(0);
    expect(codeOf(() => hip.memAdvise(memory, 24 << 10, Advise.setReadMostly, 0))).not.toBe(0);
  });

  // The GPU that was preferred first still claims the range.
  catchCase(
    'Unit_hipMemAdvise_PrefrdLoc, section preferred location',
    { failsInRocm: [2] },
    async ({ hip, gpus, managed, read }) => {
      const memory = managed(12 << 10);
      memory.write(0, new Uint8Array(new Int32Array(3 << 10).fill(4).buffer));
      for (const gpu of gpus) {
        hip.memAdvise(memory, 12 << 10, Advise.setPreferredLocation, gpu);
        await onEachInt(hip, gpu, memory, (value) => (value === 4 ? value * value : value));
        expect(intsOf(memory).every((value) => value === 16)).toBe(true);
        expect(read(Attribute.preferredLocation, memory, 12 << 10)).toBe(gpu);
      }
    },
  );

  // So does the one that it was prefetched to first.
  catchCase(
    'Unit_hipMemAdvise_PrefrdLoc, section prefetch',
    { failsInRocm: [2] },
    async ({ hip, gpus, managed, read }) => {
      const memory = managed(12 << 10);
      for (const gpu of gpus) {
        hip.memAdvise(memory, 12 << 10, Advise.setPreferredLocation, gpu);
        const stream = hip.streamCreate();
        hip.memPrefetchAsync(memory, 12 << 10, gpu, stream);
        await hip.streamSynchronize(stream);
        expect(read(Attribute.lastPrefetchLocation, memory, 12 << 10)).toBe(gpu);
      }
    },
  );

  catchCase('Unit_hipMemAdvise_ReadMostly', {}, async ({ hip, managed, read }) => {
    const memory = managed(4096);
    memory.write(0, new Uint8Array(new Float32Array(1024).fill(9999).buffer));
    hip.memAdvise(memory, 4096, Advise.setReadMostly, 0);
    expect(new Float32Array(memory.read().buffer)[1023]).toBe(9999);
    expect(read(Attribute.readMostly, memory, 4096)).toBe(1);
    hip.memPrefetchAsync(memory, 4096, 0);
    await hip.streamSynchronize(null);
    expect(read(Attribute.readMostly, memory, 4096)).toBe(1);
    hip.memAdvise(memory, 4096, Advise.setReadMostly, 99);
    hip.memAdvise(memory, 4096, Advise.unsetReadMostly, -12);
  });

  // The GPU that was preferred first still claims the range.
  catchCase(
    'Unit_hipMemAdvise_TstFlgOverrideEffect',
    { failsInRocm: [2] },
    ({ hip, gpus, managed, read, accessedBy }) => {
      const memory = managed(16 << 10);
      for (const gpu of gpus) {
        hip.memAdvise(memory, 16 << 10, Advise.setReadMostly, gpu);
        expect(read(Attribute.readMostly, memory, 16 << 10)).toBe(1);
        hip.memAdvise(memory, 16 << 10, Advise.setPreferredLocation, gpu);
        expect(read(Attribute.preferredLocation, memory, 16 << 10)).toBe(gpu);
        hip.memAdvise(memory, 16 << 10, Advise.setAccessedBy, gpu);
        expect(accessedBy(memory, 16 << 10, 1)).toEqual([gpu]);
        hip.memAdvise(memory, 16 << 10, Advise.unsetAccessedBy, gpu);
      }
    },
  );

  catchCase('Unit_hipMemAdvise_TstAccessedByFlg', {}, ({ hip, managed, read }) => {
    const memory = managed(16 << 10);
    hip.memAdvise(memory, 16 << 10, Advise.setAccessedBy, 0);
    expect(read(Attribute.lastPrefetchLocation, memory, 16 << 10)).toBe(NONE);
  });

  catchCase('Unit_hipMemAdvise_TstAccessedByFlg2', { gpus: [2] }, ({ hip, managed, accessedBy }) => {
    const memory = managed(16 << 10);
    hip.memAdvise(memory, 16 << 10, Advise.setAccessedBy, 0);
    hip.memPrefetchAsync(memory, 16 << 10, 1);
    expect(accessedBy(memory, 16 << 10, 2)[0]).toBe(0);
  });

  catchCase('Unit_hipMemAdvise_TstAccessedByFlg3', { gpus: [2] }, ({ hip, managed, accessedBy }) => {
    const memory = managed(16 << 10);
    hip.memAdvise(memory, 16 << 10, Advise.setAccessedBy, 0);
    hip.memAdvise(memory, 16 << 10, Advise.setPreferredLocation, 1);
    expect(accessedBy(memory, 16 << 10, 2)[0]).toBe(0);
    hip.memAdvise(memory, 16 << 10, Advise.unsetAccessedBy, 0);
    hip.memAdvise(memory, 16 << 10, Advise.setAccessedBy, 1);
    hip.memAdvise(memory, 16 << 10, Advise.setPreferredLocation, 0);
    expect(accessedBy(memory, 16 << 10, 2)[0]).toBe(1);
  });

  catchCase('Unit_hipMemAdvise_TstMemAdvisePrefrdLoc', {}, ({ hip, managed, read }) => {
    const memory = managed(16 << 10);
    hip.memAdvise(memory, 16 << 10, Advise.setPreferredLocation, 0);
    expect(read(Attribute.lastPrefetchLocation, memory, 16 << 10)).toBe(NONE);
  });

  catchCase('Unit_hipMemAdvise_TstMemAdviseLstPreftchLoc', { gpus: [2] }, async ({ hip, managed, read }) => {
    const memory = managed(16 << 10);
    hip.memAdvise(memory, 16 << 10, Advise.setPreferredLocation, 0);
    const stream = hip.streamCreate();
    hip.memPrefetchAsync(memory, 16 << 10, 1, stream);
    await hip.streamSynchronize(stream);
    expect(read(Attribute.lastPrefetchLocation, memory, 16 << 10)).toBe(1);
  });

  catchCase('Unit_hipMemAdvise_TstMemAdviseMultiFlag', {}, ({ hip, managed, read }) => {
    const memory = managed(16 << 10);
    hip.memAdvise(memory, 16 << 10, Advise.setReadMostly, 0);
    hip.memAdvise(memory, 16 << 10, Advise.setPreferredLocation, 0);
    expect([read(Attribute.readMostly, memory, 16 << 10), read(Attribute.preferredLocation, memory, 16 << 10)]).toEqual(
      [1, 0],
    );
  });

  catchCase('Unit_hipMemAdvise_TstSetUnsetPrfrdLoc', {}, ({ hip, managed, read }) => {
    const memory = managed(16 << 10);
    hip.memAdvise(memory, 16 << 10, Advise.setPreferredLocation, 0);
    expect(read(Attribute.preferredLocation, memory, 16 << 10)).toBe(0);
    hip.memAdvise(memory, 16 << 10, Advise.unsetPreferredLocation, 0);
    expect(read(Attribute.preferredLocation, memory, 16 << 10)).toBe(NONE);
  });

  catchCase('Unit_hipMemAdvise_MmapMem', {}, ({ hip, machine }) => {
    const size = 212_992 * 4;
    const address = machine.process.mmap({ size, kind: 'file' });
    for (const advice of THREE_ADVICES) expect(codeOf(() => hip.memAdvise(address, size, advice, 0))).toBe(0);
  });
});
