// Models: children that share private pages with the process until one of both writes (copy-on-write: dup_mmap, wp_page_copy).
//
// The kernel's MMU events, as the driver sees them: fork announces MMU_NOTIFY_PROTECTION_PAGE for each private VMA with
// pages, a copy MMU_NOTIFY_CLEAR for its page; a page that nobody shares any more is made writable without an event.
import { SYSTEM_FRAMES_END } from '../kernel/frame.ts';
import { NotModelledError } from '../kernel/not-modelled.ts';
import { alignDown, PAGE_BYTES, PAGES_PER_BLOCK } from '../kernel/page-number.ts';
import { DEVICE_PRIVATE, MIGRATING, PRESENT, WRITE_FAULTED } from './cpu-pages.ts';
import { NotifierEvent } from './interval-notifier.ts';
import type { MovingSpace } from './moving-space.ts';
import { isAnonymous } from './vma.ts';
import type { Vma } from './vma.ts';

/** A child of the process: what its memory holds, and what of it is still the parent's. */
export class ForkedChild {
  /** Counts up from 1. */
  readonly id: number;
  private readonly space: MovingSpace;
  /** Private pages that are also the parent's. */
  readonly shared = new Set<number>();
  private readonly own = new Map<number, Uint8Array>();
  private readonly vmas: readonly {
    readonly startPage: number;
    readonly endPage: number;
    readonly isPrivate: boolean;
  }[];

  constructor(id: number, space: MovingSpace, vmas: Iterable<Vma>) {
    this.id = id;
    this.space = space;
    this.vmas = Array.from(vmas, ({ startPage, endPage, kind }) => ({
      startPage,
      endPage,
      isPrivate: isAnonymous(kind),
    }));
  }

  /** The 4096 bytes of a page as the child reads it, undefined: zeros. Null where nothing was mapped. */
  peek(page: number): Uint8Array | undefined | null {
    const vma = this.vmas.find(({ startPage, endPage }) => startPage <= page && page < endPage);
    if (vma === undefined) return null;
    if (vma.isPrivate && !this.shared.has(page)) return this.own.get(page);
    return this.space.contents.peek(page);
  }

  /** The same for writing: a shared page becomes one of its own. */
  bytesOf(page: number): Uint8Array | null {
    const before = this.peek(page);
    if (before === null) return null;
    const { pages, contents } = this.space;
    if ((pages.marksOf(page) & (DEVICE_PRIVATE | MIGRATING)) !== 0 && this.shared.has(page))
      throw new NotModelledError('a child that writes to a page in VRAM', 'it would come home for both processes');
    if (this.vmas.some(({ startPage, endPage, isPrivate }) => !isPrivate && startPage <= page && page < endPage))
      return contents.bytesOf(page);
    if (this.shared.has(page)) this.keep(page);
    let own = this.own.get(page);
    if (own === undefined) this.own.set(page, (own = new Uint8Array(PAGE_BYTES)));
    return own;
  }

  /** The parent is about to lose or to change the page: the child keeps it as it is. */
  keep(page: number): void {
    if (!this.shared.delete(page)) return;
    const bytes = this.space.contents.peek(page);
    if (bytes !== undefined) this.own.set(page, bytes.slice());
  }
}

/** The children of a process that live. */
export class Forks {
  private readonly space: MovingSpace;
  private readonly children = new Map<number, ForkedChild>();

  constructor(space: MovingSpace) {
    this.space = space;
  }

  get size(): number {
    return this.children.size;
  }

  find(id: number): ForkedChild | undefined {
    return this.children.get(id);
  }

  /** Adds a child with all memory that `vmas` are; pages of private memory are read-only for the parent from now on. */
  add(child: ForkedChild, vmas: Iterable<Vma>): void {
    this.children.set(child.id, child);
    for (const vma of vmas) if (isAnonymous(vma.kind)) this.share(child, vma);
  }

  /** The child is gone; says whether there was one. */
  remove(id: number): boolean {
    return this.children.delete(id);
  }

  /** Whether a child has the page, too. */
  isShared(page: number): boolean {
    for (const { shared } of this.children.values()) if (shared.has(page)) return true;
    return false;
  }

  /** Whether a child has any of the pages `[startPage, endPage)`. */
  areShared(startPage: number, endPage: number): boolean {
    for (let page = startPage; page < endPage; page++) if (this.isShared(page)) return true;
    return false;
  }

  /** The process gives the pages `[startPage, endPage)` up, or changes what they hold. */
  leave(startPage: number, endPage: number): void {
    for (const child of this.children.values())
      for (const page of child.shared) if (page >= startPage && page < endPage) child.keep(page);
  }

  /** The process writes to `page` of system memory: if a child has it, too, it gets a copy (wp_page_copy). */
  breakSharing(page: number): void {
    const { pages, notifiers, contents } = this.space;
    const frame = pages.frameOf(page, true);
    if (frame === 0 || frame >= SYSTEM_FRAMES_END || (pages.marksOf(page) & WRITE_FAULTED) !== 0) return;
    if (!this.isShared(page)) return;
    if (pages.isHuge(page)) {
      const block = alignDown(page, PAGES_PER_BLOCK);
      notifiers.deliver(NotifierEvent.clear, block, block + PAGES_PER_BLOCK);
      pages.splitHuge(page);
    }
    // mutant: copy-without-event
    notifiers.deliver(NotifierEvent.clear, page, page + 1);
    // mutant: child-sees-the-parent
    this.leave(page, page + 1);
    contents.pageLeaves(page, frame);
    pages.setEntry(page, pages.takeFrames(1), PRESENT | WRITE_FAULTED);
  }

  private share(child: ForkedChild, vma: Vma): void {
    const { pages, notifiers } = this.space;
    const first = Math.floor(vma.startPage / PAGES_PER_BLOCK);
    const last = Math.floor((vma.endPage - 1) / PAGES_PER_BLOCK);
    const blocks = pages.blocks.blockNumbersBetween(first, last);
    if (!blocks.some((number) => pages.blocks.getPacked(number)!.used > 0)) return;
    // mutant: fork-without-event
    notifiers.deliver(NotifierEvent.protectionPage, vma.startPage, vma.endPage);
    for (const number of blocks) {
      const block = pages.blocks.get(number)!;
      const start = number * PAGES_PER_BLOCK;
      const end = Math.min(vma.endPage, start + PAGES_PER_BLOCK);
      for (let page = Math.max(vma.startPage, start); page < end; page++) {
        const index = block.base + (page - start);
        if (block.frames[index] === 0) continue;
        // mutant: fork-stays-writable
        block.marks[index] = block.marks[index]! & ~WRITE_FAULTED;
        child.shared.add(page);
      }
    }
  }
}
