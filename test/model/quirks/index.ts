/** Cases of the catalogue of quirks: each reports whether the device shows the quirk or the correct behaviour: what only the model shows. */
import type { CaseGroup } from '../../../lib/conformance/framework/case.ts';
import { abiQuirksGroup } from './abi.ts';
import { attributeLifeQuirksGroup } from './attribute-life.ts';
import { attributeQuirksGroup } from './attributes.ts';
import { quirkFaultsGroup } from './faults.ts';
import { quirkPermissionsGroup } from './permissions.ts';
import { quirkRangeRacesGroup } from './range-races.ts';
import { quirkRangesGroup } from './ranges.ts';
import { closingQuirksGroup } from './closing.ts';
import { attributeRacesQuirksGroup } from './attribute-races.ts';
import { quirkFaultFiltersGroup } from './fault-filters.ts';

export const quirksGroups: readonly CaseGroup[] = [
  abiQuirksGroup,
  closingQuirksGroup,
  attributeQuirksGroup,
  attributeLifeQuirksGroup,
  attributeRacesQuirksGroup,
  quirkRangesGroup,
  quirkRangeRacesGroup,
  quirkPermissionsGroup,
  quirkFaultsGroup,
  quirkFaultFiltersGroup,
];
