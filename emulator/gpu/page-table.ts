// Models: the GPU page table of one VM and its write primitive (spec/03-gpu-ranges §B.5).
import { frameAt } from '../kernel/frame.ts';
import type { Frames } from '../kernel/frame.ts';
import { PAGES_PER_BLOCK } from '../kernel/page-number.ts';
import { PIECE_PAGES, PIECE_SHIFT } from '../kernel/page-block.ts';
import type { PageBlock } from '../kernel/page-block.ts';
import { PageBlockMap } from '../kernel/page-block-map.ts';
import type { PageBudget } from '../kernel/page-block-map.ts';

/** PTEs by page: the mark of a page is the index of its flags (0 = no PTE, and its frame says nothing), its frame the physical page. */
export class GpuPageTable {
  readonly blocks: PageBlockMap;

  constructor(budget?: PageBudget) {
    this.blocks = new PageBlockMap(budget);
  }

  /** Index of the PTE flags of a page, 0 without a PTE. */
  flagsOf(page: number): number {
    const blockNumber = Math.floor(page / PAGES_PER_BLOCK);
    const block = this.blocks.getPacked(blockNumber);
    return block === undefined ? 0 : block.markAt((page - blockNumber * PAGES_PER_BLOCK) | 0);
  }

  /** Physical page of a PTE, 0 without one. */
  frameOf(page: number): number {
    const blockNumber = Math.floor(page / PAGES_PER_BLOCK);
    const block = this.blocks.getPacked(blockNumber);
    if (block === undefined) return 0;
    const index = (page - blockNumber * PAGES_PER_BLOCK) | 0;
    return block.markAt(index) === 0 ? 0 : block.frameAt(index);
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
    if (count === 1) writeOne(block, indexInBlock, flags, frameAt(frames, 0));
    else if (!writeWhole(block, indexInBlock, count, flags, frames))
      writeEach(block, indexInBlock, indexInBlock + count, flags, frames);
  }

  /** Clears the PTEs of the pages `[from, to)` of a block, whether or not there are any. */
  zapInBlock(blockNumber: number, from: number, to: number): void {
    const block = this.blocks.getPacked(blockNumber);
    if (block === undefined) return;
    if (to - from === PAGES_PER_BLOCK) {
      this.blocks.release(blockNumber);
      return;
    }
    if (to - from === 1) zapEach(block, from, to);
    else zapPieces(block, from, to);
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

/** Writes PTEs of a whole block or piece, if these are the pages, and their frames follow one another; says whether. */
function writeWhole(block: PageBlock, index: number, count: number, flags: number, frames: Frames): boolean {
  // A piece whose frame is 0 has none.
  if (typeof frames !== 'number' || frames === 0) return false;
  if (count === PIECE_PAGES && (index & (PIECE_PAGES - 1)) === 0) {
    const piece = index >> PIECE_SHIFT;
    block.used += PIECE_PAGES - block.countMarked(piece);
    block.pack(piece, frames, flags);
    return true;
  }
  if (count !== PAGES_PER_BLOCK) return false;
  block.packAll(frames, flags);
  block.used = PAGES_PER_BLOCK;
  return true;
}

/** PTEs for the pages `[from, to)`; `frames`: of them. */
function writeEach(block: PageBlock, from: number, to: number, flags: number, frames: Frames): void {
  for (let index = from; index < to; index++) writeOne(block, index, flags, frameAt(frames, index - from));
}

/** A PTE for page `index`. */
function writeOne(block: PageBlock, index: number, flags: number, frame: number): void {
  block.unpack(index >> PIECE_SHIFT);
  const { marks, frames } = block;
  const at = block.base + index;
  if (marks[at] === 0) block.used++;
  marks[at] = flags;
  frames[at] = frame;
}

/** No PTE for the pages `[from, to)` of a block. */
function zapPieces(block: PageBlock, from: number, to: number): void {
  for (let index = from; index < to;) {
    const piece = index >> PIECE_SHIFT;
    const end = Math.min(to, (piece + 1) << PIECE_SHIFT);
    if (end - index === PIECE_PAGES) {
      block.used -= block.countMarked(piece);
      block.pack(piece, 0, 0);
    } else {
      zapEach(block, index, end);
    }
    index = end;
  }
}

/** No PTE for the pages `[from, to)` of a piece. */
function zapEach(block: PageBlock, from: number, to: number): void {
  block.unpack(from >> PIECE_SHIFT);
  const { marks, base } = block;
  let cleared = 0;
  for (let at = base + from; at < base + to; at++) {
    cleared += Number(marks[at] !== 0);
    marks[at] = 0;
  }
  block.used -= cleared;
}
