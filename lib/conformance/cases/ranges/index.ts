import type { CaseGroup } from '../../case.ts';

export const rangesGroups: readonly CaseGroup[] = [];
