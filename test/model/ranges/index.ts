/** Cases of GPU ranges: chunks, pages, PTEs, commits, invalidation, collection: what only the model shows. */
import type { CaseGroup } from '../../../lib/conformance/framework/case.ts';
import { chunksGroup } from './chunks.ts';
import { collectorGroup } from './collector.ts';
import { commitGroup } from './commit.ts';
import { invalidationGroup } from './invalidation.ts';
import { notifiersGroup } from './notifiers.ts';
import { pagesGroup } from './pages.ts';
import { pteFlagsGroup } from './pte-flags.ts';
import { splitGroup } from './split.ts';
import { collectorFailuresGroup } from './collector-failures.ts';

export const rangesGroups: readonly CaseGroup[] = [
  chunksGroup,
  notifiersGroup,
  pagesGroup,
  pteFlagsGroup,
  commitGroup,
  splitGroup,
  invalidationGroup,
  collectorGroup,
  collectorFailuresGroup,
];
