// Models: mm/migrate_device.c, first half - pages of the process are collected, and put back where they cannot go (spec/trace-format-v8 §5).
import { SYSTEM_FRAMES_END } from '../kernel/frame.ts';
import { alignDown, PAGES_PER_BLOCK } from '../kernel/page-number.ts';
import { DEVICE_PRIVATE, MIGRATING, PRESENT, WRITE_FAULTED } from './cpu-pages.ts';
import { announce, entryMarks, freeFrame, isPinned, writability } from './device-entries.ts';
import { NotifierEvent } from './interval-notifier.ts';
import type { PageBlock } from '../kernel/page-block.ts';
import type { MigrationArrays } from './migration-arrays.ts';
import { MigrationCopies } from './migration-copies.ts';
import { MovedRun } from './moved-run.ts';
import type { MovingSpace } from './moving-space.ts';
import { Protection } from './vma.ts';
import type { Vma } from './vma.ts';

/** State bits of one collected page. */
export const Collected = {
  /** It can be moved; of a page without a frame: the hole can be filled. */
  migrate: 1,
  /** It has a source frame. */
  page: 2,
  /** It is the first of 512 that move as one. */
  huge: 4,
} as const;

/** Which pages are collected. */
export interface PageSelection {
  /** Pages in system memory, and holes as such. */
  readonly system: boolean;
  /** Pages in VRAM whose page map has this owner. */
  readonly owner: object;
}

/** Pages that are moved together, by index from the first. */
export class PageCollection {
  protected readonly space: MovingSpace;
  readonly pages: number;
  /** Bits of `Collected`. */
  readonly states: Uint8Array;
  /** Frames where the pages lie, 0: there is none. */
  readonly sources: Uint32Array;
  /** Frames where they are to go, 0: nowhere. Of a huge page the first counts, if `hugeTargets` says so. */
  readonly targets: Uint32Array;
  /** Whether the target of a huge page is one huge page, by index of its first. */
  private readonly arrays: MigrationArrays;
  private readonly hugeTargets = new Set<number>();
  /** CPU page of each, -1: unknown. */
  protected readonly cpuPages: Float64Array;
  /** Pages that can be moved; a huge hole counts as one. */
  collected = 0;
  readonly copies: MigrationCopies;
  /** What moved and is not told yet. */
  protected readonly told: MovedRun;

  constructor(space: MovingSpace, pages: number) {
    this.space = space;
    this.pages = pages;
    this.arrays = space.devices!.arrays.take(pages);
    this.states = this.arrays.states;
    this.sources = this.arrays.sources;
    this.targets = this.arrays.targets;
    this.cpuPages = this.arrays.cpuPages;
    this.copies = new MigrationCopies(space.moved, this.arrays);
    this.told = new MovedRun(space.devices!);
  }

  /** It is over: the lists are not looked at any more. */
  protected end(): void {
    this.space.devices!.arrays.giveBack(this.arrays);
  }

  isHuge(index: number): boolean {
    return (this.states[index]! & Collected.huge) !== 0;
  }

  /** Whether the page at `index` has a frame that can be moved. */
  isMovable(index: number): boolean {
    return (this.states[index]! & (Collected.migrate | Collected.page)) === (Collected.migrate | Collected.page);
  }

  /** CPU page of what is in the source at `index`, -1: it is mapped no more. */
  mappedAt(index: number): number {
    const page = this.cpuPages[index]!;
    if (page < 0) return -1;
    const block = this.space.pages.blocks.get(Math.floor(page / PAGES_PER_BLOCK));
    if (block === undefined) return -1;
    const at = block.base + ((page % PAGES_PER_BLOCK) | 0);
    return (block.marks[at]! & MIGRATING) !== 0 && block.frames[at] === this.sources[index] ? page : -1;
  }

  /** Pages from `index` on that move as one. */
  sizeAt(index: number): number {
    return this.isHuge(index) ? PAGES_PER_BLOCK : 1;
  }

  setTarget(index: number, frame: number, huge = false): void {
    this.targets[index] = frame;
    if (huge) this.hugeTargets.add(index);
  }

