/** Cases of the catalogue of quirks: each reports whether the device shows the quirk or the correct behaviour. */
import type { CaseGroup } from '../../case.ts';
import { quirkFaultsGroup } from './faults.ts';
import { quirkPermissionsGroup } from './permissions.ts';
import { quirkRangeRacesGroup } from './range-races.ts';
import { quirkRangesGroup } from './ranges.ts';

export const quirksGroups: readonly CaseGroup[] = [quirkRangesGroup, quirkRangeRacesGroup, quirkPermissionsGroup, quirkFaultsGroup];
