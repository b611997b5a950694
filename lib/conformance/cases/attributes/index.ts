import type { CaseGroup } from '../../case.ts';

export const attributesGroups: readonly CaseGroup[] = [];
