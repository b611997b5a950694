/** hipMemDiscardBatchAsync.cc: the calls that discard and prefetch, with several ranges. */
import { HipStatus } from '../../../hip/index.ts';
import type { HipMemLocation, HipMemory } from '../../../hip/index.ts';
import { CaseGroup } from '../../framework/case.ts';
import { checkUsable, filled, isEmpty } from './discarded.ts';
import {
  Advise,
  Attribute,
  CPU,
  eachHip,
  discardFeatures,
  hold,
  NONE,
  openHip,
  PAGE,
  Place,
  settle,
} from './runtime.ts';
import type { Hip } from './runtime.ts';
import { toOne } from './discard-prefetch.ts';
import { distinct } from '../../support/distinct.ts';

export const discardAndPrefetchManyGroup = new CaseGroup(
  'hip,hipMemDiscardAndPrefetchBatchAsync',
  'HIP: memory whose contents are given up where it goes',
);

const SOURCE = 'HIP catch hipMemDiscardBatchAsync.cc';

const KIB_64 = 64 << 10;

const HOST: HipMemLocation = { type: Place.host };

const toDevice = (id: number): HipMemLocation => ({ type: Place.device, id });

const last = (hip: Hip, memory: HipMemory): number => hip.ask(Attribute.lastPrefetchLocation, memory, memory.size);

const CALLS = { runtime: 'memDiscardAndPrefetchBatchAsync', driver: 'drvMemDiscardAndPrefetchBatchAsync' } as const;

discardAndPrefetchManyGroup
  .case(
    'Unit_hipMemDiscardBatchAsync_DiscardAndPrefetch_MultipleSameDevice',
    'four buffers of 64 KiB to one GPU; it is told when the call runs, not when it is issued',
  )
  .source(`${SOURCE} DiscardAndPrefetch_MultipleSameDevice`)
  .parameters(eachHip().combine('api', ['runtime', 'driver']))
  .needs('gpu-work')
  .needsAt(discardFeatures)
  .run(async (t, point) => {
    const hip = openHip(t, point);
    const { runtime } = hip;
    for (const gpu of hip.gpus) {
      const memories = [1, 2, 3, 4].map(() => filled(hip, KIB_64, 0xaa));
      const stream = runtime.streamCreate();
      const letGo = hold(hip, stream);
      runtime[CALLS[point.api]](
        memories,
        memories.map(() => KIB_64),
        4,
        [toDevice(gpu)],
        [0],
        1,
        0,
        stream,
      );
      await settle();
      t.equal(
        [runtime.streamQuery(stream), ...memories.map((memory) => last(hip, memory))],
        [HipStatus.notReady, NONE, NONE, NONE, NONE],
        'stream and LastPrefetchLocation of each while a kernel runs before it',
      );
      t.equal(
        memories.map((memory) => memory.read(0, 1)[0]),
        [0xaa, 0xaa, 0xaa, 0xaa],
        'first byte of each while a kernel runs before it',
      );
      await letGo();
      await runtime.streamSynchronize(stream);
      t.equal(
        memories.map((memory) => last(hip, memory)),
        [gpu, gpu, gpu, gpu],
        'LastPrefetchLocation of each',
      );
      t.equal(memories.map(isEmpty), [true, true, true, true], 'whether each is empty');
      for (const memory of memories) checkUsable(t, memory);
    }
  });

discardAndPrefetchManyGroup
  .case(
    'Unit_hipMemDiscardBatchAsync_DiscardAndPrefetch_MultipleDevices',
    'each place is for the buffers from its index on',
  )
  .source(`${SOURCE} DiscardAndPrefetch_MultipleSameDevice, extended`)
  .parameters(eachHip().combine('api', ['runtime', 'driver']))
  .needsAt(discardFeatures)
  .run(async (t, point) => {
    const hip = openHip(t, point);
    const { runtime } = hip;
    const stream = runtime.streamCreate();
    const other = point.gpus - 1;
    const memories = [1, 2, 3, 4].map(() => filled(hip, PAGE, 0xaa));
    runtime[CALLS[point.api]](
      memories,
      memories.map(() => PAGE),
      4,
      [toDevice(other), HOST, toDevice(0)],
      [0, 1, 3],
      3,
      0,
      stream,
    );
    await runtime.streamSynchronize(stream);
    t.equal(
      memories.map((memory) => last(hip, memory)),
      [other, CPU, CPU, 0],
      'LastPrefetchLocation of each',
    );
    t.equal(memories.map(isEmpty), [true, true, true, true], 'whether each is empty');
  });

discardAndPrefetchManyGroup
  .case(
    'Unit_hipMemDiscardBatchAsync_DiscardAndPrefetch-walk',
    'from GPU 0 to GPU 1: home lies between, so that GPU 0 claims nothing; only where the CPU is preferred "rocm" still reads GPU 0',
  )
  .source(`${SOURCE} DiscardAndPrefetch_SingleBuffer, extended; HIP layer, stale "this GPU"`)
  .parameters(eachHip([2]).combine('preferred', [NONE, CPU, 0, 1]))
  .needsAt(discardFeatures)
  .run(async (t, point) => {
    const hip = openHip(t, point);
    const memory = filled(hip, PAGE, 0xaa);
    if (point.preferred !== NONE) hip.runtime.memAdvise(memory, PAGE, Advise.setPreferredLocation, point.preferred);
    await hip.prefetch(memory, PAGE, 0);
    t.equal(last(hip, memory), 0, 'LastPrefetchLocation before');
    await toOne(hip, [memory], toDevice(1));
    t.equal(
      [last(hip, memory), isEmpty(memory)],
      [hip.isRocm && point.preferred === CPU ? 0 : 1, true],
      'LastPrefetchLocation, and whether the memory is empty',
    );
  });

discardAndPrefetchManyGroup
  .case(
    'Unit_hipMemDiscardBatchAsync_DiscardAndPrefetch-pageable',
    'memory that the runtime does not know is prefetched, and keeps its contents',
  )
  .source(`${SOURCE} PageableSystemMemory, extended to the combined call`)
  .parameters(eachHip().combine('api', ['runtime', 'driver']))
  .needsAt(discardFeatures)
  .run(async (t, point) => {
    const hip = openHip(t, point);
    const system = t.map(PAGE);
    system.write(0, new Uint8Array(PAGE).fill(7));
    const stream = hip.runtime.streamCreate();
    hip.runtime[CALLS[point.api]]([system.address], [PAGE], 1, [toDevice(point.gpus - 1)], [0], 1, 0, stream);
    await hip.runtime.streamSynchronize(stream);
    t.equal(
      [hip.ask(Attribute.lastPrefetchLocation, system.address, PAGE), ...distinct(system.read(0, PAGE))],
      [point.gpus - 1, 7],
      'LastPrefetchLocation and contents',
    );
  });
