/** hipMemPrefetchBatchAsync.cc */
import { CaseGroup } from '../../framework/case.ts';
import { HipStatus } from '../../../hip/index.ts';
import type { HipMemLocation, HipPointer } from '../../../hip/index.ts';
import {
  Attribute,
  CPU,
  eachHip,
  hipFeatures,
  hold,
  INVALID_VALUE,
  ints,
  NONE,
  openHip,
  Place,
  settle,
  valuesOf,
} from './runtime.ts';
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
    t.equal(t.get(memory, [1]), [0xffff_ffff], 'the device while the kernel runs');
    await letGo();
    await hip.runtime.streamSynchronize(stream);
    t.equal(hip.runtime.streamQuery(stream), HipStatus.success, 'the stream afterwards');
    t.equal(t.get(memory, [1]), [1], 'the device afterwards');
  });

prefetchBatchGroup
  .case('Unit_hipMemPrefetchBatchAsync_Negative_NullAndInvalidPointers', 'a list or an entry that is null is refused')
  .source(`${SOURCE} Negative_NullAndInvalidPointers`)
  .parameters(eachHip())
  .needsAt(hipFeatures)
  .run(async (t, point) => {
    const hip = openHip(t, point);
    const { runtime } = hip;
    const memory = hip.managed(SIZE);
    const stream = runtime.streamCreate();
    await t.throws(
      () => runtime.memPrefetchBatchAsync(null, [SIZE], 1, [DEVICE], [0], 1, 0, stream),
      INVALID_VALUE,
      'no pointers',
    );
    await t.throws(
      () => runtime.memPrefetchBatchAsync([memory], null, 1, [DEVICE], [0], 1, 0, stream),
      INVALID_VALUE,
      'no sizes',
    );
    await t.throws(
      () => runtime.memPrefetchBatchAsync([memory], [SIZE], 1, null, [0], 1, 0, stream),
      INVALID_VALUE,
      'no places',
    );
    await t.throws(
      () => runtime.memPrefetchBatchAsync([memory], [SIZE], 1, [DEVICE], null, 1, 0, stream),
      INVALID_VALUE,
      'no indexes',
    );
    await t.throws(
      () => runtime.memPrefetchBatchAsync([null], [SIZE], 1, [DEVICE], [0], 1, 0, stream),
      INVALID_VALUE,
      'a null pointer',
    );
    t.equal(
      [runtime.streamQuery(stream), last(hip, memory)],
      [HipStatus.success, NONE],
      'stream and LastPrefetchLocation after the refusals',
    );
  });

prefetchBatchGroup
  .case(
    'Unit_hipMemPrefetchBatchAsync_Negative_NullAndInvalidPointers-hipMalloc',
    'memory of hipMalloc is refused; "rocm" takes it, where the GPUs reach pageable memory',
  )
  .source(`${SOURCE} Negative_NullAndInvalidPointers`)
  .parameters(eachHip())
  .needs('special-mapping')
  .needsAt(hipFeatures)
  .run(async (t, point) => {
    const { runtime, isRocm } = openHip(t, point);
    const memory = runtime.malloc(SIZE);
    const stream = runtime.streamCreate();
    const batch = (): void => runtime.memPrefetchBatchAsync([memory], [SIZE], 1, [DEVICE], [0], 1, 0, stream);
    if (isRocm) {
      batch();
      t.equal(runtime.streamQuery(stream), HipStatus.notReady, 'the stream of the batch');
      await runtime.streamSynchronize(stream);
    } else {
      await t.throws(batch, INVALID_VALUE, 'the batch');
      t.equal(runtime.streamQuery(stream), HipStatus.success, 'the stream of the batch');
    }
  });

