/** What each call sends to which GPU, seen through the traffic view (hip.md sections 2 to 4). */
import { describe, expect, it } from 'vitest';
import { codeOf, linesOf, openHip, PAGE } from '../../test/support/hip-rig.ts';
import type { HipCompatibility, HipMemory } from './index.ts';
import { HipHmmFlag, HipMemLocationType, HipMemoryAdvise as Advise } from './index.ts';

function open(compatibility: HipCompatibility = 'rocm') {
  const rig = openHip({ compatibility, machine: { gpus: 2 } });
  return { ...rig, memory: rig.hip.mallocManaged(PAGE) };
}

/** The ioctls of one advice, without the name of the call. */
async function sent(advice: number, device: number, compatibility: HipCompatibility = 'rocm'): Promise<string> {
  const { hip, memory } = open(compatibility);
  const [line] = await linesOf(hip, () => hip.memAdvise(memory, PAGE, advice, device));
  return line!.split(' -> ')[1]!;
}

describe('hipMemAdvise', () => {
  it.each([
    ['SetReadMostly', Advise.setReadMostly, 0, 'GPU0: GPU_READ_MOSTLY=1; GPU1: GPU_READ_MOSTLY=1'],
    ['UnsetReadMostly', Advise.unsetReadMostly, 99, 'GPU0: GPU_READ_MOSTLY=0; GPU1: GPU_READ_MOSTLY=0'],
    ['SetPreferredLocation, GPU 0', Advise.setPreferredLocation, 0, 'GPU0: PREFERRED_LOC=1'],
    ['SetPreferredLocation, GPU 1', Advise.setPreferredLocation, 1, 'GPU1: PREFERRED_LOC=1'],
    [
      'SetPreferredLocation, CPU',
      Advise.setPreferredLocation,
      -1,
      'GPU0: PREFERRED_LOC=SYSMEM; GPU1: PREFERRED_LOC=SYSMEM',
    ],
    [
      'UnsetPreferredLocation',
      Advise.unsetPreferredLocation,
      1,
      'GPU0: PREFERRED_LOC=UNDEFINED; GPU1: PREFERRED_LOC=UNDEFINED',
    ],
    ['SetAccessedBy, GPU 1', Advise.setAccessedBy, 1, 'GPU1: ACCESS=IN_PLACE'],
    ['SetAccessedBy, CPU', Advise.setAccessedBy, -1, 'GPU0: HOST_ACCESS=1; GPU1: HOST_ACCESS=1'],
    ['UnsetAccessedBy, GPU 1', Advise.unsetAccessedBy, 1, 'GPU1: ACCESS=ALLOW_MIGRATE'],
    ['UnsetAccessedBy, CPU: GPU 0 is changed', Advise.unsetAccessedBy, -1, 'GPU0: ACCESS=ALLOW_MIGRATE'],
    ['SetCoarseGrain', Advise.setCoarseGrain, 0, 'GPU0: COHERENT=0; GPU1: COHERENT=0'],
    ['UnsetCoarseGrain', Advise.unsetCoarseGrain, 0, 'GPU0: COHERENT=1; GPU1: COHERENT=1'],
  ])('%s', async (_, advice, device, expected) => {
    expect(await sent(advice, device)).toBe(expected);
  });

  it.each([
    [
      'SetPreferredLocation, GPU 1: the other one is told',
      Advise.setPreferredLocation,
      1,
      'GPU0: PREFERRED_LOC=UNDEFINED; GPU1: PREFERRED_LOC=1',
    ],
    [
      'UnsetAccessedBy, CPU: no GPU loses anything',
      Advise.unsetAccessedBy,
      -1,
      'GPU0: HOST_ACCESS=1; GPU1: HOST_ACCESS=1',
    ],
  ])('documented: %s', async (_, advice, device, expected) => {
    expect(await sent(advice, device, 'documented')).toBe(expected);
  });

  it('names the call, and says when nothing was sent', async () => {
    const { hip, memory } = open();
    const lines = await linesOf(hip, () => {
      hip.memAdvise(memory, PAGE, Advise.setPreferredLocation, 1);
      hip.memAdvise_v2(memory, PAGE, Advise.setAccessedBy, { type: HipMemLocationType.device, id: 1 });
      hip.memAdvise_v2(memory, PAGE, Advise.setPreferredLocation, { type: HipMemLocationType.hostNuma, id: 1 });
      expect(codeOf(() => hip.memAdvise(memory, PAGE, Advise.setPreferredLocation, 9))).toBe(101);
    });
    expect(lines).toEqual([
      'hipMemAdvise(SetPreferredLocation, 1) -> GPU1: PREFERRED_LOC=1',
      'hipMemAdvise_v2(SetAccessedBy, Device 1) -> GPU1: ACCESS=IN_PLACE',
      'hipMemAdvise_v2(SetPreferredLocation, HostNuma 1) -> GPU0: PREFERRED_LOC=SYSMEM; GPU1: PREFERRED_LOC=SYSMEM',
      'hipMemAdvise(SetPreferredLocation, 9) -> no ioctl ! hipErrorInvalidDevice (101): device: expected a device below 2, got 9',
    ]);
  });

  it('rounds to pages', async () => {
    const { hip, memory } = open();
    const ranges: [bigint, bigint][] = [];
    const stop = hip.traffic.on(({ ioctls }) =>
      ranges.push(...ioctls.map(({ address, size }): [bigint, bigint] => [address, size])),
    );
    hip.memAdvise(memory.address + 1n, 2, Advise.setAccessedBy, 0);
    stop();
    expect(ranges).toEqual([[memory.address, 4096n]]);
  });
});

