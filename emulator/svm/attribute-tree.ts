// Models: the attribute tree of a context (spec/02-attributes §3).
import { OrderedMap } from '../kernel/ordered-map.ts';
import { AttributeInterval } from './attribute-interval.ts';
import { AttributeRows } from './attribute-rows.ts';
import { FoundIntervals, NOWHERE } from './found-intervals.ts';
import { OverlappingIntervals } from './overlapping-intervals.ts';
import type { BoundsLookup } from './overlapping-intervals.ts';

/**
 * Intervals above which those that nobody holds become rows: so many objects are 5 MB, and as long as caches hold them a
 * row, which becomes an object again whenever it is looked at, takes longer.
 */
const MOST_OBJECTS = 32_768;

/**
 * Intervals in ascending order. They are disjoint in every single-threaded
 * history; a race can break that (Q31), and then the lookups still follow the
 * kernel's rule - the match with the smallest first page - at a higher price.
 */
export class AttributeTree {
  // By first page; of many intervals the most are rows.
  private readonly map = new OrderedMap<AttributeInterval | number>();
  /** Those that SET_ATTR and GET_ATTR found before; none where there are rows, or intervals overlap. */
  readonly found = new FoundIntervals();
  // What `find` gave last: faults and collections often go from page to page. One that was freed or became a row contains none.
  private recent: AttributeInterval = NOWHERE;
  // Null as long as there were none.
  private rows: AttributeRows | null = null;
  private readonly mostObjects: number;
  // Objects of a large tree; they become rows when nobody holds intervals any more.
  private readonly objects: AttributeInterval[] = [];
  // Operations that keep intervals.
  private holders = 0;
  // Null as long as no two overlap. All intervals are objects then.
  private overlaps: OverlappingIntervals | null = null;

  /** `mostObjects`: intervals above which those that nobody holds become rows. */
  constructor(mostObjects: number = MOST_OBJECTS) {
    this.mostObjects = mostObjects;
  }

  get size(): number {
    return this.map.size;
  }

  /** Whether a race has made intervals overlap. */
  get overlapping(): boolean {
    return this.overlaps !== null;
  }

  /** Whether the kernel's list of the intervals has another order than its tree; a race has to have made intervals overlap. */
  get listBroken(): boolean {
    return this.overlaps?.listBroken === true;
  }

  /**
   * The caller looks intervals up and keeps them. Until it releases the tree, an interval is one object for all who look
   * it up; before that nobody may keep one from one operation to the next.
   */
  hold(): void {
    this.holders++;
  }

  /** The end of what a `hold` began. */
  release(): void {
    this.holders--;
    if (this.objects.length > 0 && this.holders === 0) this.pack();
  }

  /** The interval that contains `page`; of several, the one with the smallest first page. */
  find(page: number): AttributeInterval | undefined {
    if (this.overlaps !== null) return this.overlaps.firstIntersecting(page, page);
    const recent = this.recent;
    if (recent.first <= page && recent.last >= page && !recent.freed) return recent;
    const item = this.map.floor(page);
    if (item === undefined) return undefined;
    if (typeof item === 'number') return this.rows!.lastOf(item) >= page ? this.unpack(item) : undefined;
    return item.last >= page ? (this.recent = item) : undefined;
  }

  /** As `find`, for who may well ask for the same page again, and asks `found` first then. */
  findAndNote(page: number): AttributeInterval | undefined {
    const interval = this.find(page);
    if (interval !== undefined && this.overlaps === null && this.rows === null)
      this.found.note(page, interval, this.map.size);
    return interval;
  }

  /** The first interval after `page`, which is in none. */
  afterHole(page: number): AttributeInterval | undefined {
    return this.overlaps === null
      ? this.objectOf(this.map.higher(page))
      : this.overlaps.firstIntersecting(page + 1, Number.POSITIVE_INFINITY);
  }

  /** First page of the first interval after `page`, which is in none; infinity if there is none. `insertIntoHole` may follow. */
  endOfHole(page: number): number {
    return this.overlaps === null
      ? this.map.seekAfter(page)
      : (this.afterHole(page)?.first ?? Number.POSITIVE_INFINITY);
  }

  /** The interval with the smallest first page among those that intersect `[first, last]`. */
  findIntersecting(first: number, last: number): AttributeInterval | undefined {
    if (this.overlaps !== null) return this.overlaps.firstIntersecting(first, last);
    const before = this.find(first);
    if (before !== undefined) return before;
    const item = this.map.higher(first);
    if (item === undefined) return undefined;
    if (typeof item === 'number') return this.rows!.firstOf(item) <= last ? this.unpack(item) : undefined;
    return item.first <= last ? item : undefined;
  }

  /** The interval after `interval` in tree order. */
  after(interval: AttributeInterval): AttributeInterval | undefined {
    return this.overlaps === null ? this.objectOf(this.map.higher(interval.first)) : this.overlaps.after(interval);
  }

  /** The interval that contains `page`, or the hole around it (spec/02-attributes §3.2). */
  lookupBounds(page: number): BoundsLookup {
    if (this.overlaps !== null) return this.overlaps.lookupBounds(page);
    const items = this.map.neighbours(page);
    const before = this.objectOf(items.before);
    if (before !== undefined && before.last >= page)
      return { interval: before, first: before.first, last: before.last };
    const next = this.objectOf(items.after);
    return {
      interval: undefined,
      first: before === undefined ? 0 : before.last + 1,
      last: next === undefined ? Number.POSITIVE_INFINITY : next.first - 1,
    };
  }

