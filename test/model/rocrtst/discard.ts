/** rocrtstFunc.SvmMemory_*: the discard calls. */
import { CaseGroup } from '../../../lib/conformance/framework/case.ts';
import { pages } from '../../../lib/conformance/framework/mapping.ts';
import {
  eachRuntime,
  openRuntime,
  prefetch,
  reserve,
  discardFeatures,
} from '../../../lib/conformance/cases/rocrtst/runtime.ts';

export const discardGroup = new CaseGroup('rocrtst,SvmMemory_Discard', 'rocrtst: memory whose contents are given up');

discardGroup
  .case(
    'TestSVMDiscardAndPrefetchBatch-mapped',
    'the pages of a discard are mapped nowhere, those of a discard with prefetch on that GPU only',
  )
  .source('rocrtst SvmMemory_DiscardAndPrefetchBatch_Test TestSVMDiscardAndPrefetchBatch, extended')
  .parameters(eachRuntime().combine('call', ['discard', 'discard-and-prefetch']))
  .needs('introspection')
  .needsAt(discardFeatures)
  .run(async (t, point) => {
    const runtime = openRuntime(t, point);
    for (const gpu of runtime.gpuAgents) {
      const region = reserve(runtime, pages(16));
      for (const each of runtime.gpuAgents) await prefetch(runtime, region, each);
      // As documented, a prefetch to one GPU calls the pages home from the others: from V5 on that clears their PTEs.
      const called = point.compatibility === 'documented' && gpu !== runtime.gpuAgents.at(-1);
      const before = called && t.can('changes-invalidate') ? '-*16' : 'rw*16';
      t.equal(t.ptes(region.pages, { device: gpu.index }), before, `PTEs of ${gpu.name} before`);
      if (point.call === 'discard') runtime.svmDiscardBatchAsync([region]);
      else runtime.svmDiscardAndPrefetchBatchAsync([region], [gpu]);
      await runtime.idle();
      for (const other of runtime.gpuAgents) {
        t.equal(
          t.ptes(region.pages, { device: other.index }),
          other === gpu && point.call !== 'discard' ? 'rw*16' : '-*16',
          `PTEs of ${other.name}`,
        );
      }
    }
  });
