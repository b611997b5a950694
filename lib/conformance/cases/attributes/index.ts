/** Cases of the attributes. */
import { defaultsGroup } from './defaults.ts';
import { geometryGroup } from './geometry.ts';

export const attributesGroups = [defaultsGroup, geometryGroup];