  hasHugeTarget(index: number): boolean {
    return this.hugeTargets.has(index);
  }

  /** migrate_vma_setup for the pages from `startPage` on, which lie in `vma`. */
  collect(vma: Vma, startPage: number, select: PageSelection): void {
    const endPage = startPage + this.pages;
    // mutant: move-unannounced
    announce(this.space, NotifierEvent.migrate, startPage, endPage);
    for (let index = 0; index < this.pages; index++) this.cpuPages[index] = startPage + index;
    for (let page = startPage; page < endPage;) {
      const to = Math.min(endPage, alignDown(page, PAGES_PER_BLOCK) + PAGES_PER_BLOCK);
      this.collectBlock(vma, startPage, page, to, select);
      page = to;
    }
    if (this.collected > 0) this.putPinnedBack();
  }

  /** migrate_device_pfns: the pages that lie in `frames` and have a reference, wherever they are mapped. */
  collectFrames(firstFrame: number): void {
    const { pages, devices } = this.space;
    const allocation = devices!.allocationOf(firstFrame)!;
    for (let index = 0; index < this.pages; index++) {
      if (allocation.states[index] === 0 || allocation.isLocked(index)) continue;
      allocation.lock(index);
      this.states[index] = Collected.migrate | Collected.page;
      this.sources[index] = firstFrame + index;
      this.cpuPages[index] = allocation.cpuPages[index]!;
      this.collected++;
    }
    for (let index = 0; index < this.pages; index++) {
      const page = this.cpuPages[index]!;
      if (!this.isMovable(index) || page < 0) continue;
      if (pages.isHuge(page)) {
        announce(this.space, NotifierEvent.clear, page, page + PAGES_PER_BLOCK);
        this.beginHuge(index, page);
        index += PAGES_PER_BLOCK - 1;
        continue;
      }
      // mutant: eviction-unannounced
      announce(this.space, NotifierEvent.clear, page, page + 1);
      pages.setEntry(page, this.sources[index]!, MIGRATING | (pages.marksOf(page) & WRITE_FAULTED));
    }
    this.putPinnedBack();
  }

  private collectBlock(vma: Vma, startPage: number, from: number, to: number, select: PageSelection): void {
    const { pages, devices, failures } = this.space;
    const blockStart = alignDown(from, PAGES_PER_BLOCK);
    const block = pages.blocks.get(blockStart / PAGES_PER_BLOCK);
    const asOne = to - from === PAGES_PER_BLOCK && devices!.surroundings.hugeMigration;
    if (block === undefined || block.used === 0) {
      const state = asOne ? Collected.migrate | Collected.huge : Collected.migrate;
      for (let page = from; page < to; page++) {
        this.states[page - startPage] = page === from || !asOne ? state : 0;
      }
      this.collected += asOne ? 1 : to - from;
      return;
    }
    if (block.huge) {
      const frame = pages.frameOf(blockStart, true);
      if (!this.isSelected(frame, pages.marksOf(blockStart), select)) return;
      if (asOne) {
        const index = from - startPage;
        this.states[index] = Collected.migrate | Collected.page;
        this.sources[index] = frame;
        this.beginHuge(index, blockStart, vma);
        this.collected += PAGES_PER_BLOCK;
        return;
      }
      if (isPinned(this.space, frame, PAGES_PER_BLOCK, 0) || failures.take('split-folio') !== 0) return;
      announce(this.space, NotifierEvent.clear, blockStart, blockStart + PAGES_PER_BLOCK);
      pages.splitHuge(blockStart);
    }
    this.collectPages(vma, (from - startPage) | 0, block, (from - blockStart) | 0, (to - blockStart) | 0, select);
  }

  /** The pages `[from, to)` of a block of small ones, of which the first has `firstIndex` here. */
  private collectPages(
    vma: Vma,
    firstIndex: number,
    block: PageBlock,
    from: number,
    to: number,
    select: PageSelection,
  ): void {
    const { frames, marks, base } = block;
    const { states, sources } = this;
    let collected = 0;
    for (let at = base + from, index = firstIndex; at < base + to; at++, index++) {
      const frame = frames[at]!;
      if (frame === 0) {
        states[index] = Collected.migrate;
        collected++;
        continue;
      }
      const before = marks[at]!;
      if (!this.isSelected(frame, before, select)) continue;
      states[index] = Collected.migrate | Collected.page;
      sources[index] = frame;
      collected++;
      if (frame >= SYSTEM_FRAMES_END) this.lock(frame, 1);
      marks[at] = MIGRATING | writability(vma, before);
    }
    this.collected += collected;
  }

