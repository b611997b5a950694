import type { CaseGroup } from '../../case.ts';

export const hipGroups: readonly CaseGroup[] = [];
