import type { CaseGroup } from '../../case.ts';

export const faultsGroups: readonly CaseGroup[] = [];
