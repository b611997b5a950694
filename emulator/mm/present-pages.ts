// Models: nothing - it lists the pages that are present, as mincore does, for recording.
import { PAGES_PER_BLOCK } from '../kernel/page-number.ts';
import type { AddressSpace } from './address-space.ts';
import { PRESENT, WRITE_FAULTED } from './cpu-pages.ts';
import type { Vma } from './vma.ts';

/** Consecutive present pages with the same write-faulted mark. */
export interface PresentRun {
  readonly startPage: number;
  pages: number;
  readonly written: boolean;
  /** At how many of them a first touch finds no page: one for each huge block, else every page. */
  fresh: number;
}

/** Runs of present pages of a VMA, ascending. */
export function pageRunsPresent(space: AddressSpace, vma: Vma): PresentRun[] {
  const runs: PresentRun[] = [];
  const first = Math.floor(vma.startPage / PAGES_PER_BLOCK);
  const last = Math.floor((vma.endPage - 1) / PAGES_PER_BLOCK);
  for (const blockNumber of space.pages.blocks.blockNumbersBetween(first, last)) {
    const block = space.pages.blocks.get(blockNumber)!;
    const blockStart = blockNumber * PAGES_PER_BLOCK;
    const to = Math.min(vma.endPage, blockStart + PAGES_PER_BLOCK);
    for (let page = Math.max(vma.startPage, blockStart); page < to; page++) {
      const marks = block.marks[block.base + (page - blockStart)]!;
      if ((marks & PRESENT) === 0) continue;
      const written = (marks & WRITE_FAULTED) !== 0;
      const fresh = block.huge && page !== blockStart ? 0 : 1;
      const run = runs[runs.length - 1];
      if (run !== undefined && run.startPage + run.pages === page && run.written === written) {
        run.pages++;
        run.fresh += fresh;
      } else {
        runs.push({ startPage: page, pages: 1, written, fresh });
      }
    }
  }
  return runs;
}
