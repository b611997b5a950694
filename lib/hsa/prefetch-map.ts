/**
 * Prefetches that were issued and have not run yet, by pages: each page belongs to the
 * one issued last, even if older ones are still to run (spec/hsa §5.2 step 1, §5.3).
 */

/** A pending prefetch, as far as the map knows it. */
export interface PendingPrefetch {
  /** Node of the destination. */
  readonly node: number;
}

/** Pages of one prefetch that no later one took. */
interface Piece<Operation> {
  readonly first: number;
  /** Exclusive. */
  readonly end: number;
  readonly operation: Operation;
}

/** What the map says of a range. */
export interface PendingView {
  /** Nodes of the pieces that intersect the range, in ascending order of their pages. */
  readonly nodes: readonly number[];
  /** Parts of the range without a pending prefetch: page intervals, end exclusive. */
  readonly holes: readonly (readonly [first: number, end: number])[];
  /** Node of the last piece that begins at or below the range's first page, whether or not it reaches into the range. */
  readonly below: number | undefined;
}

/** Disjoint pieces in ascending order. Page intervals are `[first, end)`. */
export class PrefetchMap<Operation extends PendingPrefetch> {
  #pieces: Piece<Operation>[] = [];

  /** Number of pieces. */
  get size(): number {
    return this.#pieces.length;
  }

  /** Gives the pages to `operation`; older pieces are trimmed, split or removed. No pages: nothing. */
  issue(first: number, end: number, operation: Operation): void {
    if (first >= end) return;
    const pieces = this.#pieces;
    let from = this.#firstFrom(first);
    // The piece before may reach in.
    if (from > 0 && pieces[from - 1]!.end > first) from--;
    let to = from;
    while (to < pieces.length && pieces[to]!.first < end) to++;
    const replacement: Piece<Operation>[] = [{ first, end, operation }];
    if (to > from) {
      const head = pieces[from]!;
      const tail = pieces[to - 1]!;
      if (head.first < first) replacement.unshift({ ...head, end: first });
      if (tail.end > end) replacement.push({ ...tail, first: end });
    }
    pieces.splice(from, to - from, ...replacement);
  }

  /** Forgets the pieces of a prefetch that has run. */
  remove(operation: Operation): void {
    this.#pieces = this.#pieces.filter((piece) => piece.operation !== operation);
  }

  view(first: number, end: number): PendingView {
    const pieces = this.#pieces;
    // Like upper_bound: the piece that begins at `first` counts as below.
    const after = this.#firstFrom(first + 1);
    const below = after > 0 ? pieces[after - 1]! : undefined;
    const nodes: number[] = [];
    const holes: [number, number][] = [];
    let cursor = first;
    for (let index = Math.max(after - 1, 0); index < pieces.length && pieces[index]!.first < end; index++) {
      const piece = pieces[index]!;
      if (piece.end <= first) continue;
      if (piece.first > cursor) holes.push([cursor, piece.first]);
      nodes.push(piece.operation.node);
      cursor = piece.end;
    }
    if (cursor < end) holes.push([cursor, end]);
    return { nodes, holes, below: below?.operation.node };
  }

  /** Index of the first piece whose first page is `page` or later. */
  #firstFrom(page: number): number {
    let low = 0;
    let high = this.#pieces.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#pieces[middle]!.first < page) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/**
 * The node that a range was last prefetched to, or undefined for none or mixed
 * (spec/hsa §5.3). `askHole` asks the devices for a part without pending prefetch.
 * `belowCounts`: the runtime compares everything with the piece before the range even
 * if it does not reach in, so an unrelated prefetch below can make the answer "none".
 */
export function lastPrefetchNode(
  view: PendingView,
  belowCounts: boolean,
  askHole: (first: number, end: number) => number | undefined,
): number | undefined {
  let reference = (belowCounts ? view.below : undefined) ?? view.nodes[0];
  if (view.nodes.some((node) => node !== reference)) return undefined;
  for (const [first, end] of view.holes) {
    const node = askHole(first, end);
    if (node === undefined) return undefined;
    reference ??= node;
    if (node !== reference) return undefined;
  }
  return reference;
}
