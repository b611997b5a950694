/** rocrtstFunc.SvmMemory_*: the discard calls. */
import { HsaPointerType, HsaSvmAttribute as Attribute } from '../../../hsa/index.ts';
import type { HsaAgent, HsaRuntime, HsaSignal } from '../../../hsa/index.ts';
import { CaseGroup } from '../../framework/case.ts';
import type { CaseContext } from '../../framework/context.ts';
import { pages } from '../../framework/mapping.ts';
import { ask, eachRuntime, openRuntime, pair, reserve, discardFeatures, runtimeFeatures } from './runtime.ts';
import type { Region } from './runtime.ts';
import { distinct } from '../../support/distinct.ts';

export const discardGroup = new CaseGroup('rocrtst,SvmMemory_Discard', 'rocrtst: memory whose contents are given up');

const REGIONS = 4;

const { preferredLocation, prefetchLocation } = Attribute;

/** The regions of the originals: reserved addresses, preferred and accessible by the GPU. */
export function reserveRegions(runtime: HsaRuntime, size: number, gpu: HsaAgent): Region[] {
  return Array.from({ length: REGIONS }, () => {
    const region = reserve(runtime, size);
    runtime.svmAttributesSet(region.address, size, [
      pair(preferredLocation, gpu),
      pair(Attribute.agentAccessible, gpu),
    ]);
    return region;
  });
}

/** The values of the bytes, each once. */
export function valuesIn({ memory, size }: Region): number[] {
  return distinct(memory.read(0, size));
}

export function fill({ memory }: Region, byte: number): void {
  memory.write(0, new Uint8Array(memory.size).fill(byte));
}

/** Nothing happens within 10 ms, nor when all but one of the signals are 0; then the call ends, and has taken 1. */
export async function letGo(
  t: CaseContext,
  dependencies: readonly HsaSignal[],
  done: HsaSignal,
  unchanged: () => void,
): Promise<void> {
  await done.wait('lt', 1, { timeout: 10 });
  for (const dependency of dependencies) {
    t.equal(done.load(), 1n, 'completion while it waits');
    unchanged();
    dependency.store(0);
    await done.wait('lt', 1, { timeout: 1 });
  }
  t.equal(await done.wait('lt', 1), 0n, 'completion');
}

export function checkReserved(t: CaseContext, runtime: HsaRuntime, regions: readonly Region[]): void {
  for (const { address, size } of regions)
    t.equal(
      runtime.pointerInfo(address),
      { type: HsaPointerType.reservedAddress, address, size },
      'pointer information afterwards',
    );
}

discardGroup
  .case('TestSVMBatchDiscard-without-xnack', 'without retry faults both calls are refused, and nothing is given up')
  .source('HSA layer, discards with XNACK off')
  .parameters(eachRuntime().combine('call', ['discard', 'discard-and-prefetch']))
  .needs('xnack-off')
  .needsAt(runtimeFeatures)
  .run(async (t, point) => {
    const runtime = openRuntime(t, point);
    const [gpu] = runtime.gpuAgents;
    const region = reserve(runtime, pages(4));
    fill(region, 7);
    await t.throws(
      () =>
        point.call === 'discard'
          ? runtime.svmDiscardBatchAsync([region])
          : runtime.svmDiscardAndPrefetchBatchAsync([region], [gpu!]),
      'HSA_STATUS_ERROR_XNACK_DISABLED',
      point.call,
    );
    await runtime.idle();
    t.equal([valuesIn(region), ask(runtime, region, prefetchLocation)], [[7], null], 'contents and prefetch location');
  });

