// Models: nothing - what waits for the collector, as the UNMAP events announced it (spec/04-invalidation-and-gc §5).
import { LateMap } from '../kernel/late-map.ts';

interface Span {
  readonly first: number;
  readonly last: number;
}

/** Pages of UNMAP events by the first page of their range, until the range is collected. */
export class PendingUnmaps {
  readonly #byRange = new LateMap<number, Span[]>();

  add(rangeStart: number, first: number, last: number): void {
    const spans = this.#byRange.get(rangeStart);
    if (spans === undefined) this.#byRange.set(rangeStart, [{ first, last }]);
    else spans.push({ first, last });
  }

  delete(rangeStart: number): void {
    this.#byRange.delete(rangeStart);
  }

  clear(): void {
    this.#byRange.clear();
  }

  /** The first pages between the spans of a range that no event unmapped, or undefined. */
  gapOf(rangeStart: number): Span | undefined {
    const spans = this.#byRange.get(rangeStart);
    if (spans === undefined || spans.length < 2) return undefined;
    const sorted = spans.toSorted((left, right) => left.first - right.first);
    let last = sorted[0]!.last;
    for (const span of sorted) {
      if (span.first > last + 1) return { first: last + 1, last: span.first - 1 };
      last = Math.max(last, span.last);
    }
    return undefined;
  }

  /** Whether pages of `[first, last]` wait for the collector. */
  touches(first: number, last: number): boolean {
    if (this.#byRange.size === 0) return false;
    for (const spans of this.#byRange.values()) {
      if (spans.some((span) => span.first <= last && span.last >= first)) return true;
    }
    return false;
  }
}
