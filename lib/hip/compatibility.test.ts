/** Where ROCm contradicts its manual: both sides of the switch, in the order of docs/hip.md. */
import { describe, expect, it } from 'vitest';
import { accessedBy, attributeOf, codeOf, CPU, NONE, openHip, PAGE } from '../../test/support/hip-rig.ts';
import {
  HipHmmFlag,
  HipMemLocationType,
  HipMemoryAdvise as Advise,
  HipMemRangeAttribute as Attribute,
} from './index.ts';
import type { HipCompatibility } from './index.ts';

const MODES: readonly HipCompatibility[] = ['rocm', 'documented'];

/** What `look` sees in each mode, on two GPUs. */
async function both<T>(look: (rig: ReturnType<typeof openHip>) => T | Promise<T>): Promise<Record<string, T>> {
  const seen: Record<string, T> = {};
  for (const compatibility of MODES) seen[compatibility] = await look(openHip({ compatibility, machine: { gpus: 2 } }));
  return seen;
}

describe('rocm and documented', () => {
  it('AccessedBy never lists the CPU', async () => {
    const seen = await both(({ hip }) => {
      const memory = hip.mallocManaged(2 * PAGE);
      for (const device of [CPU, 1]) hip.memAdvise(memory, PAGE, Advise.setAccessedBy, device);
      return [accessedBy(hip, memory, PAGE, 3), accessedBy(hip, memory, 2 * PAGE, 3)];
    });
    expect(seen).toEqual({
      rocm: [
        [1, NONE, NONE],
        [NONE, NONE, NONE],
      ],
      documented: [
        [1, CPU, NONE],
        [NONE, NONE, NONE],
      ],
    });
  });

  it('the CPU is forgotten with the memory', async () => {
    const { hip } = openHip({ compatibility: 'documented' });
    const first = hip.mallocManaged(PAGE);
    hip.memAdvise(first, PAGE, Advise.setAccessedBy, CPU);
    hip.memAdvise(first, PAGE, Advise.setCoarseGrain, 0);
    hip.free(first);
    const second = hip.mallocManaged(PAGE);
    expect(second.address).toBe(first.address);
    expect(hip.memRangeAttributes(second, PAGE)).toEqual({
      readMostly: false,
      preferredLocation: NONE,
      lastPrefetchLocation: NONE,
      accessedBy: [],
      coherencyMode: 0,
    });
  });

  it('UnsetAccessedBy of the CPU changes GPU 0', async () => {
    const seen = await both(({ hip }) => {
      const memory = hip.mallocManaged(PAGE);
      for (const device of [0, 1, CPU]) hip.memAdvise(memory, PAGE, Advise.setAccessedBy, device);
      hip.memAdvise(memory, PAGE, Advise.unsetAccessedBy, CPU);
      return accessedBy(hip, memory, PAGE, 3);
    });
    expect(seen).toEqual({ rocm: [1, NONE, NONE], documented: [0, 1, NONE] });
  });

  it('a range of mixed coherency reads as coarse', async () => {
    const seen = await both(({ hip }) => {
      const memory = hip.mallocManaged(3 * PAGE);
      hip.memAdvise(memory, 2 * PAGE, Advise.setCoarseGrain, 0);
      const mixed = attributeOf(hip, Attribute.coherencyMode, memory, 3 * PAGE);
      const coarse = attributeOf(hip, Attribute.coherencyMode, memory, 2 * PAGE);
      hip.memAdvise(memory, PAGE, Advise.unsetCoarseGrain, 0);
      return [
        mixed,
        coarse,
        attributeOf(hip, Attribute.coherencyMode, memory, PAGE),
        attributeOf(hip, Attribute.coherencyMode, memory, 2 * PAGE),
      ];
    });
    expect(seen).toEqual({ rocm: [1, 1, 0, 1], documented: [2, 1, 0, 2] });
  });

  it('the GPU that was preferred first is still reported after a move to a later one', async () => {
    const seen = await both(({ hip }) => {
      const memory = hip.mallocManaged(PAGE);
      const walk = [0, 1, 0, CPU, 1].map((device) => {
        hip.memAdvise(memory, PAGE, Advise.setPreferredLocation, device);
        return attributeOf(hip, Attribute.preferredLocation, memory, PAGE);
      });
      return walk;
    });
    expect(seen).toEqual({ rocm: [0, 0, 0, CPU, 1], documented: [0, 1, 0, CPU, 1] });
  });

  it('so is the GPU of the first prefetch, once the second one has run', async () => {
    const seen = await both(async ({ hip }) => {
      const memory = hip.mallocManaged(PAGE);
      const stream = hip.streamCreate();
      const walk: number[] = [];
      for (const device of [0, 1, CPU, 1]) {
        hip.memPrefetchAsync(memory, PAGE, device, stream);
        await hip.streamSynchronize(stream);
        walk.push(attributeOf(hip, Attribute.lastPrefetchLocation, memory, PAGE));
      }
      return walk;
    });
    expect(seen).toEqual({ rocm: [0, 0, CPU, 1], documented: [0, 1, CPU, 1] });
  });

  it('attributes of memory that is not managed are answered, and so are ranges beyond an allocation', async () => {
    const seen = await both(({ hip }) => {
      const data = new Int32Array(1);
      const ask = (memory: bigint | ReturnType<typeof hip.malloc>, count: number): number =>
        codeOf(() => hip.memRangeGetAttribute(data, 4, Attribute.readMostly, memory, count));
      const many = codeOf(() =>
        hip.memRangeGetAttributes([data], [4], [Attribute.readMostly], 1, hip.hostMalloc(PAGE), PAGE),
      );
      return [
        ask(hip.malloc(PAGE), PAGE),
        ask(hip.hostMalloc(PAGE), PAGE),
        ask(hip.mallocManaged(PAGE), 2 * PAGE),
        many,
      ];
    });
    expect(seen).toEqual({ rocm: [0, 0, 0, 0], documented: [1, 1, 1, 1] });
  });

  it('after a coherency that was known, the attributes of a list are taken from the next slot', async () => {
    // Pinned memory counts as managed, and its coherency is known; in 'documented' mode it is refused.
    const { hip } = openHip();
    const memory = hip.hostMalloc(PAGE);
    const [coherency, readMostly, preferred] = [new Int32Array([9]), new Int32Array([9]), new Int32Array([9])];
    const attributes = [Attribute.coherencyMode, Attribute.readMostly, Attribute.preferredLocation];
    hip.memRangeGetAttributes([coherency, readMostly, preferred], [4, 4, 4], attributes, 3, memory, PAGE);
    expect([coherency[0], readMostly[0], preferred[0]]).toEqual([0, 0, NONE]);
    // Of managed memory nothing is known before, so that nothing is shifted.
    const managed = hip.mallocManaged(PAGE);
    hip.memAdvise(managed, PAGE, Advise.setReadMostly, 0);
    hip.memAdvise(managed, PAGE, Advise.setPreferredLocation, 0);
    hip.memRangeGetAttributes([coherency, readMostly, preferred], [4, 4, 4], attributes, 3, managed, PAGE);
    expect([coherency[0], readMostly[0], preferred[0]]).toEqual([0, 1, 0]);
  });

  it('a prefetch that fails is not reported', async () => {
    const seen = await both(async ({ hip, machine }) => {
      const unknown = machine.process.mmap({ size: PAGE, kind: 'pfnmap' });
      const stream = hip.streamCreate();
      hip.memPrefetchAsync(unknown, PAGE, 0, stream);
      hip.memPrefetchAsync(hip.mallocManaged(PAGE), PAGE, 0, stream);
      const first = await hip.streamSynchronize(stream).then(
        () => 0,
        (error: { code: number }) => error.code,
      );
      return [
        first,
        await hip.streamSynchronize(stream).then(
          () => 0,
          () => 1,
        ),
      ];
    });
    expect(seen).toEqual({ rocm: [0, 0], documented: [1, 0] });
  });

  it('device memory is taken for a prefetch', async () => {
    const seen = await both(({ hip }) => codeOf(() => hip.memPrefetchAsync(hip.malloc(PAGE), PAGE, 0)));
    expect(seen).toEqual({ rocm: 0, documented: 1 });
  });

  it('a location type that is none counts as a device', async () => {
    const seen = await both(({ hip }) =>
      codeOf(() => hip.memPrefetchAsync_v2(hip.mallocManaged(PAGE), PAGE, { type: 9, id: 1 })),
    );
    expect(seen).toEqual({ rocm: 0, documented: 1 });
  });

  it('without managed memory any advice succeeds', () => {
    const codes = MODES.map((compatibility) => {
      const { hip } = openHip({ compatibility, machine: { svmConfigured: false } });
      const memory = hip.mallocManaged(PAGE);
      return [
        codeOf(() => hip.memAdvise(memory, PAGE, 77, 0)),
        codeOf(() => hip.memAdvise(memory, PAGE, Advise.setReadMostly, 0)),
      ];
    });
    expect(codes).toEqual([
      [0, 0],
      [1, 0],
    ]);
  });

  it('mixed places read as none, whoever has a claim on part of them', async () => {
    const { hip } = openHip({ compatibility: 'documented', machine: { gpus: 2 } });
    const memory = hip.mallocManaged(2 * PAGE);
    const second = memory.address + BigInt(PAGE);
    for (const [left, right] of [
      [0, 1],
      [1, CPU],
      [CPU, 0],
      [0, CPU],
      [CPU, 1],
    ] as const) {
      for (const [pointer, device] of [
        [memory.address, left],
        [second, right],
      ] as const) {
        hip.memAdvise(pointer, PAGE, Advise.setPreferredLocation, device);
        hip.memPrefetchAsync(pointer, PAGE, device);
      }
      await hip.deviceSynchronize();
      hip.setDevice(1);
      await hip.deviceSynchronize();
      hip.setDevice(0);
      const seen = [Attribute.preferredLocation, Attribute.lastPrefetchLocation].map((attribute) =>
        attributeOf(hip, attribute, memory, 2 * PAGE),
      );
      expect(seen, `${left} and ${right}`).toEqual([NONE, NONE]);
    }
  });
});

