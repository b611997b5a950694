/** hipMemDiscardBatchAsync.cc: the calls that discard. */
import { HipStatus } from '../../../hip/index.ts';
import type { HipMemory, HipRuntime } from '../../../hip/index.ts';
import { CaseGroup } from '../../framework/case.ts';
import type { CaseContext } from '../../framework/context.ts';
import { checkUsable, filled, isEmpty } from './discarded.ts';
import {
  Attribute,
  CPU,
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

export const discardGroup = new CaseGroup('hip,hipMemDiscardBatchAsync', 'HIP: memory whose contents are given up');

const SOURCE = 'HIP catch hipMemDiscardBatchAsync.cc';

const KIB_64 = 64 << 10;

const MEBIBYTE = 1 << 20;

type Call = 'memDiscardBatchAsync' | 'drvMemDiscardBatchAsync';

/** Discards all of each on a stream of its own, and waits. */
export async function discard(
  { runtime }: Hip,
  memories: readonly HipMemory[],
  call: Call = 'memDiscardBatchAsync',
): Promise<void> {
  const stream = runtime.streamCreate();
  runtime[call](
    memories,
    memories.map(({ size }) => size),
    memories.length,
    0,
    stream,
  );
  await runtime.streamSynchronize(stream);
}

discardGroup
  .case(
    'Unit_hipMemDiscardBatchAsync_WithoutXnack',
    'without retry faults all four calls are refused as not supported, and nothing is given up',
  )
  .source('HIP layer, discards with XNACK off; HSA layer, discards with XNACK off')
  .parameters(
    eachHip().combine('call', [
      'memDiscardBatchAsync',
      'drvMemDiscardBatchAsync',
      'memDiscardAndPrefetchBatchAsync',
      'drvMemDiscardAndPrefetchBatchAsync',
    ] as const),
  )
  .needs('xnack-off')
  .needsAt(hipFeatures)
  .run(async (t, point) => {
    const hip = openHip(t, point);
    const memory = hip.managed(PAGE);
    memory.write(0, new Uint8Array(PAGE).fill(7));
    const stream = hip.runtime.streamCreate();
    const { call } = point;
    await t.throws(
      () =>
        call === 'memDiscardBatchAsync' || call === 'drvMemDiscardBatchAsync'
          ? hip.runtime[call]([memory], [PAGE], 1, 0, stream)
          : hip.runtime[call]([memory], [PAGE], 1, [{ type: Place.device, id: 0 }], [0], 1, 0, stream),
      'hipErrorNotSupported',
      call,
    );
    t.equal(hip.runtime.streamQuery(stream), HipStatus.success, 'the stream');
    t.equal([memory.read(0, 1)[0], last(hip, memory)], [7, NONE], 'contents and last prefetch location');
  });

const last = (hip: Hip, memory: HipMemory): number => hip.ask(Attribute.lastPrefetchLocation, memory, memory.size);

/** Arguments are looked at first; good ones are refused as well where a GPU has no retry faults. */
export async function refusedWithoutXnack(t: CaseContext, call: () => unknown): Promise<void> {
  await t.throws(call, 'hipErrorNotSupported', 'a good call without retry faults');
}

const BAD = [
  'pointers-null',
  'sizes-null',
  'count-0',
  'flags',
  'null-stream',
  'entry-null',
  'size-0',
  'size-beyond',
] as const;

for (const [name, call] of [
  ['NegativeTests', 'memDiscardBatchAsync'],
  ['NegativeTests_DrvApi', 'drvMemDiscardBatchAsync'],
] as const) {
  discardGroup
    .case(
      `Unit_hipMemDiscardBatchAsync_${name}`,
      'null lists and entries, count 0, flags, the null stream, size 0 and beyond the allocation are refused; the good range before is not discarded',
    )
    .source(`${SOURCE} ${name}`)
    .parameters(eachHip().combine('bad', BAD))
    .needsAt(hipFeatures)
    .run(async (t, point) => {
      const hip = openHip(t, point);
      const { runtime } = hip;
      const memories = [filled(hip, PAGE, 0xaa), filled(hip, PAGE, 0xbb)];
      const stream = runtime.streamCreate();
      type Arguments = Parameters<HipRuntime[Call]>;
      const good: Arguments = [memories, [PAGE, PAGE], 2, 0, stream];
      const replaced: Readonly<Record<(typeof BAD)[number], readonly [index: number, value: unknown]>> = {
        'pointers-null': [0, null],
        'sizes-null': [1, null],
        'count-0': [2, 0],
        flags: [3, 1],
        'null-stream': [4, null],
        'entry-null': [0, [memories[0], null]],
        'size-0': [1, [PAGE, 0]],
        'size-beyond': [1, [PAGE, PAGE + 1]],
      };
      const [index, value] = replaced[point.bad];
      await t.throws(
        () => runtime[call](...(good.with(index, value as never) as Arguments)),
        INVALID_VALUE,
        'the discard',
      );
      t.equal(runtime.streamQuery(stream), HipStatus.success, 'the stream after the refusal');
      await runtime.deviceSynchronize();
      t.equal(
        memories.map((memory) => memory.read(PAGE - 1, 1)[0]),
        [0xaa, 0xbb],
        'contents after the refusal',
      );
      t.equal(
        memories.map((memory) => last(hip, memory)),
        [NONE, NONE],
        'LastPrefetchLocation of each after the refusal',
      );
      if (t.can('xnack-off')) return void (await refusedWithoutXnack(t, () => runtime[call](...good)));
      runtime[call](...good);
      t.equal(runtime.streamQuery(stream), HipStatus.notReady, 'the stream after a good call');
      await runtime.streamSynchronize(stream);
      t.equal(memories.map(isEmpty), [true, true], 'whether the memory is empty after a good call');
    });
}

discardGroup
  .case(
    'Unit_hipMemDiscardBatchAsync_SingleDiscard',
    'after a discard of 1 MiB the memory is at home, and is written and read again',
  )
  .source(`${SOURCE} SingleDiscard`)
  .parameters(eachHip())
  .needsAt(discardFeatures)
  .run(async (t, point) => {
    const hip = openHip(t, point);
    const [memory, other] = [filled(hip, MEBIBYTE, 0xaa), filled(hip, PAGE, 0xbb)];
    t.equal(last(hip, memory), NONE, 'LastPrefetchLocation before');
    await discard(hip, [memory]);
    t.equal(
      [last(hip, memory), last(hip, other), other.read(0, 1)[0]],
      [CPU, NONE, 0xbb],
      'LastPrefetchLocation, and what other memory shows',
    );
    checkUsable(t, memory);
  });

discardGroup
  .case('Unit_hipMemDiscardBatchAsync_MultipleDiscards', 'four sizes in one call: 4096, 65536, 1 MiB and 16 bytes')
  .source(`${SOURCE} MultipleDiscards`)
  .parameters(eachHip())
  .needsAt(discardFeatures)
  .run(async (t, point) => {
    const hip = openHip(t, point);
    const memories = [4096, 65536, MEBIBYTE, 16].map((size) => filled(hip, size, 0xaa));
    await discard(hip, memories);
    t.equal(memories.map(isEmpty), [true, true, true, true], 'whether each is empty');
    for (const memory of memories) checkUsable(t, memory);
  });

discardGroup
  .case('Unit_hipMemDiscardBatchAsync_LargeCount', '64 ranges in one call; with a count of 63 the last one is left out')
  .source(`${SOURCE} LargeCount`)
  .parameters(eachHip().combine('count', [64, 63]))
  .needsAt(discardFeatures)
  .run(async (t, point) => {
    const hip = openHip(t, point);
    const memories = Array.from({ length: 64 }, () => filled(hip, PAGE, 0xaa));
    const stream = hip.runtime.streamCreate();
    hip.runtime.memDiscardBatchAsync(
      memories,
      memories.map(() => PAGE),
      point.count,
      0,
      stream,
    );
    await hip.runtime.streamSynchronize(stream);
    t.equal(
      memories.map(isEmpty),
      memories.map((_, index) => index < point.count),
      'which of them are empty',
    );
    for (const memory of memories) checkUsable(t, memory);
  });

discardGroup
  .case('Unit_hipMemDiscardBatchAsync_SamePointerTwice', 'a range twice in one call')
  .source(`${SOURCE} SamePointerTwice`)
  .parameters(eachHip())
  .needsAt(discardFeatures)
  .run(async (t, point) => {
    const hip = openHip(t, point);
    const memory = filled(hip, PAGE, 0xaa);
    await discard(hip, [memory, memory]);
    t.ok(isEmpty(memory), 'the memory is empty');
    checkUsable(t, memory);
  });

discardGroup
  .case(
    'Unit_hipMemDiscardBatchAsync_MinimalSize',
    'a discard of 1 byte empties an allocation of 1 byte, and leaves a page of which other bytes are in use',
  )
  .source(`${SOURCE} MinimalSize`)
  .parameters(eachHip().combine('allocated', [1, 2, PAGE]))
  .needsAt(discardFeatures)
  .run(async (t, point) => {
    const hip = openHip(t, point);
    const memory = filled(hip, point.allocated, 0xaa);
    const stream = hip.runtime.streamCreate();
    hip.runtime.memDiscardBatchAsync([memory], [1], 1, 0, stream);
    await hip.runtime.streamSynchronize(stream);
    t.equal(distinct(memory.read()), [point.allocated === 1 ? 0 : 0xaa], 'contents');
    t.equal(last(hip, memory), CPU, 'LastPrefetchLocation');
    checkUsable(t, memory);
  });

discardGroup
  .case('Unit_hipMemDiscardBatchAsync_DrvApiParity', 'the driver API does the same')
  .source(`${SOURCE} DrvApiParity`)
  .parameters(eachHip())
  .needsAt(discardFeatures)
  .run(async (t, point) => {
    const hip = openHip(t, point);
    const memories = [filled(hip, KIB_64, 0xaa), filled(hip, KIB_64, 0xaa)] as const;
    await discard(hip, [memories[0]], 'memDiscardBatchAsync');
    t.equal(memories.map(isEmpty), [true, false], 'which are empty after the call of the runtime');
    await discard(hip, [memories[1]], 'drvMemDiscardBatchAsync');
    t.equal(memories.map(isEmpty), [true, true], 'which are empty after that of the driver');
    t.equal(
      memories.map((memory) => last(hip, memory)),
      [CPU, CPU],
      'LastPrefetchLocation of each',
    );
    for (const memory of memories) checkUsable(t, memory);
  });
