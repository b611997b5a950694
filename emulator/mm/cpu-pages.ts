// Models: the CPU page table of the process, with the simplifications of the spec/trace-format §4.
import { NotModelledError } from '../kernel/not-modelled.ts';
import { PAGES_PER_BLOCK } from '../kernel/page-number.ts';
import { SYSTEM_FRAMES_END } from '../kernel/frame.ts';
import { BlockLayout, fillMarks, PageBlockMap } from '../kernel/page-block.ts';
import type { PageBlock, PageBudget } from '../kernel/page-block.ts';
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

/** Pages of one process; physical page ids count up from 1. */
export class CpuPages {
  readonly blocks: PageBlockMap;
  /** Number of pages ever allocated. */
  allocated = 0;
  #nextFrame = 1;
  readonly #contents: PageContents;

  constructor(contents: PageContents, budget?: PageBudget) {
    this.blocks = new PageBlockMap(budget);
    this.#contents = contents;
  }

  /** Frame of a page and whether it is mapped: 0 when there is none, and a cached one counts only if asked for. */
  frameOf(page: number, cachedToo = false): number {
    const blockNumber = Math.floor(page / PAGES_PER_BLOCK);
    const block = this.blocks.get(blockNumber);
    if (block === undefined) return 0;
    const index = block.base + (page - blockNumber * PAGES_PER_BLOCK);
    return cachedToo || (block.marks[index]! & PRESENT) !== 0 ? block.frames[index]! : 0;
  }

  /** Marks of a page, 0 when it is not present. */
  marksOf(page: number): number {
    const blockNumber = Math.floor(page / PAGES_PER_BLOCK);
    const block = this.blocks.get(blockNumber);
    return block === undefined ? 0 : block.marks[block.base + (page - blockNumber * PAGES_PER_BLOCK)]!;
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
    return this.#isHugeIn(vma, block, blockNumber)
      ? this.#populateHuge(block, mark)
      : this.#populateBlock(block, from, to, mark);
  }

