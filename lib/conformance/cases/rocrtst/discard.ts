/** rocrtstFunc.SvmMemory_*: the discard calls. */
import { CaseGroup } from '../../case.ts';

export const discardGroup = new CaseGroup('rocrtst,SvmMemory_Discard', 'rocrtst: memory whose contents are given up');

const REASON = 'the layer has no discard calls yet';

discardGroup
  .case('TestSVMBatchDiscard', '4 regions are discarded when 3 signals allow it; their pages are home then, and still reserved')
  .source('rocrtst SvmMemory_Basic_Test TestSVMBatchDiscard')
  .needs('discard')
  .unimplemented(REASON);

discardGroup
  .case('TestSVMDiscardNegative', 'memory of the stack is not discarded')
  .source('rocrtst SvmMemory_Negative_Test TestSVMDiscardNegative')
  .needs('discard')
  .unimplemented(REASON);

discardGroup
  .case('TestSVMDiscardAndPrefetchBatch', '4 regions are discarded and prefetched to the GPU when 3 signals allow it; they read 0')
  .source('rocrtst SvmMemory_DiscardAndPrefetchBatch_Test TestSVMDiscardAndPrefetchBatch')
  .needs('discard')
  .unimplemented(REASON);

discardGroup
  .case('TestSVMDiscardAndPrefetchBatchPerf', 'the times of 20 prefetches with and without discard')
  .source('rocrtst SvmMemory_DiscardAndPrefetchBatch_Perf_Test')
  .needs('discard')
  .unimplemented('prints times and checks nothing');