describe('without managed memory', () => {
  it('allocates plain memory, prefetches nothing, writes no answers but the coherency', () => {
    const { hip } = openHip({ machine: { svmConfigured: false } });
    const memory = hip.mallocManaged(PAGE);
    memory.bytes[0] = 5;
    hip.memPrefetchAsync(memory, PAGE, 0);
    expect(attributeOf(hip, Attribute.readMostly, memory, PAGE)).toBe(12345);
    expect(attributeOf(hip, Attribute.coherencyMode, memory, PAGE)).toBe(0);
    expect(hip.deviceGetAttribute('hipDeviceAttributeManagedMemory', 0)).toBe(0);
    const batch = (): void =>
      hip.memPrefetchBatchAsync(
        [memory],
        [PAGE],
        1,
        [{ type: HipMemLocationType.device, id: 0 }],
        [0],
        1,
        0,
        hip.streamCreate(),
      );
    expect(codeOf(batch)).toBe(1);
  });
});

describe('EnableSvmTracking', () => {
  it('refuses what the runtime does not know', () => {
    const { hip, machine } = openHip({ hmmFlags: HipHmmFlag.enableSvmTracking });
    const unknown = machine.process.mmap({ size: PAGE });
    const memory = hip.mallocManaged(PAGE);
    expect(codeOf(() => hip.memAdvise(unknown, PAGE, Advise.setReadMostly, 0))).toBe(1);
    expect(codeOf(() => attributeOf(hip, Attribute.readMostly, unknown, PAGE))).toBe(1);
    expect(codeOf(() => attributeOf(hip, Attribute.readMostly, memory, 2 * PAGE))).toBe(1);
    expect(codeOf(() => hip.memAdvise(memory, PAGE, Advise.setReadMostly, 0))).toBe(0);
  });
});

describe('device attributes', () => {
  it('are what the machine is', () => {
    const { hip } = openHip({ machine: { apu: true } });
    expect(
      [
        'ManagedMemory',
        'hipDeviceAttributeConcurrentManagedAccess',
        'PageableMemoryAccess',
        'DirectManagedMemAccessFromHost',
        'PageableMemoryAccessUsesHostPageTables',
      ].map((name) => hip.deviceGetAttribute(name, 0)),
    ).toEqual([1, 1, 1, 1, 1]);
    const discrete = openHip({ machine: { sriovXnack: false } }).hip;
    expect(
      ['ManagedMemory', 'PageableMemoryAccess', 'DirectManagedMemAccessFromHost'].map((name) =>
        discrete.deviceGetAttribute(name, 0),
      ),
    ).toEqual([1, 0, 0]);
    expect(codeOf(() => hip.deviceGetAttribute('ManagedMemory', 1))).toBe(101);
    expect(codeOf(() => hip.deviceGetAttribute('WarpSize', 0))).toBe(1);
  });
});