  /** End of the pages from `from` on that `populate` may be called for; `to` if there is room for all. */
  roomFor(from: number, to: number): number {
    const { budget } = this.blocks;
    let blockNumber = Math.floor(from / PAGES_PER_BLOCK);
    const last = Math.floor((to - 1) / PAGES_PER_BLOCK);
    let room = budget.most - budget.used;
    if (last - blockNumber < room) return to;
    for (; blockNumber <= last; blockNumber++) {
      if (this.blocks.get(blockNumber) !== undefined || room-- > 0) continue;
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
      if (this.blocks.get(first) !== undefined) this.#dropInBlock(first, from, to, keepCached);
      return;
    }
    for (const blockNumber of this.blocks.blockNumbersBetween(first, last)) {
      const blockStart = blockNumber * PAGES_PER_BLOCK;
      this.#dropInBlock(
        blockNumber,
        Math.max(from, blockStart),
        Math.min(to, blockStart + PAGES_PER_BLOCK),
        keepCached,
      );
    }
  }

  /** Whether the block that contains `page` is one huge mapping. */
  isHuge(page: number): boolean {
    return this.blocks.get(Math.floor(page / PAGES_PER_BLOCK))?.huge ?? false;
  }

  /** Turns a huge mapping into 512 pages of their own. */
  splitHuge(page: number): void {
    const block = this.blocks.get(Math.floor(page / PAGES_PER_BLOCK));
    if (block !== undefined) splitMapping(block);
  }

  /** The frame of a page that comes from elsewhere, or goes; 0 and no marks: there is none. */
  setEntry(page: number, frame: number, marks: number): void {
    const blockNumber = Math.floor(page / PAGES_PER_BLOCK);
    const block = this.blocks.getOrCreate(blockNumber);
    const index = block.base + ((page - blockNumber * PAGES_PER_BLOCK) | 0);
    const before = block.frames[index]!;
    if (before !== frame) {
      block.frames[index] = frame;
      block.layout = BlockLayout.scattered;
      if (before === 0) block.used++;
      else if (frame === 0) block.used--;
    }
    block.marks[index] = marks;
    if (block.used === 0) this.blocks.release(blockNumber);
  }

  setMarks(page: number, marks: number): void {
    const blockNumber = Math.floor(page / PAGES_PER_BLOCK);
    const block = this.blocks.get(blockNumber)!;
    block.marks[block.base + (page - blockNumber * PAGES_PER_BLOCK)] = marks;
  }

  /** The block of `page` becomes one huge mapping of the frames from `frame` on. */
  setHugeEntry(page: number, frame: number, marks: number): void {
    const block = this.blocks.getOrCreate(Math.floor(page / PAGES_PER_BLOCK));
    for (let index = 0; index < PAGES_PER_BLOCK; index++) block.frames[block.base + index] = frame + index;
    block.marks.fill(marks, block.base, block.base + PAGES_PER_BLOCK);
    block.used = PAGES_PER_BLOCK;
    block.layout = BlockLayout.huge;
  }

  /** The entries of `[from, to)` go, and nothing else does: what they held is elsewhere. */
  forget(from: number, to: number): void {
    for (let page = from; page < to; page++) if (this.frameOf(page, true) !== 0) this.setEntry(page, 0, 0);
  }

  /** Whether a block is one huge mapping, or becomes one with its first page. */
  #isHugeIn(vma: Vma, block: PageBlock, blockNumber: number): boolean {
    if (block.used > 0 || !isHugeKind(vma.kind)) return block.huge;
    const blockStart = blockNumber * PAGES_PER_BLOCK;
    return vma.startPage <= blockStart && vma.endPage >= blockStart + PAGES_PER_BLOCK;
  }

  #populateHuge(block: PageBlock, mark: number): number {
    const marks = block.marks[block.base]!;
    if (block.used === 0) this.#makeHuge(block, mark);
    else if ((marks & mark) !== mark) this.#markAll(block, mark);
    // Of hugetlbfs it may be in the page cache only.
    return (marks & PRESENT) === 0 ? 1 : 0;
  }

  /** New pages, which nothing maps yet: the frame of the first of `count`, a multiple of `alignment`. */
  takeFrames(count: number, alignment: number): number {
    const frame = Math.ceil(this.#nextFrame / alignment) * alignment;
    if (frame + count > SYSTEM_FRAMES_END) throw new NotModelledError('more than 2^31 physical pages');
    this.#nextFrame = frame + count;
    this.allocated += count;
    return frame;
  }

  #makeHuge(block: PageBlock, mark: number): void {
    const frame = this.takeFrames(PAGES_PER_BLOCK, PAGES_PER_BLOCK);
    for (let index = 0; index < PAGES_PER_BLOCK; index++) block.frames[block.base + index] = frame + index;
    block.marks.fill(mark, block.base, block.base + PAGES_PER_BLOCK);
    block.used = PAGES_PER_BLOCK;
    block.layout = BlockLayout.huge;
  }

  #markAll(block: PageBlock, mark: number): void {
    const { marks, base } = block;
    for (let index = base; index < base + PAGES_PER_BLOCK; index++) marks[index] = marks[index]! | mark;
  }

  #populateBlock(block: PageBlock, from: number, to: number, mark: number): number {
    const { frames, marks, base } = block;
    if (block.used === 0) {
      const frame = this.takeFrames(to - from, 1) - from - base;
      for (let index = base + from; index < base + to; index++) frames[index] = frame + index;
      fillMarks(marks, mark, base + from, base + to);
      block.used = to - from;
      block.layout = BlockLayout.consecutive;
      return to - from;
    }
    const end = base + to;
    let fresh = 0;
    for (let index = base + from; index < end;) {
      if ((marks[index]! & mark) === mark) {
        index++;
        continue;
      }
      if (frames[index] !== 0) {
        if ((marks[index]! & PRESENT) === 0) fresh++;
        marks[index] = marks[index]! | mark;
        index++;
        continue;
      }
      // As many as there may be: how many there are comes out while they are filled.
      const most = end - index;
      const first = this.takeFrames(most, 1);
      // New frames are the highest: where they follow those of the page before, no page after has any.
      if (index === base || frames[index - 1] !== first - 1) block.layout = BlockLayout.scattered;
      let frame = first;
      do {
        frames[index] = frame++;
        marks[index] = mark;
      } while (++index < end && frames[index] === 0);
      const count = frame - first;
      this.#nextFrame -= most - count;
      this.allocated -= most - count;
      block.used += count;
      fresh += count;
    }
    return fresh;
  }

  #dropInBlock(blockNumber: number, from: number, to: number, keepCached: boolean): void {
    const block = this.blocks.get(blockNumber)!;
    const blockStart = blockNumber * PAGES_PER_BLOCK;
    const { frames, marks, base } = block;
    const hasContents = this.#contents.mayHold(from, to);
    if (!keepCached && !hasContents && to - from === PAGES_PER_BLOCK) {
      this.blocks.release(blockNumber, true);
      return;
    }
    for (let page = from; page < to; page++) {
      const index = base + ((page - blockStart) | 0);
      marks[index] = 0;
      if (keepCached || frames[index] === 0) continue;
      if (hasContents) this.#contents.pageLeaves(page, frames[index]!);
      frames[index] = 0;
      block.used--;
    }
    if (block.used === 0) this.blocks.release(blockNumber);
    else if (!keepCached) splitMapping(block);
  }
}

/** A huge mapping becomes one of small pages; the pages stay where they are. */
function splitMapping(block: PageBlock): void {
  if (block.huge) block.layout = BlockLayout.consecutive;
}
