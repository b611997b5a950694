/** HIP's own tests of prefetch, allocation and attachment that only set and get (peer tests 3.6 to 3.8), each under its name. */
import { describe, expect, it } from 'vitest';
import { CPU, NONE, PAGE, catchCase, codeOf, openHip } from '../../test/support/hip-rig.ts';
import {
  HipMemAttach,
  HipMemLocationType,
  HipMemoryAdvise as Advise,
  HipMemRangeAttribute as Attribute,
} from './index.ts';
import type { HipMemLocation, HipPointer } from './index.ts';

const INVALID = 1;

describe('hipMemPrefetchAsync.cc', () => {
  catchCase('Unit_hipMemPrefetchAsync_Rounding_Behavior', {}, async ({ hip, gpus, managed, read }) => {
    for (const gpu of gpus) {
      for (const [offset, width] of [
        [PAGE / 4, PAGE / 2],
        [PAGE / 2, PAGE],
        [PAGE / 2, 2 * PAGE],
      ] as const) {
        const memory = managed(3 * PAGE);
        hip.setDevice(gpu);
        hip.memPrefetchAsync(memory.address + BigInt(offset), width, gpu);
        await hip.deviceSynchronize();
        const rounded = Math.ceil((offset + width) / PAGE) * PAGE;
        expect(read(Attribute.lastPrefetchLocation, memory, rounded)).toBe(gpu);
        expect(read(Attribute.lastPrefetchLocation, memory, 3 * PAGE)).toBe(rounded === 3 * PAGE ? gpu : NONE);
      }
    }
  });

  catchCase('Unit_hipMemPrefetchAsync_Negative_Parameters', {}, ({ hip, places, managed }) => {
    for (const place of places) {
      const memory = managed(PAGE);
      expect(codeOf(() => hip.memPrefetchAsync(null, PAGE, place))).toBe(INVALID);
      expect(codeOf(() => hip.memPrefetchAsync(memory, 0, place))).toBe(INVALID);
      expect(codeOf(() => hip.memPrefetchAsync(memory, PAGE + 1, place))).toBe(INVALID);
      expect(codeOf(() => hip.memPrefetchAsync(memory, PAGE, NONE))).toBe(101);
      const stream = hip.streamCreate();
      hip.streamDestroy(stream);
      expect(codeOf(() => hip.memPrefetchAsync(memory, PAGE, place, stream))).toBe(709);
    }
  });

  catchCase('Unit_hipMemPrefetchAsync_NegativeTst', {}, ({ hip, gpus, managed }) => {
    const memory = managed(16 << 10);
    expect(codeOf(() => hip.memPrefetchAsync(null, 16 << 10, 0))).not.toBe(0);
    expect(codeOf(() => hip.memPrefetchAsync(memory, 0, 0))).not.toBe(0);
    expect(codeOf(() => hip.memPrefetchAsync(memory, 32 << 10, 0))).not.toBe(0);
    expect(codeOf(() => hip.memPrefetchAsync(memory, 16 << 10, 9999))).not.toBe(0);
    expect(codeOf(() => hip.memPrefetchAsync(memory, 8 << 10, 0))).toBe(0);
    expect(codeOf(() => hip.memPrefetchAsync(memory, 16 << 10, 0, null))).toBe(0);
    hip.setDevice(gpus.length - 1);
    expect(codeOf(() => hip.memPrefetchAsync(memory, 16 << 10, gpus.length - 1, hip.streamCreate()))).toBe(0);
  });

  catchCase('Unit_hipMemPrefetchAsync_AdviseFlgTst', { gpus: [2] }, async ({ hip, managed, read, accessedBy }) => {
    const size = 16 << 10;
    const memory = managed(size);
    memory.write(0, new Uint8Array(size).fill(123));
    hip.memPrefetchAsync(memory, size, 0);
    await hip.streamSynchronize(null);
    hip.memAdvise(memory, size, Advise.setReadMostly, 1);
    expect(read(Attribute.readMostly, memory, size)).toBe(1);
    hip.memAdvise(memory, size, Advise.setAccessedBy, 1);
    expect(accessedBy(memory, size, 2)[0]).toBe(1);
    hip.memAdvise(memory, size, Advise.setPreferredLocation, 1);
    expect(read(Attribute.preferredLocation, memory, size)).toBe(1);
  });

  catchCase(
    'Unit_hipMemPrefetchAsync_v2_HostNuma_HostNumaCurrent',
    { cpuAgents: 2 },
    async ({ hip, managed, read }) => {
      const memory = managed(4096);
      for (const location of [
        { type: HipMemLocationType.hostNuma, id: 0 },
        { type: HipMemLocationType.hostNuma, id: 1 },
        { type: HipMemLocationType.hostNumaCurrent },
      ]) {
        hip.memPrefetchAsync_v2(memory, 4096, location);
        await hip.streamSynchronize(null);
        expect(read(Attribute.lastPrefetchLocation, memory, 4096)).toBe(CPU);
      }
    },
  );

  catchCase('Unit_hipMemPrefetchAsync_v2_Negative', {}, ({ hip, gpus, managed }) => {
    const memory = managed(64);
    const device = { type: HipMemLocationType.device, id: 0 };
    expect(codeOf(() => hip.memPrefetchAsync_v2(null, 64, device))).toBe(INVALID);
    expect(codeOf(() => hip.memPrefetchAsync_v2(memory, 0, device))).toBe(INVALID);
    expect(codeOf(() => hip.memPrefetchAsync_v2(memory, 74, device))).toBe(INVALID);
    expect(
      codeOf(() => hip.memPrefetchAsync_v2(memory, 64, { type: HipMemLocationType.device, id: gpus.length })),
    ).toBe(101);
  });
});

