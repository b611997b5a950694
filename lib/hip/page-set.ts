/** A set of pages as ascending disjoint intervals; what touches is joined. */

/** Page intervals are `[first, end)`; page numbers are exact as numbers. */
export class PageSet {
  /** first, end, first, end, ... strictly ascending: a position is inside if the number of bounds up to it is odd. */
  readonly #bounds: number[] = [];

  /** Number of intervals. */
  get size(): number {
    return this.#bounds.length / 2;
  }

  add(first: number, end: number): void {
    this.#change(first, end, 0);
  }

  remove(first: number, end: number): void {
    if (this.#bounds.length > 0) this.#change(first, end, 1);
  }

  /** Whether every page of a non-empty interval is in the set. */
  covers(first: number, end: number): boolean {
    const at = this.#above(first);
    return at % 2 === 1 && this.#bounds[at]! >= end;
  }

  /** Whether any page of a non-empty interval is in the set. */
  intersects(first: number, end: number): boolean {
    const at = this.#above(first);
    return at % 2 === 1 || (at < this.#bounds.length && this.#bounds[at]! < end);
  }

  /** `parity` 0: the interval goes in, so a bound is needed where its ends were outside; 1: the reverse. */
  #change(first: number, end: number, parity: 0 | 1): void {
    if (first >= end) return;
    const from = this.#above(first - 0.5);
    const to = this.#above(end);
    const bounds: number[] = [];
    if (from % 2 === parity) bounds.push(first);
    if (to % 2 === parity) bounds.push(end);
    this.#bounds.splice(from, to - from, ...bounds);
  }

  /** Number of bounds up to and including `position`. */
  #above(position: number): number {
    const bounds = this.#bounds;
    let low = 0;
    let high = bounds.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (bounds[middle]! <= position) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
