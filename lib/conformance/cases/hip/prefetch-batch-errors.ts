/** hipMemPrefetchBatchAsync.cc: what a batch refuses. */
import { CaseGroup } from '../../framework/case.ts';
import { HipDeviceAttribute, HipStatus } from '../../../hip/index.ts';
import type { HipMemLocation, HipPointer } from '../../../hip/index.ts';
import { Attribute, eachHip, hipFeatures, INVALID_VALUE, NONE, openHip, Place } from './runtime.ts';
import type { Hip } from './runtime.ts';

export const prefetchBatchErrorsGroup = new CaseGroup(
  'hip,hipMemPrefetchBatchAsync',
  'HIP: several prefetches in one call',
);

const SOURCE = 'HIP catch hipMemPrefetchBatchAsync.cc';

const INTS = 1024;

const SIZE = INTS * 4;

const DEVICE: HipMemLocation = { type: Place.device, id: 0 };

const toDevice = (id: number): HipMemLocation => ({ type: Place.device, id });

const last = (hip: Hip, memory: HipPointer): number => hip.ask(Attribute.lastPrefetchLocation, memory, SIZE);

prefetchBatchErrorsGroup
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

prefetchBatchErrorsGroup
  .case('Unit_hipMemPrefetchBatchAsync_Negative_NullAndInvalidPointers-hipMalloc', 'memory of hipMalloc is refused')
  .source(`${SOURCE} Negative_NullAndInvalidPointers`)
  .parameters(eachHip())
  .needs('special-mapping')
  .needsAt(hipFeatures)
  .run(async (t, point) => {
    const { runtime } = openHip(t, point);
    const memory = runtime.malloc(SIZE);
    const stream = runtime.streamCreate();
    const batch = (): void => runtime.memPrefetchBatchAsync([memory], [SIZE], 1, [DEVICE], [0], 1, 0, stream);
    await t.throws(batch, INVALID_VALUE, 'the batch');
    t.equal(runtime.streamQuery(stream), HipStatus.success, 'the stream of the batch');
  });

prefetchBatchErrorsGroup
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

prefetchBatchErrorsGroup
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

prefetchBatchErrorsGroup
  .case(
    'Unit_hipMemPrefetchBatchAsync_Negative_DeviceCapabilities',
    'memory that the runtime does not know is taken where all devices reach it, managed memory everywhere',
  )
  .source(`${SOURCE} Negative_DeviceCapabilities`)
  .parameters(eachHip())
  .needsAt(hipFeatures)
  .run(async (t, point) => {
    const hip = openHip(t, point);
    const unknown = t.map(SIZE).address;
    const batch = (memory: HipPointer): void =>
      hip.runtime.memPrefetchBatchAsync([memory], [SIZE], 1, [DEVICE], [0], 1, 0, hip.runtime.streamCreate());
    const reached = hip.runtime.deviceGetAttribute(HipDeviceAttribute.pageableMemoryAccess, 0) === 1;
    if (reached) batch(unknown);
    else await t.throws(() => batch(unknown), INVALID_VALUE, 'memory of mmap');
    const memory = hip.managed(SIZE);
    batch(memory);
    t.equal([last(hip, unknown), last(hip, memory)], [reached ? 0 : NONE, 0], 'LastPrefetchLocation of each');
  });