describe('hipMemPrefetchBatchAsync.cc', () => {
  const size = 4096;
  const device: HipMemLocation = { type: HipMemLocationType.device, id: 0 };

  catchCase('Unit_hipMemPrefetchBatchAsync_Negative_NullAndInvalidPointers', {}, ({ hip, managed }) => {
    const stream = hip.streamCreate();
    const memory = managed(size);
    expect(codeOf(() => hip.memPrefetchBatchAsync(null, [size], 1, [device], [0], 1, 0, stream))).toBe(INVALID);
    expect(codeOf(() => hip.memPrefetchBatchAsync([memory], null, 1, [device], [0], 1, 0, stream))).toBe(INVALID);
    expect(codeOf(() => hip.memPrefetchBatchAsync([memory], [size], 1, null, [0], 1, 0, stream))).toBe(INVALID);
    expect(codeOf(() => hip.memPrefetchBatchAsync([memory], [size], 1, [device], null, 1, 0, stream))).toBe(INVALID);
    expect(codeOf(() => hip.memPrefetchBatchAsync([null], [size], 1, [device], [0], 1, 0, stream))).toBe(INVALID);
  });

  // Since July 2026; before, where the GPUs reach pageable memory, the code let everything pass that it knew.
  catchCase(
    'Unit_hipMemPrefetchBatchAsync_Negative_NullAndInvalidPointers, section hipMalloc memory',
    {},
    ({ hip }) => {
      const memory = hip.malloc(size);
      expect(
        codeOf(() => hip.memPrefetchBatchAsync([memory], [size], 1, [device], [0], 1, 0, hip.streamCreate())),
      ).toBe(INVALID);
    },
  );

  it('Unit_hipMemPrefetchBatchAsync_Negative_NullAndInvalidPointers, section hipMalloc memory: refused without pageable access', () => {
    const { hip } = openHip({ machine: { sriovXnack: false } });
    const memory = hip.malloc(size);
    expect(codeOf(() => hip.memPrefetchBatchAsync([memory], [size], 1, [device], [0], 1, 0, hip.streamCreate()))).toBe(
      INVALID,
    );
  });

  catchCase('Unit_hipMemPrefetchBatchAsync_Negative_IndexArrayConstraints', {}, ({ hip, managed, read }) => {
    const stream = hip.streamCreate();
    const memories = [managed(size), managed(size), managed(size)];
    for (const indexes of [
      [1, 2, 0],
      [0, 1, 0],
      [0, 1, 1],
      [0, 2, 4],
    ]) {
      const batch = (): void =>
        hip.memPrefetchBatchAsync(memories, [size, size, size], 3, [device, device, device], indexes, 3, 0, stream);
      expect(codeOf(batch)).toBe(INVALID);
    }
    // Nothing was issued.
    for (const memory of memories) expect(read(Attribute.lastPrefetchLocation, memory, size)).toBe(NONE);
  });

  catchCase('Unit_hipMemPrefetchBatchAsync_Negative_ParameterValidation', {}, ({ hip, managed }) => {
    const stream = hip.streamCreate();
    const pointers: HipPointer[] = [managed(size), managed(size)];
    const two = [size, size];
    const batch = (
      sizes: number[],
      count: number,
      locations: HipMemLocation[],
      indexes: number[],
      flags = 0,
      on: typeof stream | null = stream,
    ): number =>
      codeOf(() => hip.memPrefetchBatchAsync(pointers, sizes, count, locations, indexes, locations.length, flags, on));
    expect(batch(two, 0, [device], [0])).toBe(INVALID);
    expect(batch(two, 2, [], [])).toBe(INVALID);
    expect(batch(two, 2, [device, device, device], [0, 1, 2])).toBe(INVALID);
    expect(batch([size, size * 10], 2, [device], [0])).toBe(INVALID);
    expect(batch([size, 0], 2, [device], [0])).toBe(INVALID);
    expect(batch(two, 2, [device], [0], 1)).toBe(INVALID);
    expect(batch(two, 2, [device], [0], 0, null)).toBe(INVALID);
    expect(batch(two, 2, [{ type: HipMemLocationType.device, id: -5 }], [0])).toBe(INVALID);
    expect(batch(two, 2, [device], [0])).toBe(0);
  });

  catchCase('Unit_hipMemPrefetchBatchAsync_Negative_DeviceCapabilities', {}, ({ hip, machine, managed }) => {
    const unknown = machine.process.mmap({ size });
    const stream = hip.streamCreate();
    // All devices of this rig reach pageable memory.
    expect(codeOf(() => hip.memPrefetchBatchAsync([unknown], [size], 1, [device], [0], 1, 0, stream))).toBe(0);
    expect(codeOf(() => hip.memPrefetchBatchAsync([managed(size)], [size], 1, [device], [0], 1, 0, stream))).toBe(0);
  });

  catchCase(
    'Unit_hipMemPrefetchBatchAsync_LocationDistribution, without contents',
    {},
    async ({ hip, managed, read }) => {
      const stream = hip.streamCreate();
      const host: HipMemLocation = { type: HipMemLocationType.host };
      const distribute = async (count: number, locations: HipMemLocation[], indexes: number[]): Promise<number[]> => {
        const memories = Array.from({ length: count }, () => managed(size));
        hip.memPrefetchBatchAsync(
          memories,
          memories.map(() => size),
          count,
          locations,
          indexes,
          locations.length,
          0,
          stream,
        );
        await hip.streamSynchronize(stream);
        return memories.map((memory) => read(Attribute.lastPrefetchLocation, memory, size));
      };
      expect(await distribute(4, [device], [0])).toEqual([0, 0, 0, 0]);
      expect(await distribute(4, [device, host, device, host], [0, 1, 2, 3])).toEqual([0, CPU, 0, CPU]);
      expect(await distribute(6, [device, host], [0, 3])).toEqual([0, 0, 0, CPU, CPU, CPU]);
    },
  );
});

