/** hipMemPrefetchBatchAsync.cc */
import { CaseGroup } from '../../framework/case.ts';
import { HipStatus } from '../../../hip/index.ts';
import type { HipMemLocation, HipPointer } from '../../../hip/index.ts';
import { Attribute, CPU, eachHip, hipFeatures, hold, ints, openHip, Place, settle, valuesOf } from './runtime.ts';
import type { Hip } from './runtime.ts';

export const prefetchBatchGroup = new CaseGroup('hip,hipMemPrefetchBatchAsync', 'HIP: several prefetches in one call');

const SOURCE = 'HIP catch hipMemPrefetchBatchAsync.cc';

const INTS = 1024;

const SIZE = INTS * 4;

const HOST: HipMemLocation = { type: Place.host };

const DEVICE: HipMemLocation = { type: Place.device, id: 0 };

const toDevice = (id: number): HipMemLocation => ({ type: Place.device, id });

const last = (hip: Hip, memory: HipPointer): number => hip.ask(Attribute.lastPrefetchLocation, memory, SIZE);

/** What a GPU reads there, each value once. */
function seenBy(hip: Hip, device: number, address: bigint): Promise<number[]> {
  hip.runtime.setDevice(device);
  return hip.runtime.launch(null, async (queue) => valuesOf(await queue.read(address, SIZE)));
}

prefetchBatchGroup
  .case('Unit_hipMemPrefetchBatchAsync_SingleOperationSingleLocation', 'one operation to one place')
  .source(`${SOURCE} SingleOperationSingleLocation`)
  .parameters(eachHip())
  .needs('gpu-work')
  .needsAt(hipFeatures)
  .run(async (t, point) => {
    const hip = openHip(t, point);
    const memory = hip.managed(SIZE);
    memory.write(0, ints(INTS, 100));
    const stream = hip.runtime.streamCreate();
    hip.runtime.memPrefetchBatchAsync([memory], [SIZE], 1, [DEVICE], [0], 1, 0, stream);
    await hip.runtime.streamSynchronize(stream);
    t.equal(last(hip, memory), 0, 'LastPrefetchLocation');
    t.equal(await seenBy(hip, 0, memory.address), [100], 'what the GPU reads');
  });

const DISTRIBUTIONS = {
  'one-place': { count: 4, locations: [DEVICE], indexes: [0], expected: [0, 0, 0, 0] },
  alternating: { count: 4, locations: [DEVICE, HOST, DEVICE, HOST], indexes: [0, 1, 2, 3], expected: [0, CPU, 0, CPU] },
  'two-halves': { count: 6, locations: [DEVICE, HOST], indexes: [0, 3], expected: [0, 0, 0, CPU, CPU, CPU] },
} as const;

prefetchBatchGroup
  .case('Unit_hipMemPrefetchBatchAsync_LocationDistribution', 'each place is for the operations from its index on')
  .source(`${SOURCE} LocationDistribution`)
  .parameters(eachHip().combine('distribution', ['one-place', 'alternating', 'two-halves']))
  .needs('gpu-work')
  .needsAt(hipFeatures)
  .run(async (t, point) => {
    const hip = openHip(t, point);
    const { count, locations, indexes, expected } = DISTRIBUTIONS[point.distribution];
    const memories = Array.from({ length: count }, () => hip.managed(SIZE));
    for (const memory of memories) memory.write(0, ints(INTS, 100));
    const stream = hip.runtime.streamCreate();
    hip.runtime.memPrefetchBatchAsync(
      memories,
      memories.map(() => SIZE),
      count,
      locations,
      indexes,
      locations.length,
      0,
      stream,
    );
    await hip.runtime.streamSynchronize(stream);
    t.equal(
      memories.map((memory) => last(hip, memory)),
      [...expected],
      'LastPrefetchLocation of each',
    );
    for (const memory of memories)
      t.equal(
        [...valuesOf(memory.read()), ...(await seenBy(hip, 0, memory.address))],
        [100, 100],
        'what CPU and GPU read',
      );
  });

