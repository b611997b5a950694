// Models: the attribute tree of a context (spec/02-attributes §3).
import { NONE } from '../kernel/packed-nodes.ts';
import { PackedTree } from '../kernel/packed-tree.ts';
import { AttributeInterval, AttributeRows } from './attribute-interval.ts';
import { AttributeList } from './attribute-list.ts';
import type { AttributeRecord } from './attribute-record.ts';

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
  // Rows of the intervals by their first page.
  #tree = new PackedTree();
  #rows = new AttributeRows();
  // Kept from the first overlap on; before that it has the order of the tree, which nothing asks for.
  #list: AttributeList | null = null;
  // Pages of the longest interval ever inserted: how far back an overlapping one may start.
  #longest = 0;
  // Intervals that somebody keeps while others may run.
  readonly #held: AttributeInterval[] = [];
  // One that was released, for the next lookup: most calls look at one interval, and make no object then.
  #spare: AttributeInterval | null = null;
  // Row of the interval found last, or NONE: faults and calls come near each other.
  #recentRow = NONE;

  get size(): number {
    return this.#tree.size;
  }

  /** Whether a race has made intervals overlap. */
  get overlapping(): boolean {
    return this.#list !== null;
  }

  /** Whether the kernel's list of the intervals has another order than its tree; a race has to have made intervals overlap. */
  get listBroken(): boolean {
    return this.#list !== null && !this.#list.hasOrderOf(this.#rowsInOrder());
  }

  /**
   * `interval` is kept while others may run: until it is released as often, every lookup that finds it gives this very
   * object, and its members outlive the interval.
   */
  hold(interval: AttributeInterval): AttributeInterval {
    if (interval.holders++ === 0) this.#held.push(interval);
    return interval;
  }

  /** Who held `interval` must not look at it any more: it may stand for another one from now on. */
  release(interval: AttributeInterval): void {
    if (--interval.holders > 0) return;
    const held = this.#held;
    if (held[held.length - 1] === interval) held.pop();
    else if (held.includes(interval)) held.splice(held.indexOf(interval), 1);
    this.reuse(interval);
  }

  /** The caller looked `interval` up, and does not look at it any more. */
  reuse(interval: AttributeInterval): void {
    if (interval.holders === 0 && interval.rows === this.#rows) this.#spare = interval;
  }

  /** The interval that contains `page`; of several, the one with the smallest first page. */
  find(page: number): AttributeInterval | undefined {
    if (this.#list !== null) return this.#firstIntersecting(page, page);
    if (this.#recentRow !== NONE && this.#rows.contains(this.#recentRow, page)) return this.#ofRow(this.#recentRow);
    const entry = this.#tree.floor(page);
    if (entry === NONE) return undefined;
    const row = this.#tree.valueAt(entry);
    if (this.#rows.lastOf(row) < page) return undefined;
    this.#recentRow = row;
    return this.#ofRow(row);
  }

  /** The interval with the smallest first page among those that intersect `[first, last]`. */
  findIntersecting(first: number, last: number): AttributeInterval | undefined {
    if (this.#list !== null) return this.#firstIntersecting(first, last);
    const before = this.#tree.floor(first);
    if (before !== NONE && this.#rows.lastOf(this.#tree.valueAt(before)) >= first) return this.#at(before);
    const after = before === NONE ? this.#tree.higher(first) : this.#tree.after(before);
    return after !== NONE && this.#tree.keyAt(after) <= last ? this.#at(after) : undefined;
  }

  /** The interval after `interval` in tree order. */
  after(interval: AttributeInterval): AttributeInterval | undefined {
    if (this.#list === null) return this.#atOrNone(this.#tree.higher(interval.first));
    const entry = this.#entryOf(interval);
    return entry === NONE ? undefined : this.#atOrNone(this.#tree.after(entry));
  }

  /** The interval that contains `page`, or the hole around it (spec/02-attributes §3.2). */
  lookupBounds(page: number): BoundsLookup {
    if (this.#list !== null) return this.#lookupOverlapping(page);
    const entry = this.#tree.floor(page);
    const before = this.#atOrNone(entry);
    if (before !== undefined && before.last >= page)
      return { interval: before, first: before.first, last: before.last };
    const next = entry === NONE ? this.#tree.higher(page) : this.#tree.after(entry);
    return {
      interval: undefined,
      first: before === undefined ? 0 : before.last + 1,
      last: next === NONE ? Number.POSITIVE_INFINITY : this.#tree.keyAt(next) - 1,
    };
  }

  /** Adds an interval of the pages `[first, last]` with a copy of `record`. */
  insert(first: number, last: number, record: AttributeRecord): AttributeInterval {
    if (this.#list === null && this.findIntersecting(first, last) !== undefined) {
      this.#list = new AttributeList(this.#rowsInOrder());
    }
    return this.#lookAt(this.#insertNew(first, last, record));
  }

  /** Takes out an interval, which is freed: only who holds it may look at it any more. */
  remove(interval: AttributeInterval): void {
    const { row } = interval;
    this.#tree.remove(this.#entryOf(interval));
    if (this.#tree.size === 0) this.#list = null;
    else this.#list?.remove(row);
    for (const held of this.#held) {
      if (held.row !== row || held.rows !== this.#rows) continue;
      held.detach();
      held.freed = true;
    }
    this.reuse(interval);
    if (this.#recentRow === row) this.#recentRow = NONE;
    this.#rows.free(row);
  }

  /**
   * Splits `interval` at `[first, last]` inside it: the middle keeps the identity,
   * the left and the right piece are new and have the old record (spec/02-attributes §4.6).
   */
  split(interval: AttributeInterval, first: number, last: number): void {
    const { first: oldFirst, last: oldLast, row } = interval;
    if (this.#list !== null) {
      this.#tree.remove(this.#entryOf(interval));
      this.#list.remove(row);
      if (first > oldFirst) this.#insertNew(oldFirst, first - 1, interval);
      interval.first = first;
      interval.last = last;
      this.#insertRow(row, first, last);
    } else if (first > oldFirst) {
      // mutant: split-left-with-new-record
      const left = this.#rows.allocate(oldFirst, first - 1, interval);
      this.#tree.setValue(this.#entryOf(interval), left);
      interval.first = first;
      this.#tree.insert(first, row);
    }
    interval.last = last;
    // mutant: split-loses-right-piece
    if (last < oldLast) this.#insertNew(last + 1, oldLast, interval);
  }

  /** Moves the first page of `interval` up to `first`. */
  trimFront(interval: AttributeInterval, first: number): void {
    if (this.#list !== null) {
      this.#insertAgain(interval, first, interval.last);
      return;
    }
    const entry = this.#entryOf(interval);
    interval.first = first;
    if (this.#tree.rekey(entry, first)) return;
    this.#tree.remove(entry);
    this.#tree.insert(first, interval.row);
  }

  /** Moves the last page of `interval` down to `last`. */
  trimBack(interval: AttributeInterval, last: number): void {
    if (this.#list === null) interval.last = last;
    else this.#insertAgain(interval, interval.first, last);
  }

  /** All intervals in tree order. */
  *values(): Generator<AttributeInterval, undefined> {
    for (const row of this.#rowsInOrder()) yield this.#ofRow(row);
    return undefined;
  }

  clear(): void {
    for (const held of this.#held) if (held.rows === this.#rows) held.detach();
    this.#tree = new PackedTree();
    this.#rows = new AttributeRows();
    this.#spare = null;
    this.#recentRow = NONE;
    this.#list = null;
  }

  *#rowsInOrder(): Generator<number, undefined> {
    const tree = this.#tree;
    for (let entry = tree.ceiling(Number.NEGATIVE_INFINITY); entry !== NONE; entry = tree.after(entry))
      yield tree.valueAt(entry);
    return undefined;
  }

  #ofRow(row: number): AttributeInterval {
    if (this.#held.length > 0)
      for (const held of this.#held) if (held.row === row && held.rows === this.#rows) return held;
    return this.#lookAt(row);
  }

  #lookAt(row: number): AttributeInterval {
    const spare = this.#spare;
    if (spare === null) return new AttributeInterval(this.#rows, row);
    this.#spare = null;
    spare.row = row;
    return spare;
  }

  #at(entry: number): AttributeInterval {
    return this.#ofRow(this.#tree.valueAt(entry));
  }

  #atOrNone(entry: number): AttributeInterval | undefined {
    return entry === NONE ? undefined : this.#at(entry);
  }

  #entryOf({ first, row }: AttributeInterval): number {
    // Disjoint intervals have different first pages.
    return this.#list === null ? this.#tree.floor(first) : this.#tree.find(first, row);
  }

  #insertNew(first: number, last: number, record: AttributeRecord): number {
    const row = this.#rows.allocate(first, last, record);
    this.#insertRow(row, first, last);
    return row;
  }

  #insertRow(row: number, first: number, last: number): void {
    this.#longest = Math.max(this.#longest, last - first + 1);
    if (this.#list !== null)
      this.#list.insertBefore(this.#firstIntersecting(last + 1, Number.POSITIVE_INFINITY)?.row, row);
    this.#tree.insert(first, row);
  }

  /** Changes the bounds as the kernel does: it becomes the last one with its first page. */
  #insertAgain(interval: AttributeInterval, first: number, last: number): void {
    this.#tree.remove(this.#entryOf(interval));
    this.#list!.remove(interval.row);
    interval.first = first;
    interval.last = last;
    this.#insertRow(interval.row, first, last);
  }

  #lookupOverlapping(page: number): BoundsLookup {
    const interval = this.find(page);
    if (interval !== undefined) return { interval, first: interval.first, last: interval.last };
    const bounds: BoundsLookup = { interval: undefined, first: 0, last: Number.POSITIVE_INFINITY };
    const next = this.findIntersecting(page + 1, Number.POSITIVE_INFINITY);
    if (next !== undefined && next.first > page) bounds.last = next.first - 1;
    const before = this.#atOrNone(
      next === undefined ? this.#tree.floor(Number.POSITIVE_INFINITY) : this.#tree.before(this.#entryOf(next)),
    );
    if (before !== undefined && before.last < page) bounds.first = before.last + 1;
    return bounds;
  }

  #firstIntersecting(first: number, last: number): AttributeInterval | undefined {
    const tree = this.#tree;
    for (let entry = tree.ceiling(first - this.#longest); entry !== NONE; entry = tree.after(entry)) {
      if (tree.keyAt(entry) > last) return undefined;
      const interval = this.#at(entry);
      if (interval.last >= first) return interval;
    }
    return undefined;
  }
}
