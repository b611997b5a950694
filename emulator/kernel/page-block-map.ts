// Models: nothing by itself - the storage of CPU page tables and GPU page tables, in blocks of 512 pages.
import { OrderedMap } from './ordered-map.ts';
import { BlockLayout, newSlab, PageBlock } from './page-block.ts';
import type { Slab } from './page-block.ts';
import { PAGES_PER_BLOCK } from './page-number.ts';

// A small machine stays small: slabs grow with what was needed so far.
const FIRST_SLAB_BLOCKS = 1;
const LARGEST_SLAB_BLOCKS = 32;

/** As many numbers are rather looked at one by one: an order that is kept costs every block that comes and goes 0.1 us. */
const NARROW = 256;

/**
 * First slabs of machines that are no more, for those after them. Their memory lies outside of V8's heap, where
 * getting and freeing it was a tenth of the time of a machine that runs five operations.
 */
export class SpareSlabs {
  private readonly slabs: Slab[] = [];

  give(slab: Slab): void {
    // What pages have of their own says nothing in a new block.
    slab.pieceFrames.fill(0);
    slab.pieceMarks.fill(0);
    this.slabs.push(slab);
  }

  take(): Slab | undefined {
    return this.slabs.pop();
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
  private readonly blocks = new Map<number, PageBlock>();
  // The same by number, from the first question about an interval on that is wider than a look at each number.
  private ordered: OrderedMap<PageBlock> | null = null;
  private readonly free: PageBlock[] = [];
  private recentIndex = -1;
  private recent: PageBlock | undefined = undefined;
  private slabBlocks = FIRST_SLAB_BLOCKS;
  private firstSlab: Slab | null = null;
  readonly budget: PageBudget;

  constructor(budget: PageBudget = new PageBudget()) {
    this.budget = budget;
  }

  /** The block with the number `page / 512`, or undefined; none of its pieces is packed, until the owner of the map packs one again. */
  get(blockNumber: number): PageBlock | undefined {
    const block = this.getPacked(blockNumber);
    block?.unpackAll();
    return block;
  }

  /** As `get`, for the owner of the map, and for callers that look at no entries: pieces stay packed. */
  getPacked(blockNumber: number): PageBlock | undefined {
    return blockNumber === this.recentIndex ? this.recent : this.lookUp(blockNumber);
  }

  /** As `getPacked`, and makes the block if there is none. */
  getOrCreate(blockNumber: number): PageBlock {
    return this.getPacked(blockNumber) ?? this.create(blockNumber);
  }

  /** Gives a block back, whatever is in it. */
  release(blockNumber: number): void {
    const block = this.blocks.get(blockNumber);
    if (block === undefined) return;
    block.packAll(0, 0);
    block.used = 0;
    block.layout = BlockLayout.scattered;
    this.budget.used--;
    this.blocks.delete(blockNumber);
    this.ordered?.remove(blockNumber, block);
    this.free.push(block);
    this.recentIndex = -1;
    this.recent = undefined;
  }

  /** The map goes as a whole: its blocks no longer count. It must not be used any more. */
  retire(): void {
    this.budget.used -= this.blocks.size;
  }

  /** The map goes with its machine: its first slab is for machines after it. It must not be used any more. */
  giveUp(spare: SpareSlabs): void {
    if (this.firstSlab !== null) spare.give(this.firstSlab);
    this.firstSlab = null;
  }

  get size(): number {
    return this.blocks.size;
  }

  /** Block numbers in use, ascending. */
  blockNumbers(): number[] {
    return [...this.blocks.keys()].sort((left, right) => left - right);
  }

  /** Ascending block numbers in use that lie in `[first, last]`. */
  blockNumbersBetween(first: number, last: number): number[] {
    const found: number[] = [];
    this.scanPacked(first, last, (_, number) => {
      found.push(number);
      return true;
    });
    return found;
  }

  /**
   * Visits the blocks with numbers in `[first, last]`, as `get` gives them, and their numbers, in ascending order until `visit` returns false;
   * none may be made or released meanwhile. What is outside of the interval does not make it take longer.
   */
  scan(first: number, last: number, visit: (block: PageBlock, number: number) => boolean): void {
    this.scanPacked(first, last, (block, number) => {
      block.unpackAll();
      return visit(block, number);
    });
  }

  private scanPacked(first: number, last: number, visit: (block: PageBlock, number: number) => boolean): void {
    if (last - first < NARROW) {
      for (let number = first; number <= last; number++) {
        const block = this.blocks.get(number);
        if (block !== undefined && !visit(block, number)) return;
      }
      return;
    }
    (this.ordered ??= this.order()).scan(first, (block, number) => number <= last && visit(block, number));
  }

  private order(): OrderedMap<PageBlock> {
    const ordered = new OrderedMap<PageBlock>();
    for (const number of this.blockNumbers()) ordered.insert(number, this.blocks.get(number)!);
    return ordered;
  }

  private lookUp(blockNumber: number): PageBlock | undefined {
    this.recentIndex = blockNumber;
    return (this.recent = this.blocks.get(blockNumber));
  }

  private create(blockNumber: number): PageBlock {
    const block = this.allocate();
    this.budget.used++;
    this.blocks.set(blockNumber, block);
    this.ordered?.insert(blockNumber, block);
    // Its number is: `getPacked` has just looked for it.
    this.recent = block;
    return block;
  }

  private allocate(): PageBlock {
    const reused = this.free.pop();
    if (reused !== undefined) return reused;
    const blocks = this.slabBlocks;
    this.slabBlocks = Math.min(blocks * 2, LARGEST_SLAB_BLOCKS);
    const slab = this.firstSlab === null ? (this.budget.spare?.take() ?? newSlab(blocks)) : newSlab(blocks);
    this.firstSlab ??= slab;
    for (let index = blocks - 1; index >= 0; index--) this.free.push(new PageBlock(slab, index * PAGES_PER_BLOCK));
    return this.free.pop()!;
  }
}
