// Models: the attribute tree of a context (spec/02-attributes §3).
import { OrderedMap } from '../kernel/ordered-map.ts';
import { PAGE_NUMBER_END } from '../kernel/page-number.ts';
import { AttributeList } from './attribute-list.ts';
import { copyRecord } from './attribute-record.ts';
import type { AttributeRecord } from './attribute-record.ts';

/** One attribute interval: the pages `[first, last]`, both inclusive, and their record. It has identity. */
export class AttributeInterval implements AttributeRecord {
  first: number;
  last: number;
  preferredLocation: number;
  prefetchLocation: number;
  access: number;
  granularity: number;
  flags: number;
  /** Set when the clear procedure freed it; its members keep the last values (spec/05-faults §10). */
  freed = false;

  constructor(first: number, last: number, record: AttributeRecord) {
    this.first = first;
    this.last = last;
    this.preferredLocation = record.preferredLocation;
    this.prefetchLocation = record.prefetchLocation;
    this.access = record.access;
    this.granularity = record.granularity;
    this.flags = record.flags;
  }
}

/** First page after an interval, or 0 where the byte address wraps past 2^64 (spec/02-attributes §10). */
export function exclusiveEnd(interval: AttributeInterval): number {
  const end = interval.last + 1;
  return end === PAGE_NUMBER_END ? 0 : end;
}

/** Result of the bounds lookup: an interval, or the hole `[first, last]` around the page. */
export interface BoundsLookup {
  interval: AttributeInterval | undefined;
  first: number;
  last: number;
}

/**
 * Intervals in ascending order. They are disjoint in every single-threaded
 * history; a race can break that (Q31), and then the lookups still follow the
 * kernel's rule - the match with the smallest first page - at a higher price.
 */
export class AttributeTree {
  readonly #map = new OrderedMap<AttributeInterval>();
  // Kept from the first overlap on; before that it has the order of the tree, which nothing asks for.
  #list: AttributeList<AttributeInterval> | null = null;
  // Pages of the longest interval ever inserted: how far back an overlapping one may start.
  #longest = 0;

  get size(): number {
    return this.#map.size;
  }

  /** Whether a race has made intervals overlap. */
  get overlapping(): boolean {
    return this.#list !== null;
  }

  /** Whether the kernel's list of the intervals has another order than its tree; a race has to have made intervals overlap. */
  get listBroken(): boolean {
    return this.#list !== null && !this.#list.hasOrderOf(this.#map.values());
  }

