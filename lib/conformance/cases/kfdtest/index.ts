import type { CaseGroup } from '../../case.ts';

export const kfdtestGroups: readonly CaseGroup[] = [];
