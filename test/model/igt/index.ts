/** Ports of IGT's xe_exec_system_allocator: what only the model shows. */
import type { CaseGroup } from '../../../lib/conformance/framework/case.ts';
import { injectionGroup } from './injection.ts';
import { invalidAddressGroup } from './invalid-address.ts';
import { invalidationGroup } from './invalidation.ts';
import { madviseGroup } from './madvise.ts';
import { partialGroup } from './partial.ts';
import { prefetchGroup } from './prefetch.ts';
import { protectGroup } from './protect.ts';
import { segmentsGroup } from './segments.ts';
import { twoGpusGroup } from './two-gpus.ts';

export const igtGroups: readonly CaseGroup[] = [
  invalidationGroup,
  partialGroup,
  segmentsGroup,
  prefetchGroup,
  protectGroup,
  invalidAddressGroup,
  injectionGroup,
  madviseGroup,
  twoGpusGroup,
];
