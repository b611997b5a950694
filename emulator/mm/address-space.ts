// Models: the mm of one process - VMAs, CPU pages, MMU notifiers (spec/trace-format §3 and §4, spec/04-invalidation-and-gc §1).
import { Errno } from '../../lib/uapi/errno.ts';
import { FailureInjection } from '../kernel/failures.ts';
import { SharedLock } from '../kernel/lock.ts';
import { OrderedMap } from '../kernel/ordered-map.ts';
import type { PageBudget } from '../kernel/page-block-map.ts';
import { alignDown, PAGE_NUMBER_END, PAGES_PER_BLOCK } from '../kernel/page-number.ts';
import { runAwake } from '../kernel/sleepable.ts';
import { CpuAccess } from './cpu-fault.ts';
import type { TouchResult } from './cpu-fault.ts';
import { CpuPages } from './cpu-pages.ts';
import { dropDevicePages, protectDevicePages } from './device-entries.ts';
import type { DeviceMaps } from './device-pages.ts';
import type { Forks } from './forks.ts';
import { IntervalNotifierSet, NotifierEvent } from './interval-notifier.ts';
import { MovedContents } from './moved-contents.ts';
import { PageContents } from './page-contents.ts';
import { PagePins } from './page-pins.ts';
import { isIoOrPfnMap, keepsPagesCached, mergesWithNeighbours, Protection, Vma } from './vma.ts';
import type { VmaKind } from './vma.ts';

export type { TouchResult } from './cpu-fault.ts';

/** First page after the largest address a process may map: 2^56 - 4096 bytes. */
export const TASK_SIZE_PAGES: number = 2 ** 44 - 1;

/** A VMA to be: the pages `[startPage, endPage)`. */
export interface VmaDescription {
  readonly startPage: number;
  readonly endPage: number;
  /** Bits of `Protection`. */
  readonly protection: number;
  readonly kind: VmaKind;
}

/** Sees how the memory of a process changes. */
export interface MemoryObserver {
  memoryChanged(change: 'mapped' | 'unmapped' | 'protected' | 'discarded', startPage: number, endPage: number): void;
}

/** One process address space. All page intervals are half open, results are 0 or a negative errno. */
export class AddressSpace {
  readonly vmas = new OrderedMap<Vma>();
  readonly contents = new PageContents();
  readonly pages: CpuPages;
  readonly notifiers = new IntervalNotifierSet();
  readonly mmapLock = new SharedLock('mmap lock');
  /** Failures to inject into faults of the CPU and into moving pages. */
  readonly failures = new FailureInjection();
  readonly moved = new MovedContents(this.contents);
  readonly pins = new PagePins();
  /** Pages that can lie in VRAM; null while no GPU has any for SVM. */
  devices: DeviceMaps | null = null;
  /** Children that share private pages; null while there is none. */
  forks: Forks | null = null;
  /** Whether memory that is not of kind thp may have huge pages. */
  hasHugePages = false;
  /** False after the last user is gone: no reference on the mm's users can be taken any more. */
  hasUsers = true;
  /** Told of every change after it was made; null while nobody wants to know. */
  observer: MemoryObserver | null = null;
  private breakStart = Number.NaN;
  private breakEnd = Number.NaN;
  private stackStart = Number.NEGATIVE_INFINITY;
  private hasHugetlb = false;
  // The VMA found last; the next question is mostly about the same one.
  private recentVma: Vma | undefined = undefined;
  private readonly merge: boolean;

  constructor(options: { vmaMerge?: boolean; budget?: PageBudget } = {}) {
    this.merge = options.vmaMerge ?? true;
    this.pages = new CpuPages(this.contents, options.budget);
  }

  /** The VMA that contains `page`, or undefined. */
  findVma(page: number): Vma | undefined {
    const recent = this.recentVma;
    return recent !== undefined && page >= recent.startPage && page < recent.endPage ? recent : this.searchVma(page);
  }

  private searchVma(page: number): Vma | undefined {
    const vma = this.vmas.floor(page);
    if (vma === undefined || vma.endPage <= page) return undefined;
    this.recentVma = vma;
    return vma;
  }

  /** The first VMA that ends after `page`: the one that contains it or the next one. */
  findVmaFrom(page: number): Vma | undefined {
    return this.findVma(page) ?? this.vmas.higher(page);
  }

