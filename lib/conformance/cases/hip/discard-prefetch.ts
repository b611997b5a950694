/** hipMemDiscardBatchAsync.cc: the calls that discard and prefetch at once. */
import { HipStatus } from '../../../hip/index.ts';
import type { HipMemLocation, HipMemory, HipRuntime } from '../../../hip/index.ts';
import { CaseGroup } from '../../framework/case.ts';
import { refusedWithoutXnack } from './discard.ts';
import { checkUsable, filled, isEmpty } from './discarded.ts';
import {
  Attribute,
  eachHip,
  discardFeatures,
  hipFeatures,
  INVALID_VALUE,
  NONE,
  openHip,
  PAGE,
  Place,
} from './runtime.ts';
import type { Hip } from './runtime.ts';
import { distinct } from '../../support/distinct.ts';

export const discardAndPrefetchGroup = new CaseGroup(
  'hip,hipMemDiscardAndPrefetchBatchAsync',
  'HIP: memory whose contents are given up where it goes',
);

const SOURCE = 'HIP catch hipMemDiscardBatchAsync.cc';

const KIB_64 = 64 << 10;

const MEBIBYTE = 1 << 20;

const HOST: HipMemLocation = { type: Place.host };

const toDevice = (id: number): HipMemLocation => ({ type: Place.device, id });

const last = (hip: Hip, memory: HipMemory): number => hip.ask(Attribute.lastPrefetchLocation, memory, memory.size);

const CALLS = { runtime: 'memDiscardAndPrefetchBatchAsync', driver: 'drvMemDiscardAndPrefetchBatchAsync' } as const;

type Api = keyof typeof CALLS;

type Arguments = Parameters<HipRuntime[(typeof CALLS)[Api]]>;

/** Discards all of each to one place on a stream of its own, and waits. */
export async function toOne(
  { runtime }: Hip,
  memories: readonly HipMemory[],
  location: HipMemLocation,
  api: Api = 'runtime',
): Promise<void> {
  const stream = runtime.streamCreate();
  runtime[CALLS[api]](
    memories,
    memories.map(({ size }) => size),
    memories.length,
    [location],
    [0],
    1,
    0,
    stream,
  );
  await runtime.streamSynchronize(stream);
}

// What is replaced among good arguments for two buffers.
const BAD = {
  'pointers-null': [0, null],
  'sizes-null': [1, null],
  'count-0': [2, 0],
  'locations-null': [3, null],
  'indexes-null': [4, null],
  'first-index-1': [4, [1]],
  'no-location': [5, 0],
  'more-locations': [5, 3],
  flags: [6, 1],
  'null-stream': [7, null],
  'entry-null': [0, null],
  'size-0': [1, [PAGE, 0]],
  'size-beyond': [1, [PAGE, PAGE + 1]],
  'device-minus-5': [3, [toDevice(-5)]],
  'device-too-many': [3, [toDevice(2)]],
} as const satisfies Record<string, readonly [number, unknown]>;

discardAndPrefetchGroup
  .case(
    'Unit_hipMemDiscardBatchAsync_DiscardAndPrefetch_NegativeTests',
    'what is refused of the combined call: nothing is discarded or prefetched then',
  )
  .source(`${SOURCE} DiscardAndPrefetch_NegativeTests`)
  .parameters(
    eachHip()
      .combine('api', ['runtime', 'driver'])
      .combine('bad', Object.keys(BAD) as (keyof typeof BAD)[]),
  )
  .needsAt(hipFeatures)
  .run(async (t, point) => {
    const hip = openHip(t, point);
    const { runtime } = hip;
    const memories = [filled(hip, PAGE, 0xaa), filled(hip, PAGE, 0xbb)];
    const stream = runtime.streamCreate();
    // Three of each list, so that a number of 3 is the only thing wrong with it.
    const good: Arguments = [memories, [PAGE, PAGE], 2, [toDevice(0), HOST, HOST], [0, 1, 2], 1, 0, stream];
    const [index, value] = BAD[point.bad];
    const changed = point.bad === 'entry-null' ? [memories[0], null] : value;
    await t.throws(
      () => runtime[CALLS[point.api]](...(good.with(index, changed as never) as Arguments)),
      INVALID_VALUE,
      'the call',
    );
    t.equal(runtime.streamQuery(stream), HipStatus.success, 'the stream after the refusal');
    await runtime.deviceSynchronize();
    t.equal(
      memories.flatMap((memory) => [memory.read(0, 1)[0], last(hip, memory)]),
      [0xaa, NONE, 0xbb, NONE],
      'first byte and LastPrefetchLocation of each after the refusal',
    );
    if (t.can('xnack-off')) return void (await refusedWithoutXnack(t, () => runtime[CALLS[point.api]](...good)));
    runtime[CALLS[point.api]](...good);
    await runtime.streamSynchronize(stream);
    t.equal(
      memories.flatMap((memory) => [memory.read(0, 1)[0], last(hip, memory)]),
      [0, 0, 0, 0],
      'first byte and LastPrefetchLocation of each after a good call',
    );
  });

