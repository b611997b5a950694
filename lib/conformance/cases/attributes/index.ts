/** Cases of the attributes. */
import { aggregateGroup } from './aggregate.ts';
import { clearGroup } from './clear.ts';
import { defaultsGroup } from './defaults.ts';
import { duplicatesGroup } from './duplicates.ts';
import { effectsGroup } from './effects.ts';
import { failingSetsGroup } from './failing-sets.ts';
import { geometryGroup } from './geometry.ts';
import { randomGroup } from './random.ts';
import { retryGroup } from './retry.ts';
import { triggersGroup } from './triggers.ts';
import { vmaChecksGroup } from './vma-checks.ts';
import { wrapGroup } from './wrap.ts';

export const attributesGroups = [
  defaultsGroup,
  geometryGroup,
  aggregateGroup,
  duplicatesGroup,
  wrapGroup,
  vmaChecksGroup,
  triggersGroup,
  effectsGroup,
  failingSetsGroup,
  retryGroup,
  clearGroup,
  randomGroup,
];
