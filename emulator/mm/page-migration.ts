// Models: mm/migrate_device.c, second half - collected pages go to other frames, and are mapped again (spec/trace-format-v8 §5).
import { SYSTEM_FRAMES_END } from '../kernel/frame.ts';
import { PAGES_PER_BLOCK } from '../kernel/page-number.ts';
import { announce, entryMarks, freeFrame, isPinned } from './device-entries.ts';
import { NotifierEvent } from './interval-notifier.ts';
import { Collected, PageCollection } from './page-collection.ts';
import { Protection } from './vma.ts';

/** A further state bit: the page is mapped in its target. */
const SETTLED = 8;

/** Pages that are moved together, once they have targets. */
export class PageMigration extends PageCollection {
  /** migrate_vma_pages; `holesUntil`: end of the interval in which holes are filled. */
  move(holesUntil = 0): void {
    const { failures } = this.space;
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
        // mutant: holes-unannounced
        if (!announced) announce(this.space, NotifierEvent.migrate, this.cpuPages[index]!, holesUntil);
        announced = true;
        // mutant: holes-not-filled
        if (!this.fillHole(index, frame)) this.states[index] = state & ~Collected.migrate;
        continue;
      }
      if (this.isHuge(index) && !this.hasHugeTarget(index)) {
        const page = this.cpuPages[index]!;
        if (failures.take('split-folio') !== 0) {
          this.states[index] = state & ~Collected.migrate;
          continue;
        }
        if (this.mappedAt(index) >= 0) {
          this.told.flush();
          announce(this.space, NotifierEvent.clear, page, page + PAGES_PER_BLOCK);
        }
        this.splitHuge(index);
      }
      if (isPinned(this.space, this.sources[index]!, this.sizeAt(index), 0))
        this.states[index] = this.states[index]! & ~Collected.migrate;
    }
  }

  /** A huge page goes on as 512 small ones. */
  private splitHuge(index: number): void {
    const page = this.cpuPages[index]!;
    if (page >= 0) this.space.pages.splitHuge(page);
    const frame = this.sources[index]!;
    for (let at = 0; at < PAGES_PER_BLOCK; at++) {
      this.states[index + at] = Collected.migrate | Collected.page;
      this.sources[index + at] = frame + at;
      if (page >= 0) this.cpuPages[index + at] = page + at;
    }
  }

  private fillHole(index: number, frame: number): boolean {
    const { pages, contents } = this.space;
    const page = this.cpuPages[index]!;
    const count = this.sizeAt(index);
    const vma = this.space.findVma(page);
    if (vma === undefined) return false;
    if (count === 1 ? pages.frameOf(page, true) !== 0 : (pages.blocks.getPacked(page / PAGES_PER_BLOCK)?.used ?? 0) > 0)
      return false;
    const allocation = this.space.devices!.allocationOf(frame)!;
    const marks = entryMarks(allocation.map.coherent, (vma.protection & Protection.write) !== 0);
    for (let at = 0; at < count; at++) allocation.cpuPages[frame - allocation.firstFrame + at] = page + at;
    if (count === 1) pages.setEntry(page, frame, marks);
    else pages.setHugeEntry(page, frame, marks);
    if (contents.mayHold(page, page + count))
      for (let at = 0; at < count; at++) this.space.moved.placed(page + at, 0, frame + at, false);
    this.told.add(page, count, frame, 0);
    return true;
  }

  /** migrate_vma_finalize: the pages are mapped where they are now, and what they left is free. */
  finish(): void {
    this.copies.end();
    const { states, sources, targets } = this;
    for (let index = 0; index < this.pages; index += this.sizeAt(index)) {
      if ((states[index]! & Collected.page) === 0) continue;
      const moved = (states[index]! & Collected.migrate) !== 0;
      // Pinned ones that stay are mapped already.
      const isMapped = this.settle(index, moved ? targets[index]! : sources[index]!);
      if (moved && isMapped) states[index] = states[index]! | SETTLED;
    }
    // What was left is told to be free after that.
    this.told.flush();
    for (let index = 0; index < this.pages; index += this.sizeAt(index)) {
      const state = states[index]!;
      const moved = (state & Collected.migrate) !== 0;
      const hadPage = (state & Collected.page) !== 0;
      const target = targets[index]!;
      if (target !== 0) this.endTarget(index, target, hadPage ? (state & SETTLED) !== 0 : moved);
      if (!hadPage || !moved) continue;
      for (let at = 0; at < this.sizeAt(index); at++) freeFrame(this.space, sources[index]! + at);
    }
    this.end();
  }

  /** The target of the pages from `index` on is unlocked, and free if nothing maps it. */
  private endTarget(index: number, target: number, isMapped: boolean): void {
    for (let at = 0; at < this.sizeAt(index); at++) {
      if (target < SYSTEM_FRAMES_END) continue;
      const allocation = this.space.devices!.allocationOf(target + at);
      if (allocation === undefined) continue;
      allocation.unlock(target + at - allocation.firstFrame);
      if (!isMapped) freeFrame(this.space, target + at);
    }
  }
}
