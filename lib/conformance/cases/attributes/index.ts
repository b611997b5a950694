/** Cases of the attributes. */
import type { CaseGroup } from '../../framework/case.ts';
import { aggregateGroup } from './aggregate.ts';
import { defaultsGroup } from './defaults.ts';
import { duplicatesGroup } from './duplicates.ts';
import { failingSetsGroup } from './failing-sets.ts';
import { geometryGroup } from './geometry.ts';
import { randomGroup } from './random.ts';
import { resetGroup } from './reset.ts';
import { survivalGroup } from './survival.ts';
import { vmaChecksGroup } from './vma-checks.ts';
import { wrapGroup } from './wrap.ts';

export const attributesGroups: readonly CaseGroup[] = [
  defaultsGroup,
  geometryGroup,
  aggregateGroup,
  duplicatesGroup,
  wrapGroup,
  vmaChecksGroup,
  failingSetsGroup,
  resetGroup,
  survivalGroup,
  randomGroup,
];