  /** vma_is_initial_heap of the kernel, on the heap set by the last mapping of kind heap. */
  isInitialHeap(vma: Vma): boolean {
    return vma.startPage < this.breakEnd && vma.endPage > this.breakStart;
  }

  /** vma_is_initial_stack of the kernel: the stack starts 16 bytes below the end of the last mapping of kind stack. */
  isInitialStack(vma: Vma): boolean {
    // start_stack = 0 until a stack was mapped; a byte inside page p satisfies start <= p and end > p.
    if (this.stackStart < 0) return vma.startPage === 0;
    return vma.startPage <= this.stackStart && vma.endPage > this.stackStart;
  }

  /**
   * Maps exactly the pages `[startPage, endPage)`. No notifier event. Of a file that ends inside, `fileEndPage` is the first
   * page after its end.
   */
  map(startPage: number, endPage: number, protection: number, kind: VmaKind, fileEndPage?: number): number {
    if (endPage <= startPage || endPage > TASK_SIZE_PAGES) return -Errno.EINVAL;
    if (kind === 'hugetlb') {
      if (!isWholeBlocks(startPage, endPage)) return -Errno.EINVAL;
      this.hasHugetlb = true;
    }
    if (startPage === 0) return -Errno.EPERM;
    const next = this.findVmaFrom(startPage);
    if (next !== undefined && next.startPage < endPage) return -Errno.EEXIST;
    this.noteInitial(startPage, endPage, kind);
    const vma = new Vma(startPage, endPage, protection, kind, fileEndPage);
    this.vmas.insert(startPage, vma);
    this.mergeAround(vma);
    this.observer?.memoryChanged('mapped', startPage, endPage);
    return 0;
  }

  /**
   * The VMAs of the pages `[from, to)` become exactly those of `list` (ascending, disjoint, inside), as they are in
   * a process that this one mirrors. No events, pages stay: what vanished or
   * changed was unmapped or reprotected before.
   */
  adopt(list: readonly VmaDescription[], from = 0, to = Number.POSITIVE_INFINITY): void {
    this.recentVma = undefined;
    if (to === Number.POSITIVE_INFINITY) this.vmas.clear();
    else {
      this.splitAt(from);
      this.splitAt(to);
      for (let vma = this.findVmaFrom(from); vma !== undefined && vma.startPage < to; vma = this.findVmaFrom(from))
        this.removeVma(vma);
    }
    for (const { startPage, endPage, protection, kind } of list) {
      this.vmas.insert(startPage, new Vma(startPage, endPage, protection, kind));
      this.noteInitial(startPage, endPage, kind);
    }
  }

  /** munmap: splits, takes the VMAs out, announces UNMAP for the whole argument, drops the pages. */
  unmap(startPage: number, endPage: number): number {
    if (endPage <= startPage) return -Errno.EINVAL;
    const first = this.findVmaFrom(startPage);
    if (first === undefined || first.startPage >= endPage) return 0;
    if (this.hasHugetlb && this.cutsHugetlb(startPage, endPage)) return -Errno.EINVAL;
    if (first.startPage < startPage) this.splitAt(startPage);
    this.splitHugeAt(endPage);
    const from = Math.max(first.startPage, startPage);
    const to = this.takeOut(from, endPage);
    this.notifiers.deliver(NotifierEvent.unmap, startPage, endPage);
    this.drop(from, to, false);
    this.contents.detach(startPage, endPage);
    this.observer?.memoryChanged('unmapped', startPage, endPage);
    return 0;
  }

  /** mprotect: VMA by VMA; a hole ends it with ENOMEM, what came before stays done. */
  protect(startPage: number, endPage: number, protection: number): number {
    let page = startPage;
    while (page < endPage) {
      const vma = this.findVma(page);
      if (vma === undefined) return -Errno.ENOMEM;
      const pieceEnd = Math.min(endPage, vma.endPage);
      if (vma.kind === 'hugetlb' && !isWholeBlocks(page, pieceEnd)) return -Errno.EINVAL;
      if (vma.protection !== protection) {
        this.splitAt(page);
        this.splitAt(pieceEnd);
        const piece = this.findVma(page)!;
        piece.protection = protection;
        this.notifiers.deliver(NotifierEvent.protectionVma, page, pieceEnd);
        if (this.devices !== null && (protection & Protection.write) === 0) protectDevicePages(this, page, pieceEnd);
        this.mergeAround(piece);
        this.observer?.memoryChanged('protected', page, pieceEnd);
      }
      page = pieceEnd;
    }
    return 0;
  }

