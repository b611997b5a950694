/** hipMemDiscardBatchAsync.cc */
import { CaseGroup } from '../../case.ts';

export const discardGroup = new CaseGroup('hip,hipMemDiscardBatchAsync', 'HIP: memory whose contents are given up');

const CASES: readonly (readonly [name: string, title: string])[] = [
  ['NegativeTests', 'null lists and entries, count 0, flags, the null stream, size 0 and beyond the allocation are refused'],
  ['NegativeTests_DrvApi', 'the same through the driver API'],
  ['SingleDiscard', 'after a discard the memory is written and read again'],
  ['MultipleDiscards', 'four sizes in one call: 4096, 65536, 1 MiB and 16 bytes'],
  ['LargeCount', '64 ranges in one call'],
  ['SamePointerTwice', 'a range twice in one call'],
  ['MinimalSize', 'a discard of 1 byte'],
  ['StreamOrdering', 'a discard runs in the order of its stream'],
  ['DrvApiParity', 'the driver API does the same'],
  ['SubrangeDiscard', 'of 64 KiB of 0xDD bytes [4096, 12288) are discarded: the others keep their contents'],
  ['DiscardThenPrefetch', 'memory is prefetched behind a discard, and written again'],
  ['ContentAfterDiscard', 'discarded memory can be read'],
  ['PageableDeviceMemory', 'memory of hipMalloc, where GPUs reach pageable memory'],
  ['PageableSystemMemory', 'memory of malloc, where GPUs reach pageable memory'],
  ['PageableMixedBatch', 'managed and pageable memory in one call'],
  ['DiscardAndPrefetch_NegativeTests', 'what is refused of the combined call'],
  ['DiscardAndPrefetch_SingleBuffer', '1 MiB is discarded and prefetched in one call'],
  ['DiscardAndPrefetch_MultipleSameDevice', 'four buffers of 64 KiB to one GPU'],
  ['DiscardAndPrefetch_ParitySeparateCalls', 'the combined call does what the two calls do'],
  ['DiscardAndPrefetch_DrvSingleBuffer', '1 MiB through the driver API'],
  ['DiscardAndPrefetch_Atomicity', 'a call that is refused leaves all its buffers as they were'],
];

for (const [name, title] of CASES) {
  discardGroup
    .case(`Unit_hipMemDiscardBatchAsync_${name}`, title)
    .source(`HIP catch hipMemDiscardBatchAsync.cc ${name}`)
    .needs('discard')
    .unimplemented('the layer has no discard calls yet');
}