discardGroup
  .case(
    'TestSVMBatchDiscard',
    '4 regions are discarded when 3 signals allow it; their pages are home then, and still reserved',
  )
  .source('rocrtst SvmMemory_Basic_Test TestSVMBatchDiscard')
  .parameters(eachRuntime())
  .needs('gpu-work')
  .needsAt(discardFeatures)
  .run(async (t, point) => {
    const runtime = openRuntime(t, point);
    const indexes = new Uint8Array(Int32Array.from({ length: 256 }, (_, index) => index).buffer);
    for (const gpu of runtime.gpuAgents) {
      const regions = reserveRegions(runtime, 1024, gpu);
      const queue = t.queue(gpu.device);
      // gpuReadWrite with a = b = c: thread i does c[i] = a[i], b[i] = i.
      for (const { address } of regions) {
        await queue.write(address, await queue.read(address, 1024));
        await queue.write(address, indexes);
      }
      const dependencies = [1, 1, 1].map((value) => runtime.createSignal(value));
      const done = runtime.createSignal(1);
      runtime.svmDiscardBatchAsync(regions, dependencies, done);
      await letGo(t, dependencies, done, () => {
        for (const region of regions) {
          t.equal(
            [ask(runtime, region, preferredLocation), ask(runtime, region, prefetchLocation)],
            [gpu.name, null],
            'preferred and prefetch location while it waits',
          );
          t.equal(region.memory.read(0, 1024), indexes, 'contents while it waits');
        }
      });
      for (const region of regions) {
        t.equal(
          [ask(runtime, region, preferredLocation), ask(runtime, region, prefetchLocation)],
          [gpu.name, 'CPU0'],
          'preferred and prefetch location',
        );
        for (const { device } of runtime.gpuAgents)
          t.has(region.pages, { prefetchLocation: 'system' }, 'where each device was told to bring it', device);
        t.equal(
          [...valuesIn(region), ...distinct(await queue.read(region.address, 1024))],
          [0, 0],
          'what CPU and GPU read',
        );
      }
      checkReserved(t, runtime, regions);
    }
  });

discardGroup
  .case(
    'TestSVMBatchDiscard-order',
    'the signals may become 0 in any order, and one that is not 0 any more is not asked again',
  )
  .source('rocrtst SvmMemory_Basic_Test TestSVMBatchDiscard, extended; HSA layer, dependencies are counted together')
  .parameters(eachRuntime().combine('signals', ['backwards', 'one-after-another', 'zero-beforehand']))
  .needsAt(discardFeatures)
  .run(async (t, point) => {
    const runtime = openRuntime(t, point);
    const region = reserve(runtime, 1024);
    fill(region, 7);
    const dependencies = [1, 1, point.signals === 'zero-beforehand' ? 0 : 1].map((value) =>
      runtime.createSignal(value),
    );
    const done = runtime.createSignal(1);
    runtime.svmDiscardBatchAsync([region], dependencies, done);
    t.equal([done.load(), ...valuesIn(region)], [1n, 7], 'completion and contents at once');
    if (point.signals === 'zero-beforehand') dependencies.pop()!.store(1);
    if (point.signals === 'backwards') dependencies.reverse();
    for (const dependency of dependencies) {
      await done.wait('lt', 1, { timeout: 1 });
      t.equal([done.load(), ...valuesIn(region)], [1n, 7], 'completion and contents while it waits');
      dependency.store(0);
      if (point.signals === 'one-after-another') dependency.store(1);
    }
    t.equal(await done.wait('lt', 1), 0n, 'completion');
    t.equal(
      [...valuesIn(region), ask(runtime, region, prefetchLocation)],
      [0, 'CPU0'],
      'contents and prefetch location',
    );
  });

discardGroup
  .case(
    'TestSVMBatchDiscard-home',
    'a region that prefers the CPU counts as home: it is emptied, but the devices are told nothing',
  )
  .source('rocrtst SvmMemory_Basic_Test TestSVMBatchDiscard, extended')
  .parameters(eachRuntime())
  .needsAt(discardFeatures)
  .run(async (t, point) => {
    const runtime = openRuntime(t, point);
    const [prefers, other] = [reserve(runtime, 1024), reserve(runtime, 1024)];
    for (const region of [prefers, other]) fill(region, 7);
    runtime.svmAttributesSet(prefers.address, 1024, [pair(preferredLocation, runtime.cpuAgents[0]!)]);
    runtime.svmDiscardBatchAsync([prefers, other]);
    await runtime.idle();
    t.equal([...valuesIn(prefers), ...valuesIn(other)], [0, 0], 'contents');
    t.equal(
      [ask(runtime, prefers, prefetchLocation), ask(runtime, other, prefetchLocation)],
      [null, 'CPU0'],
      'prefetch locations',
    );
  });

