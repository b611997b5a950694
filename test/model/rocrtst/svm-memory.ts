/** rocrtstFunc.SvmMemory_*, but for the discard calls. */
import { CaseGroup } from '../../../lib/conformance/framework/case.ts';
import { pages } from '../../../lib/conformance/framework/mapping.ts';
import { eachRuntime, openRuntime, prefetch, runtimeFeatures } from '../../../lib/conformance/cases/rocrtst/runtime.ts';

export const basicGroup = new CaseGroup(
  'rocrtst,SvmMemory_Basic_Test',
  'rocrtst: structures of SVM memory that CPU and GPU share',
);

basicGroup
  .case('TestSVMPrefetch-mapped', 'a prefetch maps the range on its GPU, and only there')
  .source('rocrtst SvmMemory_Basic_Test TestSVMPrefetch, extended')
  .parameters(eachRuntime())
  .needs('introspection')
  .needsAt(runtimeFeatures)
  .run(async (t, point) => {
    const runtime = openRuntime(t, point);
    for (const gpu of runtime.gpuAgents) {
      const memory = t.map(pages(16));
      await prefetch(runtime, memory.range(), gpu);
      for (const other of runtime.gpuAgents) {
        t.equal(
          t.ptes(memory.range(), { device: other.index }),
          other === gpu ? 'rw*16' : '-*16',
          `PTEs of ${other.name} after a prefetch to ${gpu.name}`,
        );
      }
    }
  });