describe('hipMallocManaged.cc', () => {
  catchCase('Unit_hipMallocManaged_Basic', {}, ({ managed }) => {
    const sizes = [1, 2, 3].map(() => managed(256 << 20).size);
    expect(sizes).toEqual([256 << 20, 256 << 20, 256 << 20]);
  });

  catchCase('Unit_hipMallocManaged_Large', {}, ({ hip }) => {
    expect(codeOf(() => hip.mallocManaged((1n << 64n) - 1n))).toBe(2);
  });

  catchCase('Unit_hipMallocManaged_Negative', {}, ({ hip }) => {
    for (const flags of [HipMemAttach.global, HipMemAttach.host])
      expect(codeOf(() => hip.mallocManaged(0, flags))).toBe(INVALID);
    for (const flags of [0, 145, 3]) expect(codeOf(() => hip.mallocManaged(PAGE, flags))).toBe(INVALID);
  });
});

describe('hipStreamAttachMemAsync.cc', () => {
  catchCase('Unit_hipStreamAttachMemAsync_Positive_Basic', {}, ({ hip }) => {
    hip.streamAttachMemAsync(hip.streamCreate(), hip.mallocManaged(PAGE, HipMemAttach.host), 0);
  });

  catchCase('Unit_hipStreamAttachMemAsync_Positive_Pageable', {}, ({ hip, machine }) => {
    hip.streamAttachMemAsync(hip.streamCreate(), machine.process.mmap({ size: PAGE }), PAGE);
  });

  catchCase('Unit_hipStreamAttachMemAsync_Negative_Parameters', {}, ({ hip, machine, managed }) => {
    const stream = hip.streamCreate();
    const memory = managed(PAGE);
    const destroyed = hip.streamCreate();
    hip.streamDestroy(destroyed);
    expect(codeOf(() => hip.streamAttachMemAsync(destroyed, memory))).toBe(709);
    expect(codeOf(() => hip.streamAttachMemAsync(stream, null))).toBe(INVALID);
    expect(codeOf(() => hip.streamAttachMemAsync(stream, memory, PAGE / 2))).toBe(INVALID);
    expect(codeOf(() => hip.streamAttachMemAsync(stream, memory, 0, 7))).toBe(INVALID);
    expect(codeOf(() => hip.streamAttachMemAsync(null, memory, 0, HipMemAttach.single))).toBe(INVALID);
    expect(codeOf(() => hip.streamAttachMemAsync(stream, machine.process.mmap({ size: PAGE }), 0))).toBe(INVALID);
  });

  it('Unit_hipStreamAttachMemAsync_Negative_Parameters, section pageable not supported', () => {
    const { hip, machine } = openHip({ machine: { sriovXnack: false } });
    expect(codeOf(() => hip.streamAttachMemAsync(hip.streamCreate(), machine.process.mmap({ size: PAGE }), PAGE))).toBe(
      INVALID,
    );
  });

  catchCase('Unit_hipStreamAttachMemAsync_Negative (stream/)', {}, ({ hip, machine, managed }) => {
    const stack = machine.process.mmap({ size: PAGE, kind: 'stack' });
    expect(codeOf(() => hip.streamAttachMemAsync(hip.streamCreate(), stack, 0, HipMemAttach.single))).toBe(INVALID);
    expect(codeOf(() => hip.streamAttachMemAsync(hip.streamCreate(), null, 4))).toBe(INVALID);
    expect(codeOf(() => hip.streamAttachMemAsync(hip.streamCreate(), managed(4), 3))).toBe(INVALID);
    for (const stream of [null, 'per-thread', hip.streamCreate()] as const) {
      expect(codeOf(() => hip.streamAttachMemAsync(stream, managed(4), 4, 3))).toBe(INVALID);
    }
  });
});