discardGroup
  .case(
    'TestSVMBatchDiscard-part',
    'a page is emptied if all of its bytes that are reserved are in the range; 4 pages and 10 bytes are reserved',
  )
  .source('rocrtst SvmMemory_Basic_Test TestSVMBatchDiscard, extended')
  .parameters(
    eachRuntime().combine('range', [
      '4096+8192',
      '4097+8192',
      '4095+8192',
      '12288+4105',
      '12288+4106',
      '10+20',
      '0+16394',
    ]),
  )
  .needsAt(discardFeatures)
  .run(async (t, point) => {
    const runtime = openRuntime(t, point);
    const reserved = pages(4) + 10;
    const region = reserve(runtime, reserved);
    fill(region, 7);
    const [offset, size] = point.range.split('+').map(Number) as [number, number];
    runtime.svmDiscardBatchAsync([{ address: region.address + BigInt(offset), size }]);
    await runtime.idle();
    const isInside = (from: number): boolean => from >= offset && Math.min(from + pages(1), reserved) <= offset + size;
    for (const page of [0, 1, 2, 3, 4])
      t.equal(
        distinct(region.memory.read(pages(page), pages(1))),
        [isInside(pages(page)) ? 0 : 7],
        `contents of page ${page}`,
      );
  });

const FOREIGN = ['stack', 'heap', 'mapped', 'null', 'freed', 'beyond', 'empty', 'none'] as const;

discardGroup
  .case(
    'TestSVMDiscardNegative',
    'memory of the stack (and anything else that is not reserved) is not discarded, nor the good region next to it',
  )
  .source('rocrtst SvmMemory_Negative_Test TestSVMDiscardNegative')
  .parameters(eachRuntime().combine('memory', FOREIGN).combine('call', ['discard', 'discard-and-prefetch']))
  .needsAt(({ memory, gpus }) => [
    ...runtimeFeatures({ gpus }),
    ...(memory === 'stack' || memory === 'heap' ? ([memory] as const) : []),
  ])
  .run(async (t, point) => {
    const runtime = openRuntime(t, point);
    const good = reserve(runtime, 4096);
    fill(good, 7);
    const freed = (): bigint => {
      const { address } = reserve(runtime, 4096);
      runtime.vmemAddressFree(address, 4096);
      return address;
    };
    const ranges = {
      stack: () => [good, { address: t.map(4096, { kind: 'stack' }).address, size: 4096 }],
      heap: () => [good, { address: t.map(4096, { kind: 'heap' }).address, size: 4096 }],
      mapped: () => [good, t.map(4096).range()],
      null: () => [good, { address: 0n, size: 4096 }],
      freed: () => [good, { address: freed(), size: 4096 }],
      beyond: () => [good, { address: good.address, size: 4097 }],
      empty: () => [good, { address: good.address, size: 0 }],
      none: () => [],
    }[point.memory]();
    const done = runtime.createSignal(1);
    const call = (): void => {
      if (point.call === 'discard') runtime.svmDiscardBatchAsync(ranges, [], done);
      else runtime.svmDiscardAndPrefetchBatchAsync(ranges, [runtime.gpuAgents[0]!], [], done);
    };
    await t.throws(call, 'HSA_STATUS_ERROR_INVALID_ARGUMENT', 'the discard');
    await runtime.idle();
    t.equal(
      [done.load(), ...valuesIn(good), ask(runtime, good, prefetchLocation)],
      [1n, 7, null],
      'completion, contents and prefetch location afterwards',
    );
    if (t.can('xnack-off')) {
      const discard = (): void => void runtime.svmDiscardBatchAsync([good], [], done);
      await t.throws(discard, 'HSA_STATUS_ERROR_XNACK_DISABLED', 'a discard of the good region without retry faults');
      return;
    }
    runtime.svmDiscardBatchAsync([good], [], done);
    t.equal(await done.wait('lt', 1), 0n, 'completion of a discard of the good region alone');
    t.equal(
      [...valuesIn(good), ask(runtime, good, prefetchLocation)],
      [0, 'CPU0'],
      'its contents and prefetch location',
    );
  });

discardGroup
  .case(
    'TestSVMDiscardNegative-freed',
    'memory that is freed before the discard runs: 1 is taken from the signal; "documented" stores -1',
  )
  .source('rocrtst SvmMemory_Negative_Test TestSVMDiscardNegative, extended')
  .parameters(eachRuntime())
  .needsAt(discardFeatures)
  .run(async (t, point) => {
    const runtime = openRuntime(t, point);
    const { address } = reserve(runtime, 4096);
    const [gate, done] = [runtime.createSignal(1), runtime.createSignal(5)];
    runtime.svmDiscardBatchAsync([{ address, size: 4096 }], [gate], done);
    runtime.vmemAddressFree(address, 4096);
    t.equal(runtime.pointerInfo(address).type, HsaPointerType.unknown, 'type of the pointer');
    gate.store(0);
    t.equal(await done.wait('lt', 5), point.compatibility === 'rocm' ? 4n : -1n, 'completion');
  });
