// Models: the CPU page table of the process, with the simplifications of the spec/trace-format §4.
import { NotModelledError } from '../kernel/not-modelled.ts';
import { PAGES_PER_BLOCK } from '../kernel/page-number.ts';
import { SYSTEM_FRAMES_END } from '../kernel/frame.ts';
import { BlockLayout, PIECE_PAGES, PIECE_SHIFT } from '../kernel/page-block.ts';
import type { PageBlock } from '../kernel/page-block.ts';
import { PageBlockMap } from '../kernel/page-block-map.ts';
import type { PageBudget } from '../kernel/page-block-map.ts';
import type { PageContents } from './page-contents.ts';
import { isHugeKind, keepsPagesCached } from './vma.ts';
import type { Vma } from './vma.ts';

/** Marks of a CPU page. A frame without `PRESENT` is kept in the page cache. */
export const PRESENT = 1;
/** Of an entry for device private memory and of a migration entry: it is writable. */
export const WRITE_FAULTED = 2;
/** The page lies in device private memory: an access of the CPU faults. */
export const DEVICE_PRIVATE = 4;
/** The page, which was in that frame, is on its way: an access of the CPU waits. */
export const MIGRATING = 8;

const { scattered, consecutive } = BlockLayout;

/** Pages of one process; physical page ids count up from 1. */
export class CpuPages {
  readonly blocks: PageBlockMap;
  /** Number of pages ever allocated. */
  allocated = 0;
  private nextFrame = 1;
  private readonly contents: PageContents;

  constructor(contents: PageContents, budget?: PageBudget) {
    this.blocks = new PageBlockMap(budget);
    this.contents = contents;
  }

  /** Frame of a page and whether it is mapped: 0 when there is none, and a cached one counts only if asked for. */
  frameOf(page: number, cachedToo = false): number {
    const blockNumber = Math.floor(page / PAGES_PER_BLOCK);
    const block = this.blocks.getPacked(blockNumber);
    if (block === undefined) return 0;
    const index = (page - blockNumber * PAGES_PER_BLOCK) | 0;
    return cachedToo || (block.markAt(index) & PRESENT) !== 0 ? block.frameAt(index) : 0;
  }

  /** Marks of a page, 0 when it is not present. */
  marksOf(page: number): number {
    const blockNumber = Math.floor(page / PAGES_PER_BLOCK);
    const block = this.blocks.getPacked(blockNumber);
    return block === undefined ? 0 : block.markAt((page - blockNumber * PAGES_PER_BLOCK) | 0);
  }

  /**
   * CPU faults for the pages `[from, to)` of `vma`: brings in what is missing and
   * sets the write-faulted mark where a write was asked for. Returns at how many
   * pages none was present (one for a block that became huge).
   */
  populate(vma: Vma, from: number, to: number, write: boolean): number {
    let fresh = 0;
    let page = from;
    while (page < to) {
      const blockNumber = Math.floor(page / PAGES_PER_BLOCK);
      const blockStart = blockNumber * PAGES_PER_BLOCK;
      const upTo = Math.min(to, blockStart + PAGES_PER_BLOCK);
      // Small integers: as differences of two doubles, all that is counted with them would be doubles on the heap.
      fresh += this.populateInBlock(vma, blockNumber, (page - blockStart) | 0, (upTo - blockStart) | 0, write);
      page = upTo;
    }
    return fresh;
  }

  /** As `populate`, for the pages with the indices `[from, to)` of a block. */
  populateInBlock(vma: Vma, blockNumber: number, from: number, to: number, write: boolean): number {
    const mark = write || keepsPagesCached(vma.kind) ? PRESENT | WRITE_FAULTED : PRESENT;
    const block = this.blocks.getOrCreate(blockNumber);
    return this.isHugeIn(vma, block, blockNumber)
      ? this.populateHuge(block, mark)
      : this.populateBlock(block, from, to, mark);
  }

  /** End of the pages from `from` on that `populate` may be called for; `to` if there is room for all. */
  roomFor(from: number, to: number): number {
    const { budget } = this.blocks;
    let blockNumber = Math.floor(from / PAGES_PER_BLOCK);
    const last = Math.floor((to - 1) / PAGES_PER_BLOCK);
    let room = budget.most - budget.used;
    if (last - blockNumber < room) return to;
    for (; blockNumber <= last; blockNumber++) {
      if (this.blocks.getPacked(blockNumber) !== undefined || room-- > 0) continue;
      budget.exceeded = true;
      return Math.max(from, blockNumber * PAGES_PER_BLOCK);
    }
    return to;
  }

