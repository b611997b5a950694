/** Ports of the managed-memory tests of HIP's catch suite, through the HIP layer. */
import type { CaseGroup } from '../../framework/case.ts';
import { adviseOldGroup } from './advise-old.ts';
import { adviseV2Group } from './advise-v2.ts';
import { adviseWorkGroup } from './advise-work.ts';
import { adviseGroup } from './advise.ts';
import { attachGroup } from './attach.ts';
import { coherencyGroup, managedVariableGroup } from './coherency.ts';
import { deviceMemoryGroup } from './device-memory.ts';
import { discardAndPrefetchGroup } from './discard-prefetch.ts';
import { discardGroup } from './discard.ts';
import { mallocManagedGroup } from './malloc-managed.ts';
import { mallocThreadsGroup } from './malloc-threads.ts';
import { prefetchBatchGroup } from './prefetch-batch.ts';
import { prefetchGroup } from './prefetch.ts';
import { rangeAttributeGroup } from './range-attribute.ts';
import { rangeAttributesGroup } from './range-attributes.ts';
import { discardAndPrefetchManyGroup } from './discard-prefetch-many.ts';
import { discardOrderGroup } from './discard-order.ts';
import { mallocStressGroup } from './malloc-stress.ts';
import { prefetchBatchErrorsGroup } from './prefetch-batch-errors.ts';
import { prefetchV2Group } from './prefetch-v2.ts';

export const hipGroups: readonly CaseGroup[] = [
  adviseGroup,
  adviseV2Group,
  adviseOldGroup,
  adviseWorkGroup,
  rangeAttributeGroup,
  rangeAttributesGroup,
  prefetchGroup,
  prefetchV2Group,
  prefetchBatchGroup,
  prefetchBatchErrorsGroup,
  mallocManagedGroup,
  mallocStressGroup,
  mallocThreadsGroup,
  attachGroup,
  coherencyGroup,
  managedVariableGroup,
  discardGroup,
  discardOrderGroup,
  discardAndPrefetchGroup,
  discardAndPrefetchManyGroup,
  deviceMemoryGroup,
];
