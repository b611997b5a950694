/** Cases of the catalogue of quirks: each reports whether the device shows the quirk or the correct behaviour. */
import type { CaseGroup } from '../../framework/case.ts';
import { attributeLifeQuirksGroup } from './attribute-life.ts';
import { attributeQuirksGroup } from './attributes.ts';
import { quirkFaultsGroup } from './faults.ts';
import { quirkPermissionsGroup } from './permissions.ts';
import { quirkRangesGroup } from './ranges.ts';

export const quirksGroups: readonly CaseGroup[] = [
  attributeQuirksGroup,
  attributeLifeQuirksGroup,
  quirkRangesGroup,
  quirkPermissionsGroup,
  quirkFaultsGroup,
];
