/** Cases of the life of an SVM context: what only the model shows. */
import type { CaseGroup } from '../../../lib/conformance/framework/case.ts';
import { contextGroup } from './context.ts';
import { withoutXnackModelGroup } from './without-xnack.ts';
import { xnackGroup } from './xnack.ts';
import { contextSharingGroup } from './context-sharing.ts';

export const lifecycleGroups: readonly CaseGroup[] = [
  xnackGroup,
  withoutXnackModelGroup,
  contextGroup,
  contextSharingGroup,
];
