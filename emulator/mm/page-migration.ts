// Models: mm/migrate_device.c - pages of the process are collected, moved to other frames, and mapped again (spec/trace-format-v8 §5).
import { SYSTEM_FRAMES_END } from '../kernel/frame.ts';
import { alignDown, PAGES_PER_BLOCK } from '../kernel/page-number.ts';
import { MigrationCopies } from './migration-copies.ts';
import type { MovingSpace } from './moving-space.ts';
import { DEVICE_PRIVATE, MIGRATING, PRESENT, WRITE_FAULTED } from './cpu-pages.ts';
import { announce, entryMarks, freeFrame, isPinned, writability } from './device-entries.ts';
import { NotifierEvent } from './interval-notifier.ts';
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
export class PageMigration {
  readonly #space: MovingSpace;
  readonly pages: number;
  /** Bits of `Collected`. */
  readonly states: Uint8Array;
  /** Frames where the pages lie, 0: there is none. */
  readonly sources: Uint32Array;
  /** Frames where they are to go, 0: nowhere. Of a huge page the first counts, if `hugeTargets` says so. */
  readonly targets: Uint32Array;
  /** Whether the target of a huge page is one huge page, by index of its first. */
  readonly #hugeTargets = new Set<number>();
  /** CPU page of each, -1: unknown. */
  readonly #cpuPages: Float64Array;
  /** Pages that can be moved; a huge hole counts as one. */
  collected = 0;
  readonly copies: MigrationCopies;

