/** hipMemDiscardBatchAsync.cc: order on the stream, contents afterwards, and pageable memory. */
import { HipStatus } from '../../../hip/index.ts';
import type { HipMemory, HipPointer } from '../../../hip/index.ts';
import { CaseGroup } from '../../framework/case.ts';
import { checkUsable, filled, isEmpty } from './discarded.ts';
import {
  Attribute,
  CPU,
  eachHip,
  discardFeatures,
  hold,
  INVALID_VALUE,
  NONE,
  openHip,
  PAGE,
  settle,
} from './runtime.ts';
import type { Hip } from './runtime.ts';
import { discard } from './discard.ts';
import { distinct } from '../../support/distinct.ts';

export const discardOrderGroup = new CaseGroup(
  'hip,hipMemDiscardBatchAsync',
  'HIP: memory whose contents are given up',
);

const SOURCE = 'HIP catch hipMemDiscardBatchAsync.cc';

const KIB_64 = 64 << 10;

const last = (hip: Hip, memory: HipMemory): number => hip.ask(Attribute.lastPrefetchLocation, memory, memory.size);

discardOrderGroup
  .case('Unit_hipMemDiscardBatchAsync_StreamOrdering', 'a discard runs in the order of its stream')
  .source(`${SOURCE} StreamOrdering`)
  .parameters(eachHip().combine('stream', ['created', 'per-thread']))
  .needs('gpu-work')
  .needsAt(discardFeatures)
  .run(async (t, point) => {
    const hip = openHip(t, point);
    const { runtime } = hip;
    const memory = filled(hip, PAGE, 0xaa);
    const stream = point.stream === 'created' ? runtime.streamCreate() : point.stream;
    const letGo = hold(hip, stream);
    runtime.memDiscardBatchAsync([memory], [PAGE], 1, 0, stream);
    const after = runtime.launch(stream, async (queue) => {
      const [byte] = await queue.read(memory.address, 1);
      await queue.fill(memory.address, 0x03030303, PAGE);
      return byte;
    });
    await settle();
    t.equal(
      [runtime.streamQuery(stream), last(hip, memory), ...distinct(memory.read())],
      [HipStatus.notReady, NONE, 0xaa],
      'stream, LastPrefetchLocation and contents while a kernel runs before it',
    );
    await letGo();
    t.equal(await after, 0, 'what a kernel behind it reads');
    t.equal([last(hip, memory), ...distinct(memory.read())], [CPU, 3], 'LastPrefetchLocation and contents');
  });

discardOrderGroup
  .case(
    'Unit_hipMemDiscardBatchAsync_StreamOrdering-freed',
    'memory that is freed before the discard runs: nobody hears of it; "documented" tells at the next synchronisation',
  )
  .source(`${SOURCE} StreamOrdering, extended; HIP layer, failures of the device`)
  .parameters(eachHip())
  .needsAt(discardFeatures)
  .run(async (t, point) => {
    const hip = openHip(t, point);
    const { runtime } = hip;
    const stream = runtime.streamCreate();
    const [gone, other] = [filled(hip, PAGE, 0xaa), filled(hip, PAGE, 0xbb)];
    runtime.memDiscardBatchAsync([other, gone], [PAGE, PAGE], 2, 0, stream);
    runtime.free(gone);
    if (hip.isRocm) await runtime.streamSynchronize(stream);
    else await t.throws(() => runtime.streamSynchronize(stream), INVALID_VALUE, 'the synchronisation');
    await runtime.streamSynchronize(stream);
    t.equal(
      [runtime.streamQuery(stream), isEmpty(other)],
      [HipStatus.success, true],
      'the stream afterwards, and whether the other memory is empty',
    );
    await t.throws(
      () => runtime.memDiscardBatchAsync([gone], [PAGE], 1, 0, stream),
      INVALID_VALUE,
      'a discard of freed memory',
    );
  });

discardOrderGroup
  .case(
    'Unit_hipMemDiscardBatchAsync_SubrangeDiscard',
    'of 64 KiB of 0xDD bytes [4096, 12288) are discarded: the others keep their contents; so do pages of which a part is discarded',
  )
  .source(`${SOURCE} SubrangeDiscard`)
  .parameters(
    eachHip().combine('range', [
      '4096-12288',
      '4095-12288',
      '4097-12288',
      '4096-12289',
      '4096-12287',
      '53248-65536',
      '53248-65535',
    ]),
  )
  .needsAt(discardFeatures)
  .run(async (t, point) => {
    const hip = openHip(t, point);
    const memory = filled(hip, KIB_64, 0xdd);
    const [start, end] = point.range.split('-').map(Number) as [number, number];
    const stream = hip.runtime.streamCreate();
    hip.runtime.memDiscardBatchAsync([memory.address + BigInt(start)], [end - start], 1, 0, stream);
    await hip.runtime.streamSynchronize(stream);
    const pages = Array.from({ length: 16 }, (_, page) => page * PAGE);
    t.equal(
      pages.map((at) => distinct(memory.read(at, PAGE)).join()),
      pages.map((at) => (at >= start && at + PAGE <= end ? '0' : '221')),
      'values in each page',
    );
    checkUsable(t, memory);
  });

