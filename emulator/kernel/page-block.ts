// Models: nothing by itself - the storage of CPU page tables and GPU page tables, in leaves of 512 pages.
//
// Each page has a frame (a physical page id, 0 = none) and 16 bits of marks,
// whose meaning is the user's. Leaves are cut from slabs, so that mapping a
// page costs no allocation of its own.
import { OrderedMap } from './ordered-map.ts';
import { PAGES_PER_BLOCK } from './page-number.ts';

// A small machine stays small: slabs grow with what was needed so far.
const FIRST_SLAB_BLOCKS = 1;
const LARGEST_SLAB_BLOCKS = 32;

interface Slab {
  readonly frames: Uint32Array;
  readonly marks: Uint16Array;
}

/** Below this many entries a loop is faster than the call of `fill`. */
export const SHORT_FILL = 64;

/** Sets the marks `[from, to)` (array indices) to `value`. */
export function fillMarks(marks: Uint16Array, value: number, from: number, to: number): void {
  if (to - from >= SHORT_FILL) marks.fill(value, from, to);
  else for (let index = from; index < to; index++) marks[index] = value;
}

/** As many numbers are rather looked at one by one: an order that is kept costs every block that comes and goes 0.1 us. */
const NARROW = 256;

/** How the frames of a block lie: anyhow, in the order of the pages, or so and mapped as one huge page. */
export const BlockLayout = { scattered: 0, consecutive: 1, huge: 2 } as const;
export type BlockLayout = (typeof BlockLayout)[keyof typeof BlockLayout];

/** 512 pages; page `i` of the block is at index `base + i` of both arrays. */
export class PageBlock {
  readonly frames: Uint32Array;
  readonly marks: Uint16Array;
  readonly base: number;
  /** Pages in use, counted by the owner. */
  used = 0;
  /** Owner's word on how the frames lie. */
  layout: BlockLayout = BlockLayout.scattered;

  constructor(slab: Slab, base: number) {
    this.frames = slab.frames;
    this.marks = slab.marks;
    this.base = base;
  }

  get huge(): boolean {
    return this.layout === BlockLayout.huge;
  }

  /** Whether the frames of pages in use are known to follow one another as the pages do. */
  get consecutive(): boolean {
    return this.layout !== BlockLayout.scattered;
  }
}

function newSlab(blocks: number): Slab {
  const pages = blocks * PAGES_PER_BLOCK;
  const bytes = new ArrayBuffer(pages * (Uint32Array.BYTES_PER_ELEMENT + Uint16Array.BYTES_PER_ELEMENT));
  return {
    frames: new Uint32Array(bytes, 0, pages),
    marks: new Uint16Array(bytes, pages * Uint32Array.BYTES_PER_ELEMENT, pages),
  };
}

/**
 * First slabs of machines that are no more, all zeros, for those after them. Their memory lies outside of V8's heap, where
 * getting and freeing it was a tenth of the time of a machine that runs five operations.
 */
export class SpareSlabs {
  readonly #slabs: Slab[] = [];

  give(slab: Slab): void {
    slab.frames.fill(0);
    slab.marks.fill(0);
    this.#slabs.push(slab);
  }

  take(): Slab | undefined {
    return this.#slabs.pop();
  }
}

/** How many blocks the maps that share it may hold. Nothing is refused here: who makes pages asks first. */
export class PageBudget {
  readonly most: number;
  used = 0;
  /** Whether somebody was refused. */
  exceeded = false;
  /** Where the maps look for their first slabs; null: nowhere. */
  readonly spare: SpareSlabs | null;

  constructor(most: number = Number.POSITIVE_INFINITY, spare: SpareSlabs | null = null) {
    this.most = most;
    this.spare = spare;
  }

  /** Whether there is room for one more block; notes a refusal. */
  allows(): boolean {
    if (this.used < this.most) return true;
    this.exceeded = true;
    return false;
  }
}