  /** The pages `[from, to)` leave the page table; `keepCached` leaves the frames of `vma` in the page cache. */
  drop(from: number, to: number, keepCached: boolean): void {
    const first = Math.floor(from / PAGES_PER_BLOCK);
    const last = Math.floor((to - 1) / PAGES_PER_BLOCK);
    if (first === last) {
      if (this.blocks.getPacked(first) !== undefined) this.dropInBlock(first, from, to, keepCached);
      return;
    }
    for (const blockNumber of this.blocks.blockNumbersBetween(first, last)) {
      const blockStart = blockNumber * PAGES_PER_BLOCK;
      this.dropInBlock(blockNumber, Math.max(from, blockStart), Math.min(to, blockStart + PAGES_PER_BLOCK), keepCached);
    }
  }

  /** Whether the block that contains `page` is one huge mapping. */
  isHuge(page: number): boolean {
    return this.blocks.getPacked(Math.floor(page / PAGES_PER_BLOCK))?.huge ?? false;
  }

  /** Turns a huge mapping into 512 pages of their own. */
  splitHuge(page: number): void {
    const block = this.blocks.getPacked(Math.floor(page / PAGES_PER_BLOCK));
    if (block !== undefined) splitMapping(block);
  }

  /** The frame of a page that comes from elsewhere, or goes; 0 and no marks: there is none. */
  setEntry(page: number, frame: number, marks: number): void {
    const blockNumber = Math.floor(page / PAGES_PER_BLOCK);
    const block = this.blocks.getOrCreate(blockNumber);
    const indexInBlock = (page - blockNumber * PAGES_PER_BLOCK) | 0;
    block.unpack(indexInBlock >> PIECE_SHIFT);
    const index = block.base + indexInBlock;
    const before = block.frames[index]!;
    if (before !== frame) {
      block.frames[index] = frame;
      block.layout = scattered;
      if (before === 0) block.used++;
      else if (frame === 0) block.used--;
    }
    block.marks[index] = marks;
    if (block.used === 0) this.blocks.release(blockNumber);
  }

  setMarks(page: number, marks: number): void {
    const blockNumber = Math.floor(page / PAGES_PER_BLOCK);
    const block = this.blocks.getPacked(blockNumber)!;
    const index = (page - blockNumber * PAGES_PER_BLOCK) | 0;
    block.unpack(index >> PIECE_SHIFT);
    block.marks[block.base + index] = marks;
  }

  /** The block of `page` becomes one huge mapping of the frames from `frame` on. */
  setHugeEntry(page: number, frame: number, marks: number): void {
    fillHuge(this.blocks.getOrCreate(Math.floor(page / PAGES_PER_BLOCK)), frame, marks);
  }

  /** The entries of `[from, to)` go, and nothing else does: what they held is elsewhere. */
  forget(from: number, to: number): void {
    for (let page = from; page < to; page++) if (this.frameOf(page, true) !== 0) this.setEntry(page, 0, 0);
  }

  /** Whether a block is one huge mapping, or becomes one with its first page. */
  private isHugeIn(vma: Vma, block: PageBlock, blockNumber: number): boolean {
    if (block.used > 0 || !isHugeKind(vma.kind)) return block.huge;
    const blockStart = blockNumber * PAGES_PER_BLOCK;
    return vma.startPage <= blockStart && vma.endPage >= blockStart + PAGES_PER_BLOCK;
  }

  private populateHuge(block: PageBlock, mark: number): number {
    const marks = block.markAt(0);
    if (block.used === 0) fillHuge(block, this.takeHugeFrames(), mark);
    else if ((marks & mark) !== mark) addMarks(block, mark);
    // Of hugetlbfs it may be in the page cache only.
    return (marks & PRESENT) === 0 ? 1 : 0;
  }

  /** New pages, which nothing maps yet: the frame of the first of `count`. */
  takeFrames(count: number): number {
    const frame = this.nextFrame;
    if (frame + count > SYSTEM_FRAMES_END) refuseFrames();
    this.nextFrame = frame + count;
    this.allocated += count;
    return frame;
  }

  /** As `takeFrames`, for one huge page, whose frames begin at a multiple of their number. */
  takeHugeFrames(): number {
    this.nextFrame = Math.ceil(this.nextFrame / PAGES_PER_BLOCK) * PAGES_PER_BLOCK;
    return this.takeFrames(PAGES_PER_BLOCK);
  }

  private populateBlock(block: PageBlock, from: number, to: number, mark: number): number {
    if (block.used === 0) {
      block.layout = consecutive;
      if (to - from === PAGES_PER_BLOCK) return this.populateWhole(block, mark);
    }
    if (to - from === 1) return this.populatePage(block, from, mark);
    let fresh = 0;
    for (let index = from; index < to;) {
      const piece = index >> PIECE_SHIFT;
      const end = (piece + 1) << PIECE_SHIFT;
      if (end <= to && end - index === PIECE_PAGES && block.isPacked(piece)) {
        fresh += this.populatePiece(block, piece, mark);
        index = end;
      } else {
        fresh += this.populatePage(block, index, mark);
        index++;
      }
    }
    return fresh;
  }