prefetchBatchGroup
  .case(
    'Unit_hipMemPrefetchBatchAsync_RoundTripDataIntegrity',
    'to the GPU, home, and to the GPU again: place and contents each time',
  )
  .source(`${SOURCE} RoundTripDataIntegrity`)
  .parameters(eachHip())
  .needs('gpu-work')
  .needsAt(hipFeatures)
  .run(async (t, point) => {
    const hip = openHip(t, point);
    const memory = hip.managed(SIZE);
    memory.write(0, ints(INTS, 100));
    const stream = hip.runtime.streamCreate();
    for (const [location, expected] of [
      [DEVICE, 0],
      [HOST, CPU],
      [DEVICE, 0],
    ] as const) {
      hip.runtime.memPrefetchBatchAsync([memory], [SIZE], 1, [location], [0], 1, 0, stream);
      await hip.runtime.streamSynchronize(stream);
      t.equal(last(hip, memory), expected, 'LastPrefetchLocation');
      t.equal(
        [...valuesOf(memory.read()), ...(await seenBy(hip, 0, memory.address))],
        [100, 100],
        'what CPU and GPU read',
      );
    }
  });

prefetchBatchGroup
  .case('Unit_hipMemPrefetchBatchAsync_Sync_Behavior', 'a batch waits for the kernel before it on the stream')
  .source(`${SOURCE} Sync_Behavior`)
  .parameters(eachHip().combine('stream', ['per-thread', 'created']))
  .needs('gpu-work')
  .needsAt(hipFeatures)
  .run(async (t, point) => {
    const hip = openHip(t, point);
    const memory = hip.managed(SIZE);
    const stream = point.stream === 'created' ? hip.runtime.streamCreate() : point.stream;
    const letGo = hold(hip, stream);
    hip.runtime.memPrefetchBatchAsync([memory], [SIZE], 1, [DEVICE], [0], 1, 0, stream);
    await settle();
    t.equal(hip.runtime.streamQuery(stream), HipStatus.notReady, 'the stream while the kernel runs');
    t.has(memory, { prefetchLocation: 'undefined' }, 'the device while the kernel runs');
    await letGo();
    await hip.runtime.streamSynchronize(stream);
    t.equal(hip.runtime.streamQuery(stream), HipStatus.success, 'the stream afterwards');
    t.has(memory, { prefetchLocation: 'device' }, 'the device afterwards');
  });

prefetchBatchGroup
  .case('Unit_hipMemPrefetchBatchAsync_MultiDevice', 'one buffer for each GPU in one batch')
  .source(`${SOURCE} MultiDevice`)
  .parameters(eachHip([2]))
  .needs('gpu-work')
  .needsAt(hipFeatures)
  .run(async (t, point) => {
    const hip = openHip(t, point);
    const memories = hip.gpus.map(() => hip.managed(SIZE));
    for (const [index, memory] of memories.entries()) memory.write(0, ints(INTS, 100 + index));
    const stream = hip.runtime.streamCreate();
    hip.runtime.memPrefetchBatchAsync(
      memories,
      memories.map(() => SIZE),
      2,
      hip.gpus.map(toDevice),
      [0, 1],
      2,
      0,
      stream,
    );
    await hip.runtime.streamSynchronize(stream);
    for (const gpu of hip.gpus) {
      t.equal(last(hip, memories[gpu]!), gpu, `LastPrefetchLocation of buffer ${gpu}`);
      t.equal(
        t.devices.map((device) => t.get(memories[gpu]!, ['prefetchLocation'], device)[0] === 1),
        hip.gpus.map((each) => each === gpu),
        `which devices got buffer ${gpu}`,
      );
      t.equal(await seenBy(hip, gpu, memories[gpu]!.address), [100 + gpu], `what GPU ${gpu} reads`);
    }
  });

prefetchBatchGroup
  .case('Unit_hipMemPrefetchBatchAsync_ManagedGlobalVariable', 'a __managed__ variable is prefetched')
  .source(`${SOURCE} ManagedGlobalVariable`)
  .needs('module-loading')
  .unimplemented('__managed__ variables come with a code object');
