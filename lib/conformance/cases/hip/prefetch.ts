/** hipMemPrefetchAsync.cc, hipMemPrefetchAsync_old.cc and hipMemPrefetchAsync_v2.cc */
import { CaseGroup } from '../../framework/case.ts';
import type { CaseContext } from '../../framework/context.ts';
import { HipStatus } from '../../../hip/index.ts';
import type { HipStreamArgument } from '../../../hip/index.ts';
import {
  Advise,
  Attribute,
  CPU,
  eachGpu,
  eachHip,
  eachPlace,
  hipFeatures,
  hold,
  INVALID_DEVICE,
  INVALID_VALUE,
  ints,
  NONE,
  openHip,
  PAGE,
  ROUNDING,
  roundingOf,
  settle,
  valuesOf,
} from './runtime.ts';
import type { Hip } from './runtime.ts';

export const prefetchGroup = new CaseGroup('hip,hipMemPrefetchAsync', 'HIP: prefetches on streams');

const SOURCE = 'HIP catch hipMemPrefetchAsync.cc';

const OLD = 'HIP catch hipMemPrefetchAsync_old.cc';

const INTS = PAGE / 4;

const SIZE = 16 << 10;

const STREAMS = ['null', 'per-thread', 'created'] as const;

const square = (value: number): number => value * value;

function streamOf(hip: Hip, kind: (typeof STREAMS)[number]): HipStreamArgument {
  if (kind === 'null') return null;
  return kind === 'created' ? hip.runtime.streamCreate() : kind;
}

prefetchGroup
  .case(
    'Unit_hipMemPrefetchAsync_Basic',
    'a kernel behind a prefetch to its GPU reads what the CPU wrote; then it goes home',
  )
  .source(`${SOURCE} Basic`)
  .parameters(eachGpu())
  .needs('gpu-work')
  .needsAt(hipFeatures)
  .run(async (t, point) => {
    const hip = openHip(t, point);
    const [memory, output] = [hip.managed(PAGE), hip.managed(PAGE)];
    memory.write(0, ints(INTS, 42));
    hip.runtime.setDevice(point.device);
    const stream = hip.runtime.streamCreate();
    hip.runtime.memPrefetchAsync(memory, PAGE, point.device, stream);
    void hip.kernel(memory, output, INTS, square, stream);
    await hip.runtime.streamSynchronize(stream);
    t.equal([...valuesOf(memory.read()), ...valuesOf(output.read())], [42, 1764], 'input and output');
    hip.runtime.memPrefetchAsync(memory, PAGE, CPU, stream);
    await hip.runtime.streamSynchronize(stream);
    t.equal(valuesOf(memory.read()), [42], 'input at home');
    t.equal(hip.ask(Attribute.lastPrefetchLocation, memory, PAGE), CPU, 'LastPrefetchLocation');
  });

async function staysBehind(t: CaseContext, hip: Hip, stream: HipStreamArgument, place: number): Promise<void> {
  const memory = hip.managed(PAGE);
  if (place === CPU) await hip.prefetch(memory, PAGE, 0);
  const before = t.get(memory, ['prefetchLocation']);
  const letGo = hold(hip, stream);
  hip.runtime.memPrefetchAsync(memory, PAGE, place, stream);
  t.equal(hip.ask(Attribute.lastPrefetchLocation, memory, PAGE), place, 'LastPrefetchLocation at once');
  t.equal(hip.runtime.streamQuery(stream), HipStatus.notReady, 'the stream at once');
  await settle();
  t.equal(hip.runtime.streamQuery(stream), HipStatus.notReady, 'the stream while the kernel runs');
  t.equal(t.get(memory, ['prefetchLocation']), before, 'the device while the kernel runs');
  await letGo();
  await hip.runtime.streamSynchronize(stream);
  t.equal(hip.runtime.streamQuery(stream), HipStatus.success, 'the stream afterwards');
  t.has(memory, { prefetchLocation: place === CPU ? 'system' : 'device' }, 'the device afterwards');
}