describe('allocation', () => {
  it('asks every GPU once, for access; freeing resets, as PR #8318 does', async () => {
    const { hip } = open();
    const reset =
      'PREFERRED_LOC=UNDEFINED, GRANULARITY=9, HOST_ACCESS=1, COHERENT=1, EXT_COHERENT=0, HIVE_LOCAL=0, GPU_RO=0, GPU_EXEC=0, ' +
      'GPU_READ_MOSTLY=0, ACCESS=ALLOW_MIGRATE';
    // The first reset asks for the default granularity.
    hip.free(hip.mallocManaged(1));
    expect(await linesOf(hip, () => hip.free(hip.mallocManaged(100_000)))).toEqual([
      'hipMallocManaged(100000) -> GPU0: ACCESS=ALLOW_MIGRATE; GPU1: ACCESS=ALLOW_MIGRATE',
      `hipFree() -> GPU0: ${reset}; GPU1: ${reset}`,
    ]);
  });

  it('2024 only unmaps', async () => {
    const { hip } = openHip({ release: '2024' });
    const memory = hip.mallocManaged(PAGE);
    expect(await linesOf(hip, () => hip.free(memory))).toEqual(['hipFree() -> no ioctl']);
  });

  it('prefetches at once with EnableMallocPrefetch', async () => {
    const { hip } = openHip({ hmmFlags: HipHmmFlag.enableMallocPrefetch });
    expect(await linesOf(hip, () => hip.mallocManaged(PAGE))).toEqual([
      'hipMallocManaged(4096) -> GPU0: ACCESS=ALLOW_MIGRATE; GPU0: PREFETCH_LOC=1',
    ]);
  });
});

describe('prefetch', () => {
  async function lines(compatibility: HipCompatibility, device: number, hmmFlags = 0): Promise<string[]> {
    const { hip } = openHip({ compatibility, hmmFlags, machine: { gpus: 2 } });
    const memory: HipMemory = hip.mallocManaged(PAGE);
    return linesOf(hip, () => hip.memPrefetchAsync(memory, PAGE, device, hip.streamCreate()));
  }

  it('goes to the GPU that is meant, and home to all', async () => {
    expect(await lines('rocm', 1)).toEqual(['hipMemPrefetchAsync(1) -> GPU1: PREFETCH_LOC=1']);
    expect(await lines('rocm', -1)).toEqual([
      'hipMemPrefetchAsync(-1) -> GPU0: PREFETCH_LOC=SYSMEM; GPU1: PREFETCH_LOC=SYSMEM',
    ]);
  });

  it('documented: the other GPUs give up their claim', async () => {
    expect(await lines('documented', 1)).toEqual([
      'hipMemPrefetchAsync(1) -> GPU1: PREFETCH_LOC=1; GPU0: PREFETCH_LOC=SYSMEM',
    ]);
  });

  it('goes to the CPU always with EnableSystemMemory', async () => {
    expect(await lines('rocm', 1, HipHmmFlag.enableSystemMemory)).toEqual([
      'hipMemPrefetchAsync(1) -> GPU0: PREFETCH_LOC=SYSMEM; GPU1: PREFETCH_LOC=SYSMEM',
    ]);
  });

  it('shows a batch as one call, and an ioctl that failed', async () => {
    const { hip } = openHip({ machine: { gpus: 2 } });
    const [first, second] = [hip.mallocManaged(PAGE), hip.mallocManaged(PAGE)];
    const gpu = { type: HipMemLocationType.device, id: 1 };
    const host = { type: HipMemLocationType.host };
    const batch = await linesOf(hip, () =>
      hip.memPrefetchBatchAsync([first, second], [PAGE, PAGE], 2, [gpu, host], [0, 1], 2, 0, hip.streamCreate()),
    );
    expect(batch).toEqual([
      'hipMemPrefetchBatchAsync(2) -> GPU1: PREFETCH_LOC=1; GPU0: PREFETCH_LOC=SYSMEM; GPU1: PREFETCH_LOC=SYSMEM',
    ]);
    const failed = await linesOf(hip, () => hip.memPrefetchAsync(hip.malloc(PAGE), PAGE, 0));
    expect(failed).toEqual([
      'hipMalloc(4096) -> no ioctl',
      'hipMemPrefetchAsync(0) -> GPU0: PREFETCH_LOC=1 [EOPNOTSUPP]',
    ]);
  });
});