discardOrderGroup
  .case('Unit_hipMemDiscardBatchAsync_DiscardThenPrefetch', 'memory is prefetched after a discard, and written again')
  .source(`${SOURCE} DiscardThenPrefetch`)
  .parameters(eachHip())
  .needsAt(discardFeatures)
  .run(async (t, point) => {
    const hip = openHip(t, point);
    for (const gpu of hip.gpus) {
      const memory = filled(hip, KIB_64, 0xaa);
      await hip.prefetch(memory, KIB_64, gpu);
      t.equal(
        [last(hip, memory), ...distinct(memory.read())],
        [gpu, 0xaa],
        'LastPrefetchLocation and contents after a prefetch',
      );
      await discard(hip, [memory]);
      t.equal(
        [last(hip, memory), isEmpty(memory)],
        [CPU, true],
        'LastPrefetchLocation after the discard, and whether the memory is empty',
      );
      await hip.prefetch(memory, KIB_64, gpu);
      t.equal(last(hip, memory), gpu, 'LastPrefetchLocation after the prefetch that follows');
      checkUsable(t, memory);
    }
  });

discardOrderGroup
  .case(
    'Unit_hipMemDiscardBatchAsync_ContentAfterDiscard',
    'discarded memory can be read by CPU and GPU: zeros, where the original takes anything',
  )
  .source(`${SOURCE} ContentAfterDiscard`)
  .parameters(eachHip())
  .needs('gpu-work')
  .needsAt(discardFeatures)
  .run(async (t, point) => {
    const hip = openHip(t, point);
    const memory = filled(hip, KIB_64, 0xaa);
    const seenBy = (gpu: number): Promise<number[]> => {
      hip.runtime.setDevice(gpu);
      return hip.runtime.launch(null, async (queue) => distinct(await queue.read(memory.address, KIB_64)));
    };
    for (const gpu of hip.gpus) t.equal(await seenBy(gpu), [0xaa], `what GPU ${gpu} reads before`);
    await discard(hip, [memory]);
    for (const gpu of hip.gpus) t.equal(await seenBy(gpu), [0], `what GPU ${gpu} reads`);
    t.ok(isEmpty(memory), 'the CPU reads zeros');
  });

const PAGEABLE = {
  PageableDeviceMemory: {
    title: 'memory of hipMalloc, where GPUs reach pageable memory: taken',
    pointers: (hip: Hip) => [hip.runtime.malloc(PAGE)],
  },
  PageableSystemMemory: {
    title: 'memory of malloc, where GPUs reach pageable memory: taken, and its contents stay',
    pointers: (_: Hip, system: bigint) => [system],
  },
  PageableMixedBatch: {
    title: 'managed and pageable memory in one call: the managed memory is empty afterwards, the other as it was',
    pointers: (hip: Hip, system: bigint, managed: HipMemory) => [system, managed, hip.runtime.malloc(PAGE)],
  },
} as const satisfies Record<
  string,
  { title: string; pointers: (hip: Hip, system: bigint, managed: HipMemory) => HipPointer[] }
>;

for (const [name, { title, pointers }] of Object.entries(PAGEABLE)) {
  discardOrderGroup
    .case(`Unit_hipMemDiscardBatchAsync_${name}`, title)
    .source(`${SOURCE} ${name}`)
    .parameters(eachHip().combine('api', ['runtime', 'driver']))
    .needsAt((point) => [
      ...discardFeatures(point),
      ...(name === 'PageableSystemMemory' ? [] : (['special-mapping'] as const)),
    ])
    .run(async (t, point) => {
      const hip = openHip(t, point);
      const { runtime } = hip;
      const system = t.map(PAGE);
      system.write(0, new Uint8Array(PAGE).fill(7));
      const managed = filled(hip, PAGE, 0xaa);
      const given: HipPointer[] = pointers(hip, system.address, managed);
      const stream = runtime.streamCreate();
      runtime[point.api === 'driver' ? 'drvMemDiscardBatchAsync' : 'memDiscardBatchAsync'](
        given,
        given.map(() => PAGE),
        given.length,
        0,
        stream,
      );
      await runtime.streamSynchronize(stream);
      // It is a hint: only what the runtime reserved can be thrown away.
      const isEmptied = name === 'PageableMixedBatch';
      t.equal(
        [system.read(PAGE - 1, 1)[0], managed.read(PAGE - 1, 1)[0]],
        [7, isEmptied ? 0 : 0xaa],
        'last byte of the memory of malloc and of the managed memory',
      );
      t.equal(
        [hip.ask(Attribute.lastPrefetchLocation, managed, PAGE), t.get(system.range(), ['prefetchLocation'])[0]],
        [isEmptied ? CPU : NONE, 0xffff_ffff],
        'LastPrefetchLocation of the managed memory, and where the device was told to bring the other',
      );
    });
}