prefetchGroup
  .case(
    'Unit_hipMemPrefetchAsync_Sync_Behavior',
    'a prefetch does not wait for the kernel before it, and runs after it',
  )
  .source(`${SOURCE} Sync_Behavior`)
  .parameters(eachHip().combine('stream', STREAMS))
  .needs('gpu-work')
  .needsAt(hipFeatures)
  .run(async (t, point) => {
    const hip = openHip(t, point);
    await staysBehind(t, hip, streamOf(hip, point.stream), 0);
  });

prefetchGroup
  .case(
    'Unit_hipMemPrefetchAsync_WaitsForPrecedingStreamWork',
    'a prefetch home waits for a kernel that runs as long as it likes',
  )
  .source(`${SOURCE} WaitsForPrecedingStreamWork`)
  .parameters(eachHip().combine('stream', STREAMS))
  .needs('gpu-work')
  .needsAt(hipFeatures)
  .run(async (t, point) => {
    const hip = openHip(t, point);
    await staysBehind(t, hip, streamOf(hip, point.stream), CPU);
  });

prefetchGroup
  .case(
    'Unit_hipMemPrefetchAsync_Rounding_Behavior',
    'a prefetch of parts of pages is one of these pages, and of no others',
  )
  .source(`${SOURCE} Rounding_Behavior`)
  .parameters(eachGpu().combine('range', ROUNDING))
  .needsAt(hipFeatures)
  .run(async (t, point) => {
    const hip = openHip(t, point);
    const memory = hip.managed(3 * PAGE);
    const { offset, width, end } = roundingOf(point.range);
    await hip.prefetch(memory.address + BigInt(offset), width, point.device);
    t.equal(
      hip.ask(Attribute.lastPrefetchLocation, memory, end),
      point.device,
      'LastPrefetchLocation of the rounded range',
    );
    t.equal(
      hip.ask(Attribute.lastPrefetchLocation, memory, 3 * PAGE),
      end === 3 * PAGE ? point.device : NONE,
      'LastPrefetchLocation of 3 pages',
    );
  });

prefetchGroup
  .case('Unit_hipMemPrefetchAsync_Negative_Parameters', 'what is refused, and with which error')
  .source(`${SOURCE} Negative_Parameters; ${OLD} NegativeTst`)
  .parameters(eachPlace())
  .needsAt(hipFeatures)
  .run(async (t, point) => {
    const hip = openHip(t, point);
    const { runtime } = hip;
    const memory = hip.managed(PAGE);
    const { device } = point;
    await t.throws(() => runtime.memPrefetchAsync(null, PAGE, device), INVALID_VALUE, 'a null pointer');
    await t.throws(() => runtime.memPrefetchAsync(memory, 0, device), INVALID_VALUE, 'count 0');
    for (const count of [PAGE + 1, 2 * PAGE])
      await t.throws(() => runtime.memPrefetchAsync(memory, count, device), INVALID_VALUE, `count ${count}`);
    for (const wrong of [NONE, 9999, point.gpus])
      await t.throws(() => runtime.memPrefetchAsync(memory, PAGE, wrong), INVALID_DEVICE, `device ${wrong}`);
    const stream = runtime.streamCreate();
    runtime.streamDestroy(stream);
    await t.throws(
      () => runtime.memPrefetchAsync(memory, PAGE, device, stream),
      'hipErrorContextIsDestroyed',
      'a destroyed stream',
    );
    t.equal(hip.ask(Attribute.lastPrefetchLocation, memory, PAGE), NONE, 'LastPrefetchLocation after the refusals');
  });

prefetchGroup
  .case(
    'Unit_hipMemPrefetchAsync_NegativeTst-positive',
    'half of the memory, the null stream, and a stream of the target are fine',
  )
  .source(`${OLD} NegativeTst`)
  .parameters(eachGpu())
  .needsAt(hipFeatures)
  .run(async (t, point) => {
    const hip = openHip(t, point);
    const memory = hip.managed(SIZE);
    hip.runtime.memPrefetchAsync(memory, SIZE / 2, point.device);
    hip.runtime.setDevice(point.device);
    await hip.runtime.deviceSynchronize();
    t.equal(
      [
        hip.ask(Attribute.lastPrefetchLocation, memory, SIZE / 2),
        hip.ask(Attribute.lastPrefetchLocation, memory, SIZE),
      ],
      [point.device, NONE],
      'LastPrefetchLocation of the half and of the whole',
    );
    const stream = hip.runtime.streamCreate();
    hip.runtime.memPrefetchAsync(memory, SIZE, point.device, stream);
    await hip.runtime.streamSynchronize(stream);
    t.equal(hip.ask(Attribute.lastPrefetchLocation, memory, SIZE), point.device, 'LastPrefetchLocation of the whole');
  });

