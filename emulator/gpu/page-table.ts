// Models: the GPU page table of one VM and its write primitive (spec/03-gpu-ranges §B.5).
import type { Frames } from '../kernel/frame.ts';
import { PAGES_PER_BLOCK } from '../kernel/page-number.ts';
import { fillMarks, PageBlockMap, SHORT_FILL } from '../kernel/page-block.ts';
import type { PageBlock, PageBudget } from '../kernel/page-block.ts';

/** PTEs by page: the mark of a page is the index of its flags (0 = no PTE, and its frame says nothing), its frame the physical page. */
export class GpuPageTable {
  readonly blocks: PageBlockMap;

  constructor(budget?: PageBudget) {
    this.blocks = new PageBlockMap(budget);
  }

  /** Index of the PTE flags of a page, 0 without a PTE. */
  flagsOf(page: number): number {
    const blockNumber = Math.floor(page / PAGES_PER_BLOCK);
    const block = this.blocks.get(blockNumber);
    return block === undefined ? 0 : block.marks[block.base + (page - blockNumber * PAGES_PER_BLOCK)]!;
  }

  /** Physical page of a PTE, 0 without one. */
  frameOf(page: number): number {
    const blockNumber = Math.floor(page / PAGES_PER_BLOCK);
    const block = this.blocks.get(blockNumber);
    if (block === undefined) return 0;
    const index = block.base + (page - blockNumber * PAGES_PER_BLOCK);
    return block.marks[index] === 0 ? 0 : block.frames[index]!;
  }

  /** The first of the pages `[startPage, endPage)` that has a PTE whose flags are `wanted`, `endPage` if none has. */
  firstWhere(startPage: number, endPage: number, wanted: (flags: number) => boolean): number {
    const first = Math.floor(startPage / PAGES_PER_BLOCK);
    const last = Math.floor((endPage - 1) / PAGES_PER_BLOCK);
    let found = endPage;
    this.blocks.scan(first, last, ({ marks, base }, number) => {
      const blockStart = number * PAGES_PER_BLOCK;
      const to = Math.min(endPage - blockStart, PAGES_PER_BLOCK);
      for (let index = Math.max(startPage - blockStart, 0) | 0; index < to; index++) {
        if (marks[base + index] === 0 || !wanted(marks[base + index]!)) continue;
        found = blockStart + index;
        return false;
      }
      return true;
    });
    return found;
  }

  /** Writes `count` PTEs from `page` on, all in one 2 MiB block, for the pages `frames`. */
  write(page: number, count: number, flags: number, frames: Frames): void {
    const blockNumber = Math.floor(page / PAGES_PER_BLOCK);
    // A small integer, as in CpuPages: page numbers are doubles.
    this.writeInBlock(blockNumber, (page - blockNumber * PAGES_PER_BLOCK) | 0, count, flags, frames);
  }

  /** As `write`, from page `indexInBlock` of a block on. */
  writeInBlock(blockNumber: number, indexInBlock: number, count: number, flags: number, frames: Frames): void {
    const block = this.blocks.getOrCreate(blockNumber);
    const start = block.base + indexInBlock;
    if (count >= SHORT_FILL || typeof frames !== 'number') {
      writeMany(block, start, count, flags, frames);
      return;
    }
    const { marks, frames: own } = block;
    // Counted apart: a field that changes with each page is stored and loaded for each.
    let fresh = 0;
    for (let index = start, frame = frames; index < start + count; index++, frame++) {
      fresh += Number(marks[index] === 0);
      marks[index] = flags;
      own[index] = frame;
    }
    block.used += fresh;
  }

  /** Clears the PTEs of the pages `[from, to)` of a block, whether or not there are any. */
  zapInBlock(blockNumber: number, from: number, to: number): void {
    const block = this.blocks.get(blockNumber);
    if (block === undefined) return;
    const { marks, base } = block;
    if (to - from === PAGES_PER_BLOCK) {
      marks.fill(0, base, base + PAGES_PER_BLOCK);
      this.blocks.release(blockNumber);
      return;
    }
    let cleared = 0;
    for (let index = base + from, end = base + to; index < end; index++) {
      cleared += Number(marks[index] !== 0);
      marks[index] = 0;
    }
    block.used -= cleared;
    if (block.used === 0) this.blocks.release(blockNumber);
  }

  /** Visits every PTE in ascending order. */
  forEach(visit: (page: number, flags: number, frame: number) => void): void {
    for (const blockNumber of this.blocks.blockNumbers()) {
      const block = this.blocks.get(blockNumber)!;
      for (let index = 0; index < PAGES_PER_BLOCK; index++) {
        const flags = block.marks[block.base + index]!;
        if (flags !== 0) visit(blockNumber * PAGES_PER_BLOCK + index, flags, block.frames[block.base + index]!);
      }
    }
  }
}

/** As `writeInBlock`, of many pages, or of pages that lie anyhow; `start`: the first index. */
function writeMany(block: PageBlock, start: number, count: number, flags: number, frames: Frames): void {
  const { marks, frames: own } = block;
  const end = start + count;
  if (block.used === 0) {
    block.used = count;
  } else if (block.used < PAGES_PER_BLOCK) {
    let fresh = 0;
    for (let index = start; index < end; index++) fresh += Number(marks[index] === 0);
    block.used += fresh;
  }
  if (typeof frames === 'number') for (let index = 0; index < count; index++) own[start + index] = frames + index;
  else for (let index = 0; index < count; index++) own[start + index] = frames[index]!;
  fillMarks(marks, flags, start, end);
}