  constructor(space: MovingSpace, pages: number) {
    this.#space = space;
    this.pages = pages;
    this.states = new Uint8Array(pages);
    this.sources = new Uint32Array(pages);
    this.targets = new Uint32Array(pages);
    this.#cpuPages = new Float64Array(pages).fill(-1);
    this.copies = new MigrationCopies(space.moved, this.#cpuPages);
  }

  isHuge(index: number): boolean {
    return (this.states[index]! & Collected.huge) !== 0;
  }

  /** Whether the page at `index` has a frame that can be moved. */
  isMovable(index: number): boolean {
    return (this.states[index]! & (Collected.migrate | Collected.page)) === (Collected.migrate | Collected.page);
  }

  /** CPU page of what stands in the source at `index`, -1: it is mapped no more. */
  mappedAt(index: number): number {
    const page = this.#cpuPages[index]!;
    const { pages } = this.#space;
    return page >= 0 && (pages.marksOf(page) & MIGRATING) !== 0 && pages.frameOf(page, true) === this.sources[index]
      ? page
      : -1;
  }

  /** Pages from `index` on that move as one. */
  sizeAt(index: number): number {
    return this.isHuge(index) ? PAGES_PER_BLOCK : 1;
  }

  setTarget(index: number, frame: number, huge = false): void {
    this.targets[index] = frame;
    if (huge) this.#hugeTargets.add(index);
  }

  hasHugeTarget(index: number): boolean {
    return this.#hugeTargets.has(index);
  }

  /** migrate_vma_setup for the pages from `startPage` on, which lie in `vma`. */
  collect(vma: Vma, startPage: number, select: PageSelection): void {
    const endPage = startPage + this.pages;
    announce(this.#space, NotifierEvent.migrate, startPage, endPage);
    for (let index = 0; index < this.pages; index++) this.#cpuPages[index] = startPage + index;
    for (let page = startPage; page < endPage;) {
      const to = Math.min(endPage, alignDown(page, PAGES_PER_BLOCK) + PAGES_PER_BLOCK);
      this.#collectBlock(vma, startPage, page, to, select);
      page = to;
    }
    if (this.collected > 0) this.#putPinnedBack();
  }

  /** migrate_device_pfns: the pages that lie in `frames` and have a reference, wherever they are mapped. */
  collectFrames(firstFrame: number): void {
    const { pages, devices } = this.#space;
    const allocation = devices!.allocationOf(firstFrame)!;
    for (let index = 0; index < this.pages; index++) {
      if (allocation.states[index] === 0 || allocation.isLocked(index)) continue;
      allocation.lock(index);
      this.states[index] = Collected.migrate | Collected.page;
      this.sources[index] = firstFrame + index;
      this.#cpuPages[index] = allocation.cpuPages[index]!;
      this.collected++;
    }
    for (let index = 0; index < this.pages; index++) {
      const page = this.#cpuPages[index]!;
      if (!this.isMovable(index) || page < 0) continue;
      if (pages.isHuge(page)) {
        announce(this.#space, NotifierEvent.clear, page, page + PAGES_PER_BLOCK);
        this.#beginHuge(index, page);
        index += PAGES_PER_BLOCK - 1;
        continue;
      }
      announce(this.#space, NotifierEvent.clear, page, page + 1);
      pages.setEntry(page, this.sources[index]!, MIGRATING | (pages.marksOf(page) & WRITE_FAULTED));
    }
    this.#putPinnedBack();
  }

  #collectBlock(vma: Vma, startPage: number, from: number, to: number, select: PageSelection): void {
    const { pages, devices, failures } = this.#space;
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
      if (!this.#isSelected(frame, pages.marksOf(blockStart), select)) return;
      if (asOne) {
        const index = from - startPage;
        this.states[index] = Collected.migrate | Collected.page;
        this.sources[index] = frame;
        this.#beginHuge(index, blockStart, vma);
        this.collected += PAGES_PER_BLOCK;
        return;
      }
      if (isPinned(this.#space, frame, PAGES_PER_BLOCK, 0) || failures.take('split-folio') !== 0) return;
      announce(this.#space, NotifierEvent.clear, blockStart, blockStart + PAGES_PER_BLOCK);
      pages.splitHuge(blockStart);
    }
    for (let page = from; page < to; page++) this.#collectPage(vma, page - startPage, page, select);
  }

  #collectPage(vma: Vma, index: number, page: number, select: PageSelection): void {
    const { pages } = this.#space;
    const marks = pages.marksOf(page);
    const frame = pages.frameOf(page, true);
    if (frame === 0) {
      this.states[index] = Collected.migrate;
      this.collected++;
      return;
    }
    if (!this.#isSelected(frame, marks, select)) return;
    this.states[index] = Collected.migrate | Collected.page;
    this.sources[index] = frame;
    this.collected++;
    if (frame >= SYSTEM_FRAMES_END) this.#lock(frame, 1);
    pages.setEntry(page, frame, MIGRATING | writability(vma, marks));
  }

  /** Entries of a huge page, which is collected as a whole, become migration entries. */
  #beginHuge(index: number, page: number, vma?: Vma): void {
    const { pages } = this.#space;
    const frame = this.sources[index]!;
    const marks = pages.marksOf(page);
    this.states[index] = Collected.migrate | Collected.page | Collected.huge;
    for (let at = index + 1; at < index + PAGES_PER_BLOCK; at++) {
      this.states[at] = 0;
      this.sources[at] = 0;
    }
    if (vma !== undefined && frame >= SYSTEM_FRAMES_END) this.#lock(frame, PAGES_PER_BLOCK);
    pages.setHugeEntry(page, frame, MIGRATING | (vma === undefined ? marks & WRITE_FAULTED : writability(vma, marks)));
  }

  #lock(frame: number, count: number): void {
    const allocation = this.#space.devices!.allocationOf(frame)!;
    const index = frame - allocation.firstFrame;
    for (let at = index; at < index + count; at++) allocation.lock(at);
  }

  #isSelected(frame: number, marks: number, select: PageSelection): boolean {
    if ((marks & (PRESENT | DEVICE_PRIVATE)) === 0) return false;
    if (frame < SYSTEM_FRAMES_END) return select.system;
    const allocation = this.#space.devices!.allocationOf(frame)!;
    return allocation.map.owner === select.owner && !allocation.isLocked(frame - allocation.firstFrame);
  }

  /** migrate_device_unmap: pages with references of others stay where they are. */
  #putPinnedBack(): void {
    if (this.#space.pins.size === 0) return;
    for (let index = 0; index < this.pages; index++) {
      if (!this.isMovable(index)) continue;
      const frame = this.sources[index]!;
      // A page of VRAM counts as having one reference more than it has.
      if (!isPinned(this.#space, frame, this.sizeAt(index), frame < SYSTEM_FRAMES_END ? 0 : 1)) continue;
      const size = this.sizeAt(index);
      this.#settle(index, frame);
      this.states[index] = 0;
      this.collected -= size;
    }
  }

  /** migrate_vma_pages; `holesUntil`: end of the interval in which holes are filled. */
  move(holesUntil = 0): void {
    const { failures } = this.#space;
    let announced = false;
    for (let index = 0; index < this.pages; index += this.sizeAt(index)) {
      const state = this.states[index]!;
      if ((state & Collected.migrate) === 0) continue;
      const frame = this.targets[index]!;
      if (frame === 0) {
        this.states[index] = state & ~Collected.migrate;
        continue;
      }
      if ((state & Collected.page) === 0) {
        if (!announced) announce(this.#space, NotifierEvent.migrate, this.#cpuPages[index]!, holesUntil);
        announced = true;
        if (!this.#fillHole(index, frame)) this.states[index] = state & ~Collected.migrate;
        continue;
      }
      if (this.isHuge(index) && !this.hasHugeTarget(index)) {
        const page = this.#cpuPages[index]!;
        if (failures.take('split-folio') !== 0) {
          this.states[index] = state & ~Collected.migrate;
          continue;
        }
        if (this.mappedAt(index) >= 0) {
          announce(this.#space, NotifierEvent.clear, page, page + PAGES_PER_BLOCK);
        }
        this.#splitHuge(index);
      }
      if (isPinned(this.#space, this.sources[index]!, this.sizeAt(index), 0))
        this.states[index] = this.states[index]! & ~Collected.migrate;
    }
  }

  /** A huge page goes on as 512 small ones. */
  #splitHuge(index: number): void {
    const page = this.#cpuPages[index]!;
    if (page >= 0) this.#space.pages.splitHuge(page);
    const frame = this.sources[index]!;
    for (let at = 0; at < PAGES_PER_BLOCK; at++) {
      this.states[index + at] = Collected.migrate | Collected.page;
      this.sources[index + at] = frame + at;
      if (page >= 0) this.#cpuPages[index + at] = page + at;
    }
  }

  #fillHole(index: number, frame: number): boolean {
    const { pages, contents } = this.#space;
    const page = this.#cpuPages[index]!;
    const count = this.sizeAt(index);
    const vma = this.#space.findVma(page);
    if (vma === undefined) return false;
    if (count === 1 ? pages.frameOf(page, true) !== 0 : (pages.blocks.get(page / PAGES_PER_BLOCK)?.used ?? 0) > 0)
      return false;
    const allocation = this.#space.devices!.allocationOf(frame)!;
    const marks = entryMarks(allocation.map.coherent, (vma.protection & Protection.write) !== 0);
    for (let at = 0; at < count; at++) allocation.cpuPages[frame - allocation.firstFrame + at] = page + at;
    if (count === 1) pages.setEntry(page, frame, marks);
    else pages.setHugeEntry(page, frame, marks);
    if (contents.mayHold(page, page + count))
      for (let at = 0; at < count; at++) this.#space.moved.placed(page + at, 0, frame + at, false);
    this.#tellMoved(page, count, frame, 0);
    return true;
  }

  /** migrate_vma_finalize: the pages are mapped where they are now, and what they left is free. */
  finish(): void {
    this.copies.end();
    for (let index = 0; index < this.pages; index += this.sizeAt(index)) {
      const target = this.targets[index]!;
      const moved = (this.states[index]! & Collected.migrate) !== 0;
      if ((this.states[index]! & Collected.page) === 0) {
        if (target !== 0) this.#endTarget(index, target, moved);
        continue;
      }
      const source = this.sources[index]!;
      if (moved) {
        const isMapped = this.#settle(index, target);
        this.#endTarget(index, target, isMapped);
        for (let at = 0; at < this.sizeAt(index); at++) freeFrame(this.#space, source + at);
      } else {
        // Pinned ones are mapped already.
        this.#settle(index, source);
        if (target !== 0) this.#endTarget(index, target, false);
      }
    }
  }

  /** The target of the pages from `index` on is unlocked, and free if nothing maps it. */
  #endTarget(index: number, target: number, isMapped: boolean): void {
    for (let at = 0; at < this.sizeAt(index); at++) {
      if (target < SYSTEM_FRAMES_END) continue;
      const allocation = this.#space.devices!.allocationOf(target + at);
      if (allocation === undefined) continue;
      allocation.unlock(target + at - allocation.firstFrame);
      if (!isMapped) freeFrame(this.#space, target + at);
    }
  }

  /** remove_migration_ptes: the entries of the page at `index` lead to `frame`; says whether there were any. */
  #settle(index: number, frame: number): boolean {
    const { pages, devices } = this.#space;
    const source = this.sources[index]!;
    const count = this.sizeAt(index);
    const allocation = frame < SYSTEM_FRAMES_END ? undefined : devices!.allocationOf(frame)!;
    if (allocation !== undefined)
      for (let at = 0; at < count; at++) allocation.unlock(frame - allocation.firstFrame + at);
    const page = this.mappedAt(index);
    if (page < 0) {
      // A page that nothing maps any more is free, unless somebody else has it.
      if (frame === source) for (let at = 0; at < count; at++) freeFrame(this.#space, frame + at);
      return false;
    }
    const vma = this.#space.findVma(page);
    const wasWritable = (pages.marksOf(page) & WRITE_FAULTED) !== 0;
    const writable = wasWritable && vma !== undefined && (vma.protection & Protection.write) !== 0;
    const marks = allocation === undefined ? entryMarks(true, writable) : entryMarks(allocation.map.coherent, writable);
    const wasHuge = count > 1 && pages.isHuge(page);
    if (frame !== source)
      for (let at = 0; at < count; at++) this.copies.place(index + at, page + at, source + at, frame + at);
    if (wasHuge) pages.setHugeEntry(page, frame, marks);
    else for (let at = 0; at < count; at++) pages.setEntry(page + at, frame + at, marks);
    if (allocation !== undefined) {
      for (let at = 0; at < count; at++) allocation.cpuPages[frame - allocation.firstFrame + at] = page + at;
    }
    if (frame !== source) this.#tellMoved(page, count, frame, source);
    return true;
  }

  #tellMoved(page: number, count: number, frame: number, source: number): void {
    const devices = this.#space.devices!;
    const effects = devices.surroundings.effects.current;
    if (frame >= SYSTEM_FRAMES_END) effects?.movedToVram(page, count, devices.mapOf(frame).gpu);
    else effects?.movedToRam(page, count, devices.mapOf(source).gpu);
  }
}
