import type { CaseGroup } from '../../case.ts';

export const hmmGroups: readonly CaseGroup[] = [];