prefetchBatchGroup
  .case(
    'Unit_hipMemPrefetchBatchAsync_Negative_IndexArrayConstraints',
    'indexes begin with 0 and go up, below the number of operations; nothing is issued otherwise',
  )
  .source(`${SOURCE} Negative_IndexArrayConstraints`)
  .parameters(eachHip().combine('indexes', ['1,2,0', '0,1,0', '0,1,1', '0,2,4']))
  .needsAt(hipFeatures)
  .run(async (t, point) => {
    const hip = openHip(t, point);
    const memories = [hip.managed(SIZE), hip.managed(SIZE), hip.managed(SIZE)];
    const indexes = point.indexes.split(',').map(Number);
    const batch = (given: number[]): void =>
      hip.runtime.memPrefetchBatchAsync(
        memories,
        [SIZE, SIZE, SIZE],
        3,
        [DEVICE, DEVICE, DEVICE],
        given,
        3,
        0,
        hip.runtime.streamCreate(),
      );
    await t.throws(() => batch(indexes), INVALID_VALUE, 'the batch');
    t.equal(
      memories.map((memory) => last(hip, memory)),
      [NONE, NONE, NONE],
      'LastPrefetchLocation of each',
    );
    batch([0, 1, 2]);
    t.equal(
      memories.map((memory) => last(hip, memory)),
      [0, 0, 0],
      'LastPrefetchLocation of each with indexes 0, 1, 2',
    );
  });

const BAD = [
  'count-0',
  'no-places',
  'more-places',
  'size-x10',
  'size-0',
  'flags',
  'null-stream',
  'device-minus-5',
  'device-too-many',
] as const;

prefetchBatchGroup
  .case(
    'Unit_hipMemPrefetchBatchAsync_Negative_ParameterValidation',
    'what is refused, all of it: the good operation before it is not issued either',
  )
  .source(`${SOURCE} Negative_ParameterValidation`)
  .parameters(eachHip().combine('bad', BAD))
  .needsAt(hipFeatures)
  .run(async (t, point) => {
    const hip = openHip(t, point);
    const memories = [hip.managed(SIZE), hip.managed(SIZE)];
    const stream = hip.runtime.streamCreate();
    interface Call {
      sizes?: number[];
      count?: number;
      locations?: HipMemLocation[];
      indexes?: number[];
      flags?: number;
      on?: typeof stream | null;
    }
    const batch = ({
      sizes = [SIZE, SIZE],
      count = 2,
      locations = [DEVICE],
      indexes = [0],
      flags = 0,
      on = stream,
    }: Call): void =>
      hip.runtime.memPrefetchBatchAsync(memories, sizes, count, locations, indexes, locations.length, flags, on);
    const calls: Readonly<Record<(typeof BAD)[number], Call>> = {
      'count-0': { count: 0 },
      'no-places': { locations: [], indexes: [] },
      'more-places': { locations: [DEVICE, DEVICE, DEVICE], indexes: [0, 1, 2] },
      'size-x10': { sizes: [SIZE, SIZE * 10] },
      'size-0': { sizes: [SIZE, 0] },
      flags: { flags: 1 },
      'null-stream': { on: null },
      'device-minus-5': { locations: [DEVICE, toDevice(-5)], indexes: [0, 1] },
      'device-too-many': { locations: [DEVICE, toDevice(point.gpus)], indexes: [0, 1] },
    };
    await t.throws(() => batch(calls[point.bad]), INVALID_VALUE, 'the batch');
    t.equal(
      memories.map((memory) => last(hip, memory)),
      [NONE, NONE],
      'LastPrefetchLocation of each',
    );
    batch({});
    t.equal(
      memories.map((memory) => last(hip, memory)),
      [0, 0],
      'LastPrefetchLocation of each after a good call',
    );
  });

prefetchBatchGroup
  .case(
    'Unit_hipMemPrefetchBatchAsync_Negative_DeviceCapabilities',
    'memory that the runtime does not know is refused, managed memory is taken',
  )
  .source(`${SOURCE} Negative_DeviceCapabilities`)
  .parameters(eachHip())
  .needsAt(hipFeatures)
  .run(async (t, point) => {
    const hip = openHip(t, point);
    const unknown = t.map(SIZE).address;
    const batch = (memory: HipPointer): void =>
      hip.runtime.memPrefetchBatchAsync([memory], [SIZE], 1, [DEVICE], [0], 1, 0, hip.runtime.streamCreate());
    await t.throws(() => batch(unknown), INVALID_VALUE, 'memory of mmap');
    const memory = hip.managed(SIZE);
    batch(memory);
    t.equal([last(hip, unknown), last(hip, memory)], [NONE, 0], 'LastPrefetchLocation of each');
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
        t.devices.map((device) => t.get(memories[gpu]!, [1], device)[0] === 1),
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