  insert(interval: AttributeInterval): void {
    if (this.overlaps === null && !this.isHole(interval.first, interval.last)) {
      this.unpackAll();
      this.found.clear();
      this.overlaps = new OverlappingIntervals(this.map as OrderedMap<AttributeInterval>);
    }
    if (this.overlaps !== null) this.overlaps.insert(interval);
    else this.insertObject(interval);
  }

  /** As `insert`, from the page on for which `endOfHole` has just given `end`: who ends before it needs no search. */
  insertIntoHole(interval: AttributeInterval, end: number): void {
    if (interval.last >= end || this.overlaps !== null) {
      this.insert(interval);
      return;
    }
    this.map.insertHere(interval.first, interval);
    this.noteObject(interval);
  }

  remove(interval: AttributeInterval): void {
    if (this.overlaps === null) this.map.remove(interval.first, interval);
    else this.overlaps.remove(interval);
    interval.freed = true;
    if (this.map.size === 0) this.overlaps = null;
  }

  /**
   * Splits `interval` at `[first, last]` inside it: the middle keeps the identity,
   * the left and the right piece are new and have the old record (spec/02-attributes §4.6).
   */
  split(interval: AttributeInterval, first: number, last: number): void {
    if (this.overlaps !== null) {
      this.overlaps.split(interval, first, last);
      return;
    }
    const { first: oldFirst, last: oldLast } = interval;
    if (first > oldFirst) {
      // mutant: split-left-with-new-record
      const left = new AttributeInterval(oldFirst, first - 1, interval);
      this.map.replace(oldFirst, interval, left);
      this.noteObject(left);
      interval.first = first;
      this.map.insert(first, interval);
    }
    interval.last = last;
    // mutant: split-loses-right-piece
    if (last < oldLast) this.insertObject(new AttributeInterval(last + 1, oldLast, interval));
  }

  /** Moves the first page of `interval` up to `first`. */
  trimFront(interval: AttributeInterval, first: number): void {
    if (this.overlaps !== null) {
      this.overlaps.move(interval, first, interval.last);
      return;
    }
    this.map.rekey(interval.first, first, interval);
    interval.first = first;
  }

  /** Moves the last page of `interval` down to `last`. */
  trimBack(interval: AttributeInterval, last: number): void {
    if (this.overlaps === null) interval.last = last;
    else this.overlaps.move(interval, interval.first, last);
  }

  /** All intervals in tree order, to be read only: those that are rows stay so. */
  values(): Generator<AttributeInterval, undefined> {
    return this.rows === null ? (this.map.values() as Generator<AttributeInterval>) : this.valuesWith(this.rows);
  }

  clear(): void {
    this.map.clear();
    this.recent = NOWHERE;
    this.found.clear();
    this.rows = null;
    this.objects.length = 0;
    this.overlaps = null;
  }

  private *valuesWith(rows: AttributeRows): Generator<AttributeInterval, undefined> {
    for (const item of this.map.values()) yield typeof item === 'number' ? rows.read(item) : item;
    return undefined;
  }

  private isHole(first: number, last: number): boolean {
    const before = this.map.floor(first);
    if (before !== undefined && (typeof before === 'number' ? this.rows!.lastOf(before) : before.last) >= first)
      return false;
    const after = this.map.higher(first);
    return after === undefined || (typeof after === 'number' ? this.rows!.firstOf(after) : after.first) > last;
  }

  private insertObject(interval: AttributeInterval): void {
    this.map.insert(interval.first, interval);
    this.noteObject(interval);
  }

  private noteObject(interval: AttributeInterval): void {
    if (this.map.size > this.mostObjects) this.objects.push(interval);
  }

  private objectOf(item: AttributeInterval | number | undefined): AttributeInterval | undefined {
    return typeof item === 'number' ? this.unpack(item) : item;
  }

  /** Puts an object into the place of a row. */
  private unpack(row: number): AttributeInterval {
    const rows = this.rows!;
    const interval = rows.read(row);
    this.map.replace(interval.first, row, interval);
    rows.free(row);
    this.noteObject(interval);
    return interval;
  }

  private unpackAll(): void {
    let interval = this.objectOf(this.map.first());
    while (interval !== undefined) interval = this.objectOf(this.map.higher(interval.first));
    this.objects.length = 0;
  }

  /** Puts rows into the places of the objects, which nobody looks at any more. */
  private pack(): void {
    // Until now all were objects.
    const objects = this.rows === null ? [...this.values()] : this.objects;
    const rows = (this.rows ??= new AttributeRows());
    this.found.clear();
    for (const interval of objects) {
      const row = rows.add(interval);
      // It may have been removed since.
      if (!this.map.replace(interval.first, interval, row)) rows.free(row);
      // Who kept it without holding gets nonsense at once, rather than what was true before.
      interval.first = Number.NaN;
      interval.last = Number.NaN;
      interval.flags = -1;
    }
    this.objects.length = 0;
  }
}
