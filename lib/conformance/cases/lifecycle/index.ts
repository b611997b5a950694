import type { CaseGroup } from '../../case.ts';

export const lifecycleGroups: readonly CaseGroup[] = [];
