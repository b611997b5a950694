import type { CaseGroup } from '../../case.ts';

export const quirksGroups: readonly CaseGroup[] = [];