  /** MADV_DONTNEED: drops the pages; holes are skipped and answered with ENOMEM at the end. */
  discard(startPage: number, endPage: number): number {
    let page = startPage;
    let result = 0;
    while (page < endPage) {
      const vma = this.findVmaFrom(page);
      if (vma === undefined || vma.startPage >= endPage) return -Errno.ENOMEM;
      if (vma.startPage > page) result = -Errno.ENOMEM;
      const from = Math.max(page, vma.startPage);
      const to = Math.min(endPage, vma.endPage);
      if (vma.kind === 'pfnmap' || vma.locked) return -Errno.EINVAL;
      if (vma.kind === 'hugetlb' && !isWholeBlocks(from, to)) return -Errno.EINVAL;
      this.notifiers.deliver(NotifierEvent.clear, from, to);
      this.discardPages(vma, from, to);
      this.observer?.memoryChanged('discarded', from, to);
      page = to;
    }
    return result;
  }

  /** Whether no page is anywhere but in system memory, and no failure is to be injected. */
  get touchesPlainly(): boolean {
    return this.devices === null && this.failures.none && this.forks === null;
  }

  /**
   * The CPU reads or writes one byte in each page of `[startPage, endPage)`; stops at a hole, without permission, after the
   * end of a file (EIO, the SIGBUS of the process), and with ENOMEM at the page limit.
   */
  touch(startPage: number, endPage: number, write: boolean): TouchResult {
    if (!this.touchesPlainly) {
      return runAwake(new CpuAccess(this, startPage, endPage, write).run());
    }
    const needed = write ? Protection.write : Protection.read;
    let page = startPage;
    let fresh = 0;
    while (page < endPage) {
      const vma = this.findVma(page);
      if (vma === undefined) return { result: -Errno.EFAULT, pages: page - startPage, fresh, back: 0 };
      if ((vma.protection & needed) === 0) return { result: -Errno.EACCES, pages: page - startPage, fresh, back: 0 };
      const to = Math.min(endPage, vma.endPage, vma.fileEndPage);
      if (to <= page) return { result: -Errno.EIO, pages: page - startPage, fresh, back: 0 };
      const reached = isIoOrPfnMap(vma) ? to : this.pages.roomFor(page, to);
      if (!isIoOrPfnMap(vma) && reached > page) fresh += this.pages.populate(vma, page, reached, write);
      page = reached;
      if (reached < to) return { result: -Errno.ENOMEM, pages: page - startPage, fresh, back: 0 };
    }
    return { result: 0, pages: page - startPage, fresh, back: 0 };
  }

  /** Exit of the process: RELEASE, then UNMAP of everything, then pages and VMAs are gone. */
  exit(): void {
    this.hasUsers = false;
    this.notifiers.deliver(NotifierEvent.release, 0, PAGE_NUMBER_END);
    this.notifiers.deliver(NotifierEvent.unmap, 0, PAGE_NUMBER_END);
    for (const vma of this.vmas.values()) this.drop(vma.startPage, vma.endPage, false);
    this.vmas.clear();
    this.recentVma = undefined;
    this.contents.detach(0, PAGE_NUMBER_END);
    this.observer?.memoryChanged('unmapped', 0, PAGE_NUMBER_END);
  }

  private noteInitial(startPage: number, endPage: number, kind: VmaKind): void {
    if (kind === 'heap') {
      this.breakStart = startPage;
      this.breakEnd = endPage;
    } else if (kind === 'stack') {
      this.stackStart = endPage - 1;
    }
  }

  /** A mapping like `vma` at the pages `[startPage, endPage)`, which are free; its file lies `distance` pages further on. */
  insertCopy(vma: Vma, startPage: number, endPage: number, distance: number): void {
    const fileEnd = vma.fileEndPage === PAGE_NUMBER_END ? PAGE_NUMBER_END : vma.fileEndPage + distance;
    const copy = new Vma(startPage, endPage, vma.protection, vma.kind, fileEnd);
    copy.locked = vma.locked;
    this.vmas.insert(startPage, copy);
    this.mergeAround(copy);
  }

