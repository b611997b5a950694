/** Cases of GPU ranges: chunks, pages, PTEs, commits, invalidation, collection. */
import type { CaseGroup } from '../../case.ts';
import { chunksGroup } from './chunks.ts';

export const rangesGroups: readonly CaseGroup[] = [chunksGroup];
