// Models: nothing of the kernel - attribute intervals as rows of numbers, a quarter of the memory that objects take.
//
// Rows lie in plain arrays of doubles, which V8 keeps in its own heap: a typed array takes a microsecond to make and
// again to collect.
import { AttributeInterval } from './attribute-interval.ts';

// Members of a row: first page, last page, preferred location above SMALL_BITS of small members, prefetch location.
const LAST = 1;
const PREFERRED_AND_SMALL = 2;
const PREFETCH = 3;
const ROW_SHIFT = 2;
// The small members: flags, access, granularity.
const SMALL_BITS = 20;
const SMALL_MASK = (1 << SMALL_BITS) - 1;
const PREFERRED_UNIT = 1 << SMALL_BITS;
const FLAGS_MASK = 0xfff;
const ACCESS_SHIFT = 12;
const ACCESS_MASK = 0x3;
const GRANULARITY_SHIFT = 14;

/** Rows of a chunk: so no row is ever moved, and little is empty. */
const CHUNK_SHIFT = 8;
const CHUNK_MASK = (1 << CHUNK_SHIFT) - 1;
// Of no whole numbers, so that V8 keeps copies of it as bare doubles, whatever is written into them.
const EMPTY_CHUNK: readonly number[] = Array.from({ length: 1 << (CHUNK_SHIFT + ROW_SHIFT) }, () => 0.5);

/** Intervals of one tree that are no objects at the moment. */
export class AttributeRows {
  private readonly chunks: number[][] = [];
  // Rows that were ever in use, and those of them that are not any more.
  private end = 0;
  private readonly unused: number[] = [];

  /** Writes `interval` into a row that is not in use. */
  add(interval: AttributeInterval): number {
    const row = this.unused.length > 0 ? this.unused.pop()! : this.end++;
    if (row >>> CHUNK_SHIFT === this.chunks.length) this.chunks.push(EMPTY_CHUNK.slice());
    const chunk = this.chunks[row >>> CHUNK_SHIFT]!;
    const at = (row & CHUNK_MASK) << ROW_SHIFT;
    const { flags, access, granularity } = interval;
    chunk[at] = interval.first;
    chunk[at + LAST] = interval.last;
    chunk[at + PREFERRED_AND_SMALL] =
      interval.preferredLocation * PREFERRED_UNIT +
      (flags | (access << ACCESS_SHIFT) | (granularity << GRANULARITY_SHIFT));
    chunk[at + PREFETCH] = interval.prefetchLocation;
    return row;
  }

  firstOf(row: number): number {
    return this.chunks[row >>> CHUNK_SHIFT]![(row & CHUNK_MASK) << ROW_SHIFT]!;
  }

  lastOf(row: number): number {
    return this.chunks[row >>> CHUNK_SHIFT]![((row & CHUNK_MASK) << ROW_SHIFT) + LAST]!;
  }

  /** A new object with the members of `row`. */
  read(row: number): AttributeInterval {
    const chunk = this.chunks[row >>> CHUNK_SHIFT]!;
    const at = (row & CHUNK_MASK) << ROW_SHIFT;
    const both = chunk[at + PREFERRED_AND_SMALL]!;
    const small = both & SMALL_MASK;
    return new AttributeInterval(chunk[at]!, chunk[at + LAST]!, {
      preferredLocation: ((both - small) / PREFERRED_UNIT) | 0,
      prefetchLocation: chunk[at + PREFETCH]! | 0,
      access: (small >>> ACCESS_SHIFT) & ACCESS_MASK,
      granularity: small >>> GRANULARITY_SHIFT,
      flags: small & FLAGS_MASK,
    });
  }

  /** The row is not in use any more. */
  free(row: number): void {
    this.unused.push(row);
    if (this.unused.length < this.end) return;
    // The memory of many rows is given back with the last of them.
    this.unused.length = 0;
    this.end = 0;
    this.chunks.length = 0;
  }
}
