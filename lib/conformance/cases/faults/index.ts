/** Cases of GPU retry faults. */
import type { CaseGroup } from '../../framework/case.ts';
import { answersGroup } from './answers.ts';
import { workGroup } from './work.ts';

export const faultsGroups: readonly CaseGroup[] = [workGroup, answersGroup];
