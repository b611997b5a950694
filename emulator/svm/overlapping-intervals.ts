// Models: the attribute tree from the moment on at which a race has made intervals overlap (spec/02-attributes §3, Q31).
import type { OrderedMap } from '../kernel/ordered-map.ts';
import { AttributeInterval } from './attribute-interval.ts';
import { AttributeList } from './attribute-list.ts';

/** Result of the bounds lookup: an interval, or the hole `[first, last]` around the page. */
export interface BoundsLookup {
  interval: AttributeInterval | undefined;
  first: number;
  last: number;
}

/** The intervals of a tree in which some overlap. Lookups give the match with the smallest first page, as the kernel's, and walk for it. */
export class OverlappingIntervals {
  // The tree, by first page.
  private readonly map: OrderedMap<AttributeInterval>;
  // As long as none overlapped it had the order of the tree, which nothing asks for.
  private readonly list: AttributeList<AttributeInterval>;
  // Pages of the longest interval there was: how far back an overlapping one may start.
  private longest = Number.NaN;

  constructor(map: OrderedMap<AttributeInterval>) {
    this.map = map;
    this.list = new AttributeList(map.values());
    this.longest = 0; // after NaN: docs/development.md
    for (const interval of map.values()) this.noteLength(interval);
  }

  /** Whether the kernel's list of the intervals has another order than its tree. */
  get listBroken(): boolean {
    return !this.list.hasOrderOf(this.map.values());
  }

  /** The interval with the smallest first page among those that intersect `[first, last]`. */
  firstIntersecting(first: number, last: number): AttributeInterval | undefined {
    let found: AttributeInterval | undefined;
    this.map.scan(first - this.longest, (interval, start) => {
      if (start > last) return false;
      if (interval.last >= first) found = interval;
      return found === undefined;
    });
    return found;
  }

  /** The interval after `interval` in tree order. */
  after(interval: AttributeInterval): AttributeInterval | undefined {
    let found: AttributeInterval | undefined;
    let passed = false;
    this.map.scan(interval.first, (item) => {
      if (passed) found = item;
      else if (item === interval) passed = true;
      return found === undefined;
    });
    return found;
  }

  /** The interval that contains `page`, or the hole around it (spec/02-attributes §3.2). */
  lookupBounds(page: number): BoundsLookup {
    const interval = this.firstIntersecting(page, page);
    if (interval !== undefined) return { interval, first: interval.first, last: interval.last };
    const bounds: BoundsLookup = { interval: undefined, first: 0, last: Number.POSITIVE_INFINITY };
    const next = this.firstIntersecting(page + 1, Number.POSITIVE_INFINITY);
    if (next !== undefined && next.first > page) bounds.last = next.first - 1;
    const before = next === undefined ? this.map.last() : this.before(next);
    if (before !== undefined && before.last < page) bounds.first = before.last + 1;
    return bounds;
  }

  insert(interval: AttributeInterval): void {
    this.noteLength(interval);
    this.list.insertBefore(this.firstIntersecting(interval.last + 1, Number.POSITIVE_INFINITY), interval);
    this.map.insert(interval.first, interval);
  }

  remove(interval: AttributeInterval): void {
    this.map.remove(interval.first, interval);
    this.list.remove(interval);
  }

  /** Changes the bounds as the kernel does: it becomes the last one with its first page. */
  move(interval: AttributeInterval, first: number, last: number): void {
    this.remove(interval);
    interval.first = first;
    interval.last = last;
    this.insert(interval);
  }

  /** As the tree's: the middle keeps the identity, the left and the right piece are new. */
  split(interval: AttributeInterval, first: number, last: number): void {
    const { first: oldFirst, last: oldLast } = interval;
    this.remove(interval);
    if (first > oldFirst) this.insert(new AttributeInterval(oldFirst, first - 1, interval));
    interval.first = first;
    interval.last = last;
    this.insert(interval);
    if (last < oldLast) this.insert(new AttributeInterval(last + 1, oldLast, interval));
  }

  private noteLength({ first, last }: AttributeInterval): void {
    this.longest = Math.max(this.longest, last - first + 1);
  }

  /** The interval before `interval` in tree order; of several with its first page, the one inserted just before. */
  private before(interval: AttributeInterval): AttributeInterval | undefined {
    let before = this.map.lower(interval.first);
    this.map.scan(interval.first, (item) => {
      if (item === interval) return false;
      before = item;
      return true;
    });
    return before;
  }
}