  /** Whether one end of `[startPage, endPage)` lies inside a huge page of hugetlbfs. */
  private cutsHugetlb(startPage: number, endPage: number): boolean {
    for (const edge of [startPage, endPage]) {
      if (edge % PAGES_PER_BLOCK !== 0 && this.findVma(edge)?.kind === 'hugetlb') return true;
    }
    return false;
  }

  private removeVma(vma: Vma): void {
    this.vmas.remove(vma.startPage, vma);
    if (this.recentVma === vma) this.recentVma = undefined;
  }

  /** No VMA has pages of `[startPage, endPage)` any more, where one begins at `startPage` or later; returns the end of the last that had. */
  private takeOut(startPage: number, endPage: number): number {
    let to = startPage;
    for (let vma = this.findVmaFrom(startPage); vma !== undefined && vma.startPage < endPage;) {
      to = Math.min(vma.endPage, endPage);
      if (vma.endPage > endPage) {
        this.vmas.rekey(vma.startPage, endPage, vma);
        vma.startPage = endPage;
        break;
      }
      this.removeVma(vma);
      vma = this.vmas.higher(vma.startPage);
    }
    return to;
  }

  private drop(from: number, to: number, keepCached: boolean): void {
    if (this.forks !== null) this.forks.leave(from, to);
    if (this.devices !== null) dropDevicePages(this, from, to);
    this.pages.drop(from, to, keepCached);
  }

  private discardPages(vma: Vma, first: number, to: number): void {
    let from = first;
    const keepCached = keepsPagesCached(vma.kind);
    if (vma.kind === 'thp' || this.devices !== null || this.hasHugePages) {
      // A huge block that is covered only in part is split first; the split is announced for the whole block.
      const firstBlock = alignDown(from, PAGES_PER_BLOCK);
      const lastBlock = alignDown(to - 1, PAGES_PER_BLOCK);
      if (from > firstBlock || to < firstBlock + PAGES_PER_BLOCK) this.splitHugeBlock(firstBlock);
      if (lastBlock !== firstBlock) {
        this.drop(from, lastBlock, keepCached);
        from = lastBlock;
        if (to < lastBlock + PAGES_PER_BLOCK) this.splitHugeBlock(lastBlock);
      }
    }
    this.drop(from, to, keepCached);
    if (!keepCached) this.contents.clear(first, to);
  }

  /** The block becomes 512 pages of their own, which is announced; nothing if it is no huge mapping. */
  splitHugeBlock(blockStart: number): void {
    if (!this.pages.isHuge(blockStart)) return;
    this.notifiers.deliver(NotifierEvent.clear, blockStart, blockStart + PAGES_PER_BLOCK);
    this.pages.splitHuge(blockStart);
  }

  /** No huge block goes on over the bound at `page`. */
  private splitHugeAt(page: number): void {
    const blockStart = alignDown(page, PAGES_PER_BLOCK);
    if (blockStart !== page) this.splitHugeBlock(blockStart);
  }

  /** A VMA begins at `page`, if one contains it. */
  splitAt(page: number): void {
    const vma = this.findVma(page);
    if (vma === undefined || vma.startPage === page) return;
    this.splitHugeAt(page);
    const tail = new Vma(page, vma.endPage, vma.protection, vma.kind, vma.fileEndPage);
    tail.locked = vma.locked;
    vma.endPage = page;
    this.vmas.insert(page, tail);
  }

  /** Joins a VMA with its neighbours that are like it. */
  mergeAround(vma: Vma): void {
    if (!this.merge || !mergesWithNeighbours(vma.kind)) return;
    let merged = vma;
    const before = this.vmas.lower(vma.startPage);
    if (before !== undefined && before.endPage === vma.startPage && sameMapping(before, vma)) {
      this.removeVma(vma);
      before.endPage = vma.endPage;
      merged = before;
    }
    const after = this.vmas.higher(merged.startPage);
    if (after !== undefined && after.startPage === merged.endPage && sameMapping(after, merged)) {
      this.removeVma(after);
      merged.endPage = after.endPage;
    }
  }
}

function isWholeBlocks(startPage: number, endPage: number): boolean {
  return startPage % PAGES_PER_BLOCK === 0 && endPage % PAGES_PER_BLOCK === 0;
}

function sameMapping(left: Vma, right: Vma): boolean {
  return left.kind === right.kind && left.protection === right.protection && left.locked === right.locked;
}
