import type { CaseGroup } from '../../case.ts';

export const igtGroups: readonly CaseGroup[] = [];
