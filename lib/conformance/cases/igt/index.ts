import type { CaseGroup } from '../../case.ts';
import { execGroup } from './exec.ts';

export const igtGroups: readonly CaseGroup[] = [execGroup];
