/** Cases of the attributes. */
import { aggregateGroup } from './aggregate.ts';
import { defaultsGroup } from './defaults.ts';
import { duplicatesGroup } from './duplicates.ts';
import { geometryGroup } from './geometry.ts';
import { wrapGroup } from './wrap.ts';

export const attributesGroups = [defaultsGroup, geometryGroup, aggregateGroup, duplicatesGroup, wrapGroup];
