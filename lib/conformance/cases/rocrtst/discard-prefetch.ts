/** rocrtstFunc.SvmMemory_*: the calls that discard and prefetch. */
import { HsaSvmAttribute as Attribute } from '../../../hsa/index.ts';
import type { HsaAgent } from '../../../hsa/index.ts';
import { CaseGroup } from '../../framework/case.ts';
import { ask, eachRuntime, openRuntime, pair, prefetch, reserve, discardFeatures, runtimeFeatures } from './runtime.ts';
import { reserveRegions, valuesIn, fill, letGo, checkReserved } from './discard.ts';
import { distinct } from '../../support/distinct.ts';

export const discardAndPrefetchGroup = new CaseGroup(
  'rocrtst,SvmMemory_Discard',
  'rocrtst: memory whose contents are given up',
);

const MEBIBYTE = 1 << 20;

const { preferredLocation, prefetchLocation } = Attribute;

discardAndPrefetchGroup
  .case(
    'TestSVMDiscardAndPrefetchBatch',
    '4 regions of 1 MiB are discarded and prefetched to the GPU when 3 signals allow it; they read 0',
  )
  .source('rocrtst SvmMemory_DiscardAndPrefetchBatch_Test TestSVMDiscardAndPrefetchBatch')
  .parameters(eachRuntime())
  .needs('gpu-work')
  .needsAt(discardFeatures)
  .run(async (t, point) => {
    const runtime = openRuntime(t, point);
    const ones = new Uint8Array(new Int32Array(MEBIBYTE / 4).fill(1).buffer);
    for (const gpu of runtime.gpuAgents) {
      const regions = reserveRegions(runtime, MEBIBYTE, gpu);
      for (const region of regions) {
        region.memory.write(0, ones);
        await prefetch(runtime, region, gpu);
      }
      const dependencies = [1, 1, 1].map((value) => runtime.createSignal(value));
      const done = runtime.createSignal(1);
      runtime.svmDiscardAndPrefetchBatchAsync(
        regions,
        regions.map(() => gpu),
        dependencies,
        done,
      );
      await letGo(t, dependencies, done, () => {
        for (const region of regions)
          t.equal(
            [...region.memory.read(0, 4), ...region.memory.read(MEBIBYTE - 4, 4)],
            [1, 0, 0, 0, 1, 0, 0, 0],
            'first and last int while it waits',
          );
      });
      const queue = t.queue(gpu.device);
      for (const region of regions) {
        t.equal(
          [ask(runtime, region, prefetchLocation), ...t.get(region.pages, ['prefetchLocation'], gpu.device)],
          [gpu.name, 1],
          'prefetch location, of the runtime and of the device',
        );
        t.equal(
          [...valuesIn(region), ...distinct(await queue.read(region.address, MEBIBYTE))],
          [0, 0],
          'what CPU and GPU read',
        );
      }
      checkReserved(t, runtime, regions);
    }
  });

discardAndPrefetchGroup
  .case(
    'TestSVMDiscardAndPrefetchBatch-agents',
    'one agent for each region, or one for all; other numbers and agents are refused',
  )
  .source('rocrtst SvmMemory_DiscardAndPrefetchBatch_Test TestSVMDiscardAndPrefetchBatch, extended')
  .parameters(eachRuntime().combine('agents', ['one', 'each', 'none', 'two', 'four', 'null', 'foreign']))
  .needsAt(runtimeFeatures)
  .run(async (t, point) => {
    const runtime = openRuntime(t, point);
    const regions = [1, 2, 3].map(() => reserve(runtime, 4096));
    for (const region of regions) fill(region, 7);
    const [cpu] = runtime.cpuAgents;
    const gpu = runtime.gpuAgents.at(-1);
    const agents = {
      one: [gpu!],
      each: [gpu!, cpu!, gpu!],
      none: [],
      two: [gpu!, cpu!],
      four: [gpu!, gpu!, gpu!, gpu!],
      null: [0n],
      foreign: [gpu!, cpu!, 0xdead_beefn],
    }[point.agents];
    const call = (): void => runtime.svmDiscardAndPrefetchBatchAsync(regions, agents);
    const isAllowed = point.agents === 'one' || point.agents === 'each';
    const isGood = isAllowed && !t.can('xnack-off');
    if (isGood) call();
    else if (isAllowed) await t.throws(call, 'HSA_STATUS_ERROR_XNACK_DISABLED', 'the discard without retry faults');
    else
      await t.throws(
        call,
        `HSA_STATUS_ERROR_INVALID_${point.agents === 'null' || point.agents === 'foreign' ? 'AGENT' : 'ARGUMENT'}`,
        'the discard',
      );
    await runtime.idle();
    const byte = isGood ? 0 : 7;
    t.equal(regions.flatMap(valuesIn), [byte, byte, byte], 'contents');
    const good = { one: [gpu!.name, gpu!.name, gpu!.name], each: [gpu!.name, 'CPU0', gpu!.name] };
    const expected = isGood ? good[point.agents as 'one' | 'each'] : [null, null, null];
    t.equal(
      regions.map((region) => ask(runtime, region, prefetchLocation)),
      expected,
      'prefetch locations',
    );
  });

discardAndPrefetchGroup
  .case(
    'TestSVMDiscardAndPrefetchBatch-walk',
    'from GPU0 to GPU1: home lies between, so that GPU0 claims nothing; only where the CPU is preferred "rocm" still reads GPU0',
  )
  .source('rocrtst SvmMemory_DiscardAndPrefetchBatch_Test TestSVMDiscardAndPrefetchBatch; HSA layer, stale "this GPU"')
  .parameters(
    eachRuntime()
      .where(({ gpus }) => gpus === 2)
      .combine('preferred', ['nothing', 'CPU0', 'GPU0', 'GPU1']),
  )
  .needsAt(discardFeatures)
  .run(async (t, point) => {
    const runtime = openRuntime(t, point);
    const region = reserve(runtime, 4096);
    const [first, second] = runtime.gpuAgents as [HsaAgent, HsaAgent];
    const preferred = [...runtime.cpuAgents, first, second].find(({ name }) => name === point.preferred);
    if (preferred !== undefined) runtime.svmAttributesSet(region.address, 4096, [pair(preferredLocation, preferred)]);
    await prefetch(runtime, region, first);
    t.equal(ask(runtime, region, prefetchLocation), 'GPU0', 'prefetch location before');
    runtime.svmDiscardAndPrefetchBatchAsync([region], [second]);
    await runtime.idle();
    t.equal(
      ask(runtime, region, prefetchLocation),
      point.compatibility === 'rocm' && point.preferred === 'CPU0' ? 'GPU0' : 'GPU1',
      'prefetch location',
    );
  });

discardAndPrefetchGroup
  .case('TestSVMDiscardAndPrefetchBatchPerf', 'the times of 20 prefetches with and without discard')
  .source('rocrtst SvmMemory_DiscardAndPrefetchBatch_Perf_Test')
  .unimplemented('prints times and checks nothing');