prefetchGroup
  .case('Unit_hipMemPrefetchAsync_AdviseFlgTst', 'advice for the other GPU after a prefetch to the first')
  .source(`${OLD} AdviseFlgTst`)
  .parameters(eachHip([2]))
  .needsAt(hipFeatures)
  .run(async (t, point) => {
    const hip = openHip(t, point);
    const memory = hip.managed(SIZE);
    memory.write(0, ints(SIZE / 4, 123));
    await hip.prefetch(memory, SIZE, 0);
    hip.runtime.memAdvise(memory, SIZE, Advise.setReadMostly, 1);
    t.equal(hip.ask(Attribute.readMostly, memory, SIZE), 1, 'ReadMostly');
    hip.runtime.memAdvise(memory, SIZE, Advise.setAccessedBy, 1);
    t.equal(hip.accessedBy(memory, SIZE, 2), [1, NONE], 'AccessedBy');
    hip.runtime.memAdvise(memory, SIZE, Advise.setPreferredLocation, 1);
    t.equal(hip.ask(Attribute.preferredLocation, memory, SIZE), 1, 'PreferredLocation');
    t.equal(hip.ask(Attribute.lastPrefetchLocation, memory, SIZE), 0, 'LastPrefetchLocation');
    t.equal(valuesOf(memory.read()), [123], 'contents');
  });

prefetchGroup
  .case(
    'Unit_hipMemPrefetchAsync_AccsdByTst',
    'advice for the other GPU outlasts a prefetch to the first and its kernel',
  )
  .source(`${OLD} AccsdByTst`)
  .parameters(eachHip([2]).combine('advice', ['setAccessedBy', 'setReadMostly', 'setPreferredLocation']))
  .needs('gpu-work')
  .needsAt(hipFeatures)
  .run(async (t, point) => {
    const hip = openHip(t, point);
    const memory = hip.managed(SIZE);
    memory.write(0, ints(SIZE / 4, 123));
    hip.runtime.memAdvise(memory, SIZE, Advise[point.advice], 1);
    await hip.prefetch(memory, SIZE, 0);
    await hip.kernel(memory, memory, SIZE / 4, square);
    t.equal(valuesOf(memory.read()), [15129], 'values after the kernel');
    const attributes = [
      ...hip.accessedBy(memory, SIZE, 2),
      hip.ask(Attribute.readMostly, memory, SIZE),
      hip.ask(Attribute.preferredLocation, memory, SIZE),
    ];
    const expected = {
      setAccessedBy: [1, NONE, 0, NONE],
      setReadMostly: [NONE, NONE, 1, NONE],
      setPreferredLocation: [NONE, NONE, 0, 1],
    }[point.advice];
    t.equal(attributes, expected, 'AccessedBy, ReadMostly and PreferredLocation');
  });

prefetchGroup
  .case('Unit_hipMemPrefetchAsync_NonPageSz', 'a prefetch of 32768 + 8 bytes, and a kernel over all of them')
  .source(`${OLD} NonPageSz`)
  .parameters(eachGpu())
  .needs('gpu-work')
  .needsAt(hipFeatures)
  .run(async (t, point) => {
    const hip = openHip(t, point);
    const size = 32768 + 8;
    const memory = hip.managed(size);
    memory.write(0, ints(size / 4, 123));
    await hip.prefetch(memory, size, point.device);
    await hip.kernel(memory, memory, size / 4, square);
    t.equal(valuesOf(memory.read()), [15129], 'values');
    t.equal(hip.ask(Attribute.lastPrefetchLocation, memory, size), point.device, 'LastPrefetchLocation');
  });