/** Sparse map from page number to frame and marks. */
export class PageBlockMap {
  readonly #blocks = new Map<number, PageBlock>();
  // The same by number, from the first question about an interval on that is wider than a look at each number.
  #ordered: OrderedMap<PageBlock> | null = null;
  readonly #free: PageBlock[] = [];
  #recentIndex = -1;
  #recent: PageBlock | undefined;
  #slabBlocks = FIRST_SLAB_BLOCKS;
  #firstSlab: Slab | null = null;
  readonly budget: PageBudget;

  constructor(budget: PageBudget = new PageBudget()) {
    this.budget = budget;
  }

  /** The block with the number `page / 512`, or undefined. */
  get(blockNumber: number): PageBlock | undefined {
    if (blockNumber === this.#recentIndex) return this.#recent;
    this.#recentIndex = blockNumber;
    return (this.#recent = this.#blocks.get(blockNumber));
  }

  getOrCreate(blockNumber: number): PageBlock {
    let block = this.get(blockNumber);
    if (block === undefined) {
      block = this.#allocate();
      this.budget.used++;
      this.#blocks.set(blockNumber, block);
      this.#ordered?.insert(blockNumber, block);
      this.#recentIndex = blockNumber;
      this.#recent = block;
    }
    return block;
  }

  /** Gives a block back; its marks, and frames that count without one, must be 0 already unless `dirty`. */
  release(blockNumber: number, dirty = false): void {
    const block = this.#blocks.get(blockNumber);
    if (block === undefined) return;
    if (dirty) {
      block.frames.fill(0, block.base, block.base + PAGES_PER_BLOCK);
      block.marks.fill(0, block.base, block.base + PAGES_PER_BLOCK);
    }
    block.used = 0;
    block.layout = BlockLayout.scattered;
    this.budget.used--;
    this.#blocks.delete(blockNumber);
    this.#ordered?.remove(blockNumber, block);
    this.#free.push(block);
    this.#recentIndex = -1;
    this.#recent = undefined;
  }

  /** The map goes as a whole: its blocks no longer count. It must not be used any more. */
  retire(): void {
    this.budget.used -= this.#blocks.size;
  }

  /** The map goes with its machine: its first slab is for machines after it. It must not be used any more. */
  giveUp(spare: SpareSlabs): void {
    if (this.#firstSlab !== null) spare.give(this.#firstSlab);
    this.#firstSlab = null;
  }

  get size(): number {
    return this.#blocks.size;
  }

  /** Block numbers in use, ascending. */
  blockNumbers(): number[] {
    return [...this.#blocks.keys()].sort((left, right) => left - right);
  }

  /** Ascending block numbers in use that lie in `[first, last]`. */
  blockNumbersBetween(first: number, last: number): number[] {
    const found: number[] = [];
    this.scan(first, last, (_, number) => {
      found.push(number);
      return true;
    });
    return found;
  }

  /**
   * Visits the blocks with numbers in `[first, last]`, and their numbers, in ascending order until `visit` returns false; none may be made or
   * released meanwhile. What is outside of the interval does not make it take longer.
   */
  scan(first: number, last: number, visit: (block: PageBlock, number: number) => boolean): void {
    if (last - first < NARROW) {
      for (let number = first; number <= last; number++) {
        const block = this.#blocks.get(number);
        if (block !== undefined && !visit(block, number)) return;
      }
      return;
    }
    (this.#ordered ??= this.#order()).scan(first, (block, number) => number <= last && visit(block, number));
  }

  #order(): OrderedMap<PageBlock> {
    const ordered = new OrderedMap<PageBlock>();
    for (const number of this.blockNumbers()) ordered.insert(number, this.#blocks.get(number)!);
    return ordered;
  }

  #allocate(): PageBlock {
    const reused = this.#free.pop();
    if (reused !== undefined) return reused;
    const blocks = this.#slabBlocks;
    this.#slabBlocks = Math.min(blocks * 2, LARGEST_SLAB_BLOCKS);
    const slab = this.#firstSlab === null ? (this.budget.spare?.take() ?? newSlab(blocks)) : newSlab(blocks);
    this.#firstSlab ??= slab;
    for (let index = blocks - 1; index >= 0; index--) this.#free.push(new PageBlock(slab, index * PAGES_PER_BLOCK));
    return this.#free.pop()!;
  }
}
