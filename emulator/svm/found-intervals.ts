// Models: nothing of the kernel - which interval was found for which page, so that a lookup that is repeated needs no search.
import { AttributeInterval } from './attribute-interval.ts';

/** Intervals above which nothing is noted: the slots for more would not stay in the caches. */
const MANY = 4096;
// Of 1,000 small intervals next to each other one in 25 shares its slot with another one; with half as many slots one in 6.
const SLOTS_PER_INTERVAL = 4;
const MOST_SLOTS = 4096;
const GOLDEN = 0x9e37_79b1;

/** It contains no page. */
export const NOWHERE = new AttributeInterval(Number.NaN, Number.NaN, {
  preferredLocation: 0,
  prefetchLocation: 0,
  access: 0,
  granularity: 0,
  flags: 0,
});
/** Never written to. */
const NO_SLOTS = [NOWHERE, NOWHERE];

/**
 * Intervals by a hash of the page for which they were found. Nothing is taken out when an interval changes: whether it still
 * contains the page is asked when it is found.
 */
export class FoundIntervals {
  private slots = NO_SLOTS;
  // It leaves as many bits of the hash as there are slots for.
  private shift = 31;
  private searches = 0;

  /** The interval that contains `page`, if it was noted for it. */
  find(page: number): AttributeInterval | undefined {
    const interval = this.slots[Math.imul(page >>> 2, GOLDEN) >>> this.shift]!;
    return interval.first <= page && interval.last >= page && !interval.freed ? interval : undefined;
  }

  /** Notes that a search in `size` intervals found `interval` for `page`. */
  note(page: number, interval: AttributeInterval, size: number): void {
    // Who looks for each but once would have slots filled and never asked.
    if (this.searches < size) {
      this.searches++;
      return;
    }
    if (size > MANY) {
      this.clear();
      return;
    }
    const wanted = Math.min(MOST_SLOTS, SLOTS_PER_INTERVAL * size);
    if (this.slots.length < wanted) this.makeSlots(wanted);
    this.slots[Math.imul(page >>> 2, GOLDEN) >>> this.shift] = interval;
  }

  /** Forgets all. */
  clear(): void {
    this.slots = NO_SLOTS;
    this.shift = 31;
    this.searches = 0;
  }

  private makeSlots(least: number): void {
    let slots = NO_SLOTS;
    this.shift = 31;
    for (; slots.length < least; this.shift--) slots = slots.concat(slots);
    this.slots = slots;
  }
}
