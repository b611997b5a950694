// Models: the choice of a chunk for a new range (spec/03-gpu-ranges §A.7).

/** Chunk sizes in pages, descending: 2 MiB, 64 KiB, 4 KiB. */
// mutant: chunk-of-64k
export const CHUNK_PAGES: readonly number[] = [512, 16, 1];

/** How an operation maps pages. */
export interface OperationMode {
  /** For reading only: the mapping then need not be writable. */
  readOnly: boolean;
}

/**
 * What an operation asks of the ranges that it finds or makes. One object for all of them: bounds that are handed over by themselves
 * are numbers in boxes, which are made for each call.
 */
export interface RangeRequest extends OperationMode {
  /** First page that a new range may have. */
  lowPage: number;
  /** First page after the last one that a new range may have; 0 stands for an end that wrapped past 2^64. */
  highPage: number;
}

/** The ranges that are there. */
export interface OtherRanges {
  /** Whether one of them intersects the `pages` pages from `startPage` on. */
  isTaken(startPage: number, pages: number): boolean;
}

/** Pages of the chunk for a new range at `page` of the mapping `[vmaStart, vmaEnd)`, or 0 if none fits. */
export function chooseChunk(
  page: number,
  vmaStart: number,
  vmaEnd: number,
  request: RangeRequest,
  others: OtherRanges,
): number {
  // mutant: chunk-ignores-interval
  const low = vmaStart > request.lowPage ? vmaStart : request.lowPage;
  const high = vmaEnd < request.highPage ? vmaEnd : request.highPage;
  // Not for-of, whose bytecode would take the place of other functions in the one that this becomes a part of.
  for (let size = 0; size < CHUNK_PAGES.length; size++) {
    const pages = CHUNK_PAGES[size]!;
    // Its lowest bits go: a number of pages is a power of two.
    const start = page - (page & (pages - 1));
    // mutant: chunk-beyond-vma
    if (start < low || start + pages > high) continue;
    // mutant: chunk-overlaps-neighbour
    if (pages === 1 || !others.isTaken(start, pages)) return pages;
  }
  return 0;
}