  /** Entries of a huge page, which is collected as a whole, become migration entries. */
  private beginHuge(index: number, page: number, vma?: Vma): void {
    const { pages } = this.space;
    const frame = this.sources[index]!;
    const marks = pages.marksOf(page);
    this.states[index] = Collected.migrate | Collected.page | Collected.huge;
    for (let at = index + 1; at < index + PAGES_PER_BLOCK; at++) {
      this.states[at] = 0;
      this.sources[at] = 0;
    }
    if (vma !== undefined && frame >= SYSTEM_FRAMES_END) this.lock(frame, PAGES_PER_BLOCK);
    pages.setHugeEntry(page, frame, MIGRATING | (vma === undefined ? marks & WRITE_FAULTED : writability(vma, marks)));
  }

  private lock(frame: number, count: number): void {
    const allocation = this.space.devices!.allocationOf(frame)!;
    const index = frame - allocation.firstFrame;
    for (let at = index; at < index + count; at++) allocation.lock(at);
  }

  private isSelected(frame: number, marks: number, select: PageSelection): boolean {
    if ((marks & (PRESENT | DEVICE_PRIVATE)) === 0) return false;
    if (frame < SYSTEM_FRAMES_END) return select.system;
    const allocation = this.space.devices!.allocationOf(frame)!;
    return allocation.map.owner === select.owner && !allocation.isLocked(frame - allocation.firstFrame);
  }

  /** migrate_device_unmap: pages with references of others stay where they are. */
  private putPinnedBack(): void {
    if (this.space.pins.size === 0) return;
    for (let index = 0; index < this.pages; index++) {
      if (!this.isMovable(index)) continue;
      const frame = this.sources[index]!;
      // A page of VRAM counts as having one reference more than it has.
      if (!isPinned(this.space, frame, this.sizeAt(index), frame < SYSTEM_FRAMES_END ? 0 : 1)) continue;
      const size = this.sizeAt(index);
      this.settle(index, frame);
      this.states[index] = 0;
      this.collected -= size;
    }
  }

  /** remove_migration_ptes: the entries of the page at `index` lead to `frame`; says whether there were any. */
  protected settle(index: number, frame: number): boolean {
    const { space } = this;
    const source = this.sources[index]!;
    const count = this.sizeAt(index);
    const allocation = frame < SYSTEM_FRAMES_END ? undefined : space.devices!.allocationOf(frame)!;
    const offset = allocation === undefined ? 0 : (frame - allocation.firstFrame) | 0;
    if (allocation !== undefined) for (let at = 0; at < count; at++) allocation.unlock(offset + at);
    const page = this.mappedAt(index);
    if (page < 0) {
      // A page that nothing maps any more is free, unless somebody else has it.
      if (frame === source) for (let at = 0; at < count; at++) freeFrame(space, frame + at);
      return false;
    }
    const wasWritable = (space.pages.marksOf(page) & WRITE_FAULTED) !== 0;
    const writable = wasWritable && ((space.findVma(page)?.protection ?? 0) & Protection.write) !== 0;
    const marks = entryMarks(allocation === undefined || allocation.map.coherent, writable);
    const wasHuge = count > 1 && space.pages.isHuge(page);
    if (frame !== source)
      for (let at = 0; at < count; at++) this.copies.place(index + at, page + at, source + at, frame + at);
    if (wasHuge) space.pages.setHugeEntry(page, frame, marks);
    else for (let at = 0; at < count; at++) space.pages.setEntry(page + at, frame + at, marks);
    if (allocation !== undefined) for (let at = 0; at < count; at++) allocation.cpuPages[offset + at] = page + at;
    if (frame !== source) this.told.add(page, count, frame, source);
    return true;
  }
}
