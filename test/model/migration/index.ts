/** Cases of memory that moves to VRAM and back: what only the model shows. */
import type { CaseGroup } from '../../../lib/conformance/framework/case.ts';
import { evictionGroup } from './eviction.ts';
import { failuresGroup } from './failures.ts';
import { homeGroup } from './home.ts';
import { placesGroup } from './places.ts';
import { wishesGroup } from './wishes.ts';

export const migrationGroups: readonly CaseGroup[] = [
  wishesGroup,
  placesGroup,
  homeGroup,
  evictionGroup,
  failuresGroup,
];
