/** Cases of the attributes: what only the model shows. */
import type { CaseGroup } from '../../../lib/conformance/framework/case.ts';
import { changesGroup } from './changes.ts';
import { clearGroup } from './clear.ts';
import { defaultsGroup } from './defaults.ts';
import { duplicatesGroup } from './duplicates.ts';
import { effectsGroup } from './effects.ts';
import { failingSetsGroup } from './failing-sets.ts';
import { geometryGroup } from './geometry.ts';
import { randomGroup } from './random.ts';
import { retryGroup } from './retry.ts';
import { triggersGroup } from './triggers.ts';
import { wrapGroup } from './wrap.ts';

export const attributesGroups: readonly CaseGroup[] = [
  defaultsGroup,
  geometryGroup,
  duplicatesGroup,
  wrapGroup,
  triggersGroup,
  effectsGroup,
  failingSetsGroup,
  retryGroup,
  changesGroup,
  clearGroup,
  randomGroup,
];
