/** Cases of the attributes. */
import { aggregateGroup } from './aggregate.ts';
import { defaultsGroup } from './defaults.ts';
import { duplicatesGroup } from './duplicates.ts';
import { geometryGroup } from './geometry.ts';
import { randomGroup } from './random.ts';
import { vmaChecksGroup } from './vma-checks.ts';
import { wrapGroup } from './wrap.ts';

export const attributesGroups = [defaultsGroup, geometryGroup, aggregateGroup, duplicatesGroup, wrapGroup, vmaChecksGroup, randomGroup];
