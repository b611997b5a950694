/** What an operation changed: the lanes before and behind it compared. */
import { LANES, NO_LANES } from './lanes.ts';
import type { LaneItem, Lanes } from './lanes.ts';

/** New and changed items as they are now, removed and changed ones as they were. */
export interface LaneChanges {
  /** Identities of items that were not there before in this state. */
  readonly added: ReadonlySet<string>;
  /** Items that are no longer there in that state. */
  readonly removed: readonly LaneItem[];
}

export const NO_CHANGES: LaneChanges = { added: new Set(), removed: [] };

/** Compares two states; `before` is undefined for the first. */
export function laneChanges(before: Lanes = NO_LANES, after: Lanes): LaneChanges {
  const added = new Set<string>();
  const removed: LaneItem[] = [];
  for (const lane of LANES) {
    const old = new Set(before[lane].map((item) => item.identity));
    for (const item of after[lane]) if (!old.delete(item.identity)) added.add(item.identity);
    if (old.size > 0) removed.push(...before[lane].filter((item) => old.has(item.identity)));
  }
  return { added, removed };
}
