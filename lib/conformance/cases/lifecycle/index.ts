/** Cases of the life of an SVM context. */
import type { CaseGroup } from '../../framework/case.ts';
import { contextGroup } from './context.ts';
import { withoutXnackGroup } from './without-xnack.ts';
import { xnackGroup } from './xnack.ts';

export const lifecycleGroups: readonly CaseGroup[] = [xnackGroup, withoutXnackGroup, contextGroup];
