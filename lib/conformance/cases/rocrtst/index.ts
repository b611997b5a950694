import type { CaseGroup } from '../../case.ts';

export const rocrtstGroups: readonly CaseGroup[] = [];
