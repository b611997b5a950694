/** Cases of the quirk catalogue. */
import { abiQuirksGroup } from './abi.ts';
import { attributeLifeQuirksGroup } from './attribute-life.ts';
import { attributeQuirksGroup } from './attributes.ts';

export const quirksGroups = [abiQuirksGroup, attributeQuirksGroup, attributeLifeQuirksGroup];