for (const [name, api, title] of [
  ['SingleBuffer', 'runtime', 'one call'],
  ['DrvSingleBuffer', 'driver', 'one call of the driver API'],
] as const) {
  discardAndPrefetchGroup
    .case(`Unit_hipMemDiscardBatchAsync_DiscardAndPrefetch_${name}`, `1 MiB is discarded and prefetched in ${title}`)
    .source(`${SOURCE} DiscardAndPrefetch_${name}`)
    .parameters(eachHip())
    .needs('gpu-work')
    .needsAt(discardFeatures)
    .run(async (t, point) => {
      const hip = openHip(t, point);
      for (const gpu of hip.gpus) {
        const memory = filled(hip, MEBIBYTE, 0xaa);
        await toOne(hip, [memory], toDevice(gpu), api);
        t.equal(last(hip, memory), gpu, 'LastPrefetchLocation');
        t.equal(
          t.devices.map((device) => t.get(memory, ['prefetchLocation'], device)[0]),
          hip.gpus.map((each) => (each === gpu ? 1 : 0)),
          'where each device was told to bring it',
        );
        hip.runtime.setDevice(gpu);
        t.equal(
          await hip.runtime.launch(null, async (queue) => distinct(await queue.read(memory.address, MEBIBYTE))),
          [0],
          'what the GPU reads',
        );
        checkUsable(t, memory);
      }
    });
}

discardAndPrefetchGroup
  .case(
    'Unit_hipMemDiscardBatchAsync_DiscardAndPrefetch_ParitySeparateCalls',
    'the combined call does what the two calls do',
  )
  .source(`${SOURCE} DiscardAndPrefetch_ParitySeparateCalls`)
  .parameters(eachHip())
  .needsAt(discardFeatures)
  .run(async (t, point) => {
    const hip = openHip(t, point);
    const { runtime } = hip;
    const stream = runtime.streamCreate();
    for (const gpu of hip.gpus) {
      const [fused, separate] = [filled(hip, KIB_64, 0xaa), filled(hip, KIB_64, 0xaa)];
      runtime.memDiscardAndPrefetchBatchAsync([fused], [KIB_64], 1, [toDevice(gpu)], [0], 1, 0, stream);
      runtime.memDiscardBatchAsync([separate], [KIB_64], 1, 0, stream);
      runtime.memPrefetchBatchAsync([separate], [KIB_64], 1, [toDevice(gpu)], [0], 1, 0, stream);
      await runtime.streamSynchronize(stream);
      for (const memory of [fused, separate]) {
        t.equal(
          [last(hip, memory), isEmpty(memory)],
          [gpu, true],
          'LastPrefetchLocation, and whether the memory is empty',
        );
        t.equal(
          t.devices.map((device) => t.get(memory, ['prefetchLocation'], device)[0]),
          hip.gpus.map((each) => (each === gpu ? 1 : 0)),
          'where each device was told to bring it',
        );
        checkUsable(t, memory);
      }
    }
  });

discardAndPrefetchGroup
  .case(
    'Unit_hipMemDiscardBatchAsync_DiscardAndPrefetch_Atomicity',
    'a call that is refused leaves all its buffers as they were',
  )
  .source(`${SOURCE} DiscardAndPrefetch_Atomicity`)
  .parameters(eachHip().combine('api', ['runtime', 'driver']).combine('bad', ['locations-null', 'index-999']))
  .needsAt(discardFeatures)
  .run(async (t, point) => {
    const hip = openHip(t, point);
    const { runtime } = hip;
    const stream = runtime.streamCreate();
    const memories = [filled(hip, KIB_64, 0xaa), filled(hip, KIB_64, 0xbb)];
    const call = (locations: HipMemLocation[] | null, indexes: number[]): void =>
      runtime[CALLS[point.api]](memories, [KIB_64, KIB_64], 2, locations, indexes, indexes.length, 0, stream);
    await t.throws(
      () => (point.bad === 'index-999' ? call([toDevice(0), toDevice(0)], [0, 999]) : call(null, [0])),
      INVALID_VALUE,
      'the call',
    );
    await runtime.streamSynchronize(stream);
    t.equal(
      memories.flatMap((memory) => [...distinct(memory.read()), last(hip, memory)]),
      [0xaa, NONE, 0xbb, NONE],
      'contents and LastPrefetchLocation of each',
    );
    call([toDevice(0), toDevice(0)], [0, 1]);
    await runtime.streamSynchronize(stream);
    t.equal(
      memories.flatMap((memory) => [...distinct(memory.read()), last(hip, memory)]),
      [0, 0, 0, 0],
      'the same after a good call',
    );
  });
