/** Cases of GPU ranges: chunks, pages, PTEs, commits, invalidation, collection. */
import type { CaseGroup } from '../../case.ts';
import { chunksGroup } from './chunks.ts';
import { commitGroup } from './commit.ts';
import { notifiersGroup } from './notifiers.ts';
import { pagesGroup } from './pages.ts';
import { pteFlagsGroup } from './pte-flags.ts';

export const rangesGroups: readonly CaseGroup[] = [chunksGroup, notifiersGroup, pagesGroup, pteFlagsGroup, commitGroup];
