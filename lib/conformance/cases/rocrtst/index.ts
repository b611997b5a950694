/** Ports of rocrtst's SVM suites, through the HSA layer. */
import type { CaseGroup } from '../../framework/case.ts';
import { backendGroup } from './backend.ts';
import { discardGroup } from './discard.ts';
import { basicGroup, accessedByGroup } from './svm-memory.ts';
import { discardAndPrefetchGroup } from './discard-prefetch.ts';

export const rocrtstGroups: readonly CaseGroup[] = [
  basicGroup,
  accessedByGroup,
  backendGroup,
  discardGroup,
  discardAndPrefetchGroup,
];
