/** Ports of IGT's xe_exec_system_allocator. */
import type { CaseGroup } from '../../framework/case.ts';
import { execGroup } from './exec.ts';
import { invalidAddressGroup } from './invalid-address.ts';
import { invalidationGroup } from './invalidation.ts';
import { madviseGroup } from './madvise.ts';
import { moveGroup } from './move.ts';
import { prefetchGroup } from './prefetch.ts';
import { processCallsGroup } from './process-calls.ts';
import { protectGroup } from './protect.ts';
import { segmentsGroup } from './segments.ts';
import { twoGpusGroup } from './two-gpus.ts';

export const igtGroups: readonly CaseGroup[] = [
  execGroup,
  invalidationGroup,
  segmentsGroup,
  prefetchGroup,
  protectGroup,
  invalidAddressGroup,
  moveGroup,
  processCallsGroup,
  madviseGroup,
  twoGpusGroup,
];
