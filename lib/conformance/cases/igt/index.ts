import type { CaseGroup } from '../../case.ts';
import { execGroup } from './exec.ts';
import { invalidationGroup } from './invalidation.ts';
import { partialGroup } from './partial.ts';
import { segmentsGroup } from './segments.ts';

export const igtGroups: readonly CaseGroup[] = [execGroup, invalidationGroup, partialGroup, segmentsGroup];