  /** As `populateBlock`, for all pages of a block that has none. */
  private populateWhole(block: PageBlock, mark: number): number {
    block.packAll(this.takeFrames(PAGES_PER_BLOCK), mark);
    block.used = PAGES_PER_BLOCK;
    return PAGES_PER_BLOCK;
  }

  /** As `populateBlock`, for a piece that is packed. */
  private populatePiece(block: PageBlock, piece: number, mark: number): number {
    const index = piece << PIECE_SHIFT;
    const frame = block.frameAt(index);
    if (frame === 0) {
      const first = this.takeFrames(PIECE_PAGES);
      noteOrder(block, index, first);
      block.pack(piece, first, mark);
      block.used += PIECE_PAGES;
      return PIECE_PAGES;
    }
    const marks = block.markAt(index);
    if ((marks & mark) !== mark) block.pack(piece, frame, marks | mark);
    return (marks & PRESENT) === 0 ? PIECE_PAGES : 0;
  }

  /** As `populateBlock`, for one page. */
  private populatePage(block: PageBlock, index: number, mark: number): number {
    block.unpack(index >> PIECE_SHIFT);
    const { frames, marks } = block;
    const at = block.base + index;
    const before = marks[at]!;
    if ((before & mark) === mark) return 0;
    if (frames[at] !== 0) {
      marks[at] = before | mark;
      return (before & PRESENT) === 0 ? 1 : 0;
    }
    const frame = this.takeFrames(1);
    noteOrder(block, index, frame);
    frames[at] = frame;
    marks[at] = mark;
    block.used++;
    return 1;
  }

  private dropInBlock(blockNumber: number, from: number, to: number, keepCached: boolean): void {
    const block = this.blocks.getPacked(blockNumber)!;
    const blockStart = blockNumber * PAGES_PER_BLOCK;
    const hasContents = this.contents.mayHold(from, to);
    const isPlain = !keepCached && !hasContents;
    if (isPlain && to - from === PAGES_PER_BLOCK) {
      this.blocks.release(blockNumber);
      return;
    }
    const last = (to - blockStart) | 0;
    const withContents = hasContents ? blockStart : -1;
    for (let index = (from - blockStart) | 0; index < last;) {
      const piece = index >> PIECE_SHIFT;
      const end = Math.min(last, (piece + 1) << PIECE_SHIFT);
      if (isPlain && end - index === PIECE_PAGES && block.isPacked(piece)) {
        if (block.frameAt(index) !== 0) block.used -= PIECE_PAGES;
        block.pack(piece, 0, 0);
      } else {
        this.dropPages(block, index, end, keepCached, withContents);
      }
      index = end;
    }
    if (block.used === 0) this.blocks.release(blockNumber);
    else if (!keepCached) splitMapping(block);
  }

  /** `blockStart`: the first page of the block if there may be contents, else -1. */
  private dropPages(block: PageBlock, from: number, to: number, keepCached: boolean, blockStart: number): void {
    block.unpack(from >> PIECE_SHIFT);
    const { frames, marks, base } = block;
    let gone = 0;
    for (let index = from; index < to; index++) {
      const at = base + index;
      marks[at] = 0;
      if (keepCached || frames[at] === 0) continue;
      if (blockStart >= 0) this.contents.pageLeaves(blockStart + index, frames[at]!);
      frames[at] = 0;
      gone++;
    }
    block.used -= gone;
  }
}

function refuseFrames(): never {
  throw new NotModelledError('more than 2^31 physical pages');
}

/** New frames from `frame` on are to be at page `index` of a block, and after it. */
function noteOrder(block: PageBlock, index: number, frame: number): void {
  // They are the highest: where they follow those of the page before, no page after has any.
  if (block.used > 0 && (index === 0 || block.frameAt(index - 1) !== frame - 1)) block.layout = scattered;
}

/** The block becomes one huge mapping of the frames from `frame` on. */
function fillHuge(block: PageBlock, frame: number, marks: number): void {
  block.packAll(frame, marks);
  block.used = PAGES_PER_BLOCK;
  block.layout = BlockLayout.huge;
}

/** Adds `mark` to the marks of every page of a block. */
function addMarks(block: PageBlock, mark: number): void {
  block.unpackAll();
  const { marks, base } = block;
  for (let index = base; index < base + PAGES_PER_BLOCK; index++) marks[index] = marks[index]! | mark;
}

/** A huge mapping becomes one of small pages; the pages stay where they are. */
function splitMapping(block: PageBlock): void {
  if (block.huge) block.layout = consecutive;
}