  /** The interval that contains `page`; of several, the one with the smallest first page. */
  find(page: number): AttributeInterval | undefined {
    if (this.#list !== null) return this.#firstIntersecting(page, page);
    const interval = this.#map.floor(page);
    return interval !== undefined && interval.last >= page ? interval : undefined;
  }

  /** The interval with the smallest first page among those that intersect `[first, last]`. */
  findIntersecting(first: number, last: number): AttributeInterval | undefined {
    if (this.#list !== null) return this.#firstIntersecting(first, last);
    const before = this.#map.floor(first);
    if (before !== undefined && before.last >= first) return before;
    const after = this.#map.higher(first);
    return after !== undefined && after.first <= last ? after : undefined;
  }

  /** The interval after `interval` in tree order. */
  after(interval: AttributeInterval): AttributeInterval | undefined {
    if (this.#list === null) return this.#map.higher(interval.first);
    let found: AttributeInterval | undefined;
    let passed = false;
    this.#map.scan(interval.first, (candidate) => {
      if (passed) found = candidate;
      else if (candidate === interval) passed = true;
      return found === undefined;
    });
    return found;
  }

  /** The interval that contains `page`, or the hole around it (spec/02-attributes §3.2). */
  lookupBounds(page: number): BoundsLookup {
    if (this.#list !== null) return this.#lookupOverlapping(page);
    const { before, after: next } = this.#map.neighbours(page);
    if (before !== undefined && before.last >= page)
      return { interval: before, first: before.first, last: before.last };
    return {
      interval: undefined,
      first: before === undefined ? 0 : before.last + 1,
      last: next === undefined ? Number.POSITIVE_INFINITY : next.first - 1,
    };
  }

  insert(interval: AttributeInterval): void {
    this.#longest = Math.max(this.#longest, interval.last - interval.first + 1);
    if (this.#list === null && this.findIntersecting(interval.first, interval.last) !== undefined) {
      this.#list = new AttributeList(this.#map.values());
    }
    if (this.#list !== null) this.#insertOverlapping(interval);
    else this.#map.insert(interval.first, interval);
  }

  remove(interval: AttributeInterval): void {
    this.#map.remove(interval.first, interval);
    if (this.#map.size === 0) this.#list = null;
    else this.#list?.remove(interval);
  }

  /**
   * Splits `interval` at `[first, last]` inside it: the middle keeps the identity,
   * the left and the right piece are new and have the old record (spec/02-attributes §4.6).
   */
  split(interval: AttributeInterval, first: number, last: number): void {
    if (this.#list !== null) {
      this.#splitOverlapping(interval, first, last);
      return;
    }
    const { first: oldFirst, last: oldLast } = interval;
    if (first > oldFirst) {
      // mutant: split-left-with-new-record
      const left = new AttributeInterval(oldFirst, first - 1, interval);
      this.#map.replace(oldFirst, interval, left);
      interval.first = first;
      this.#map.insert(first, interval);
    }
    interval.last = last;
    // mutant: split-loses-right-piece
    if (last < oldLast) this.#map.insert(last + 1, new AttributeInterval(last + 1, oldLast, interval));
  }

  /** Moves the first page of `interval` up to `first`. */
  trimFront(interval: AttributeInterval, first: number): void {
    if (this.#list !== null) {
      this.#insertAgain(interval, first, interval.last);
      return;
    }
    this.#map.rekey(interval.first, first, interval);
    interval.first = first;
  }

  /** Moves the last page of `interval` down to `last`. */
  trimBack(interval: AttributeInterval, last: number): void {
    if (this.#list === null) interval.last = last;
    else this.#insertAgain(interval, interval.first, last);
  }

  /** All intervals in tree order. */
  values(): Generator<AttributeInterval, undefined> {
    return this.#map.values();
  }

  clear(): void {
    this.#map.clear();
    this.#list = null;
  }

  #insertOverlapping(interval: AttributeInterval): void {
    this.#list!.insertBefore(this.#firstIntersecting(interval.last + 1, Number.POSITIVE_INFINITY), interval);
    this.#map.insert(interval.first, interval);
  }

  /** Changes the bounds as the kernel does: it becomes the last one with its first page. */
  #insertAgain(interval: AttributeInterval, first: number, last: number): void {
    this.#map.remove(interval.first, interval);
    this.#list!.remove(interval);
    interval.first = first;
    interval.last = last;
    this.#insertOverlapping(interval);
  }

  #splitOverlapping(interval: AttributeInterval, first: number, last: number): void {
    const { first: oldFirst, last: oldLast } = interval;
    this.#map.remove(oldFirst, interval);
    this.#list!.remove(interval);
    if (first > oldFirst) this.#insertOverlapping(new AttributeInterval(oldFirst, first - 1, interval));
    interval.first = first;
    interval.last = last;
    this.#insertOverlapping(interval);
    if (last < oldLast) this.#insertOverlapping(new AttributeInterval(last + 1, oldLast, interval));
  }

  #lookupOverlapping(page: number): BoundsLookup {
    const interval = this.find(page);
    if (interval !== undefined) return { interval, first: interval.first, last: interval.last };
    const bounds: BoundsLookup = { interval: undefined, first: 0, last: Number.POSITIVE_INFINITY };
    const next = this.findIntersecting(page + 1, Number.POSITIVE_INFINITY);
    if (next !== undefined && next.first > page) bounds.last = next.first - 1;
    const before = next === undefined ? this.#map.last() : this.#before(next);
    if (before !== undefined && before.last < page) bounds.first = before.last + 1;
    return bounds;
  }

  /** The interval before `interval` in tree order; of several with its first page, the one inserted just before. */
  #before(interval: AttributeInterval): AttributeInterval | undefined {
    let before = this.#map.lower(interval.first);
    this.#map.scan(interval.first, (candidate) => {
      if (candidate === interval) return false;
      before = candidate;
      return true;
    });
    return before;
  }

  #firstIntersecting(first: number, last: number): AttributeInterval | undefined {
    let found: AttributeInterval | undefined;
    this.#map.scan(first - this.#longest, (candidate) => {
      if (candidate.first > last) return false;
      if (candidate.last >= first) found = candidate;
      return found === undefined;
    });
    return found;
  }
}

/** A private copy of a record, for comparing. */
export function snapshotRecord(record: AttributeRecord): AttributeRecord {
  const copy: AttributeRecord = { preferredLocation: 0, prefetchLocation: 0, access: 0, granularity: 0, flags: 0 };
  copyRecord(copy, record);
  return copy;
}
