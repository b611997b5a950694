// Models: an attribute interval - its pages and its record (spec/02-attributes §1, §3).
//
// A process can have a million of them, so they are rows of one buffer, 32 bytes each, and no objects. An
// `AttributeInterval` is a way to look at one row. Who keeps one while others may run has to `hold` it in the tree:
// then the members stay what they were, also when the row is given away.
import { PAGE_NUMBER_END } from '../kernel/page-number.ts';
import type { AttributeRecord } from './attribute-record.ts';

// A row as doubles: first and last page; as words: the same, then these.
const PREFERRED = 4;
const PREFETCH = 5;
const ACCESS_AND_GRANULARITY = 6;
const FLAGS = 7;
const DOUBLES_SHIFT = 2;
const WORDS_SHIFT = 3;
const ROW_BYTES = 32;
const ACCESS_BITS = 2;
const ACCESS_MASK = 3;
/** End of the list of rows that are not in use. */
const NO_ROW = -1;
const FIRST_ROWS = 16;
const FEW_ROWS = 1024;

/** The rows of the intervals of one tree. */
export class AttributeRows {
  doubles = new Float64Array(0);
  words = new Int32Array(0);
  // Rows that were ever in use, and the first that is not any more: the others follow by their first member.
  #end = 0;
  #unused = NO_ROW;

  /** A row for the pages `[first, last]` with a copy of `record`. */
  allocate(first: number, last: number, record: AttributeRecord): number {
    let row = this.#unused;
    if (row === NO_ROW) {
      row = this.#end++;
      if (row << DOUBLES_SHIFT === this.doubles.length) this.#grow();
    } else {
      this.#unused = this.doubles[row << DOUBLES_SHIFT]!;
    }
    this.doubles[row << DOUBLES_SHIFT] = first;
    this.doubles[(row << DOUBLES_SHIFT) + 1] = last;
    this.writeRecord(row, record);
    return row;
  }

  writeRecord(row: number, record: AttributeRecord): void {
    const { words } = this;
    const at = row << WORDS_SHIFT;
    words[at + PREFERRED] = record.preferredLocation;
    words[at + PREFETCH] = record.prefetchLocation;
    words[at + ACCESS_AND_GRANULARITY] = record.access | (record.granularity << ACCESS_BITS);
    words[at + FLAGS] = record.flags;
  }

  /** Whether the interval of `row` contains `page`. */
  contains(row: number, page: number): boolean {
    const at = row << DOUBLES_SHIFT;
    return page >= this.doubles[at]! && page <= this.doubles[at + 1]!;
  }

  lastOf(row: number): number {
    return this.doubles[(row << DOUBLES_SHIFT) + 1]!;
  }

  /** The row is given back. */
  free(row: number): void {
    this.doubles[row << DOUBLES_SHIFT] = this.#unused;
    this.#unused = row;
  }

  /** Few rows become twice as many; many a quarter more, so that little of it is empty. */
  #grow(): void {
    const rows = Math.max(FIRST_ROWS, this.#end < FEW_ROWS ? 2 * this.#end : this.#end + (this.#end >>> 2));
    const doubles = new Float64Array((rows * ROW_BYTES) / Float64Array.BYTES_PER_ELEMENT);
    doubles.set(this.doubles);
    this.doubles = doubles;
    this.words = new Int32Array(doubles.buffer);
  }
}

/** One attribute interval: the pages `[first, last]`, both inclusive, and their record. */
export class AttributeInterval implements AttributeRecord {
  /** Where its members are; not to be changed but by `detach`. */
  rows: AttributeRows;
  row: number;
  /** How often it is held. */
  holders = 0;
  /** Set when the clear procedure freed it; its members keep the last values (spec/05-faults §10). */
  freed = false;

  constructor(rows: AttributeRows, row: number) {
    this.rows = rows;
    this.row = row;
  }

  get first(): number {
    return this.rows.doubles[this.row << DOUBLES_SHIFT]!;
  }
  set first(page: number) {
    this.rows.doubles[this.row << DOUBLES_SHIFT] = page;
  }

  get last(): number {
    return this.rows.doubles[(this.row << DOUBLES_SHIFT) + 1]!;
  }
  set last(page: number) {
    this.rows.doubles[(this.row << DOUBLES_SHIFT) + 1] = page;
  }

  get preferredLocation(): number {
    return this.rows.words[(this.row << WORDS_SHIFT) + PREFERRED]!;
  }
  set preferredLocation(location: number) {
    this.rows.words[(this.row << WORDS_SHIFT) + PREFERRED] = location;
  }

  get prefetchLocation(): number {
    return this.rows.words[(this.row << WORDS_SHIFT) + PREFETCH]!;
  }
  set prefetchLocation(location: number) {
    this.rows.words[(this.row << WORDS_SHIFT) + PREFETCH] = location;
  }

  get access(): number {
    return this.rows.words[(this.row << WORDS_SHIFT) + ACCESS_AND_GRANULARITY]! & ACCESS_MASK;
  }
  set access(access: number) {
    const at = (this.row << WORDS_SHIFT) + ACCESS_AND_GRANULARITY;
    this.rows.words[at] = (this.rows.words[at]! & ~ACCESS_MASK) | access;
  }

  get granularity(): number {
    return this.rows.words[(this.row << WORDS_SHIFT) + ACCESS_AND_GRANULARITY]! >>> ACCESS_BITS;
  }
  set granularity(granularity: number) {
    const at = (this.row << WORDS_SHIFT) + ACCESS_AND_GRANULARITY;
    this.rows.words[at] = (this.rows.words[at]! & ACCESS_MASK) | (granularity << ACCESS_BITS);
  }

  get flags(): number {
    return this.rows.words[(this.row << WORDS_SHIFT) + FLAGS]!;
  }
  set flags(flags: number) {
    this.rows.words[(this.row << WORDS_SHIFT) + FLAGS] = flags;
  }

  /** Copies the record to `record`. */
  readRecord(record: AttributeRecord): void {
    const { words } = this.rows;
    const at = this.row << WORDS_SHIFT;
    const both = words[at + ACCESS_AND_GRANULARITY]!;
    record.preferredLocation = words[at + PREFERRED]!;
    record.prefetchLocation = words[at + PREFETCH]!;
    record.access = both & ACCESS_MASK;
    record.granularity = both >>> ACCESS_BITS;
    record.flags = words[at + FLAGS]!;
  }

  /** Makes the record that of `record`. */
  writeRecord(record: AttributeRecord): void {
    this.rows.writeRecord(this.row, record);
  }

  /** From now on its members are its own, with the values that they have. */
  detach(): void {
    const rows = new AttributeRows();
    this.row = rows.allocate(this.first, this.last, this);
    this.rows = rows;
  }
}

/** First page after an interval, or 0 where the byte address wraps past 2^64 (spec/02-attributes §10). */
export function exclusiveEnd(interval: AttributeInterval): number {
  const end = interval.last + 1;
  return end === PAGE_NUMBER_END ? 0 : end;
}
