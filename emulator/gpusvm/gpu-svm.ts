// Models: struct drm_gpusvm - find or insert, lookup, removal, finalisation (spec/03-gpu-ranges §A.5, §A.6, §A.11, §A.14, §A.15).
import { Errno } from '../../lib/uapi/errno.ts';
import type { EffectHub } from '../kernel/effect-hub.ts';
import type { FailureInjection } from '../kernel/failures.ts';
import { SharedLock } from '../kernel/lock.ts';
import { OrderedMap } from '../kernel/ordered-map.ts';
import type { PreemptionPoints } from '../kernel/preemption.ts';
import type { AddressSpace } from '../mm/address-space.ts';
import { arePagesPresent } from '../mm/device-hmm.ts';
import { PAGES_PER_BLOCK } from '../kernel/page-number.ts';
import { isAnonymous, isIoOrPfnMap, Protection } from '../mm/vma.ts';
import { chooseChunk } from './chunk.ts';
import type { OtherRanges, RangeRequest } from './chunk.ts';
import { GpuNotifier, NOTIFIER_PAGES } from './notifier.ts';
import type { NotifierOwner } from './notifier.ts';
import { forgetPages } from './pages.ts';
import { RangeState } from './range.ts';
import type { GpuRange } from './range.ts';

/** With VRAM, chunks of up to 64 KiB are made only where the CPU has all pages. */
const CHECKED_PAGES = 16;

const NO_RANGES: readonly never[] = [];
const { EFAULT, EINVAL, EIO, ENOENT, EPERM } = Errno;
const { write: writable } = Protection;
const { dmaMapped, inserted, migrates } = RangeState;
const INSERTED_AND_MIGRATES = inserted | migrates;

/** What the framework needs of its surroundings. */
export interface GpuSvmDependencies {
  readonly process: AddressSpace;
  readonly effects: EffectHub;
  readonly points: PreemptionPoints;
  readonly failures: FailureInjection;
  /** Counter of DMA-mapped pages and of HMM calls. */
  readonly counters: { dmaPages: number; hmm: number };
  readonly clock: { readonly now: number };
  /** The VRAM that ranges can be moved to; null: none. */
  readonly deviceMemory: { readonly gpu: number; readonly owner: object } | null;
}

/** What the driver gives the framework at its initialisation. Methods, not functions: V8 puts those into the fault handler. */
export interface RangeDriver<R extends GpuRange> extends NotifierOwner {
  /** Pages of the mirrored interval, which starts at 0. */
  readonly mirroredPages: number;
  /** A new range whose state is `state`. */
  allocateRange(blockNumber: number, indexInBlock: number, pages: number, notifier: GpuNotifier, state: number): R;
}

/** The framework object of one SVM context. */
export class GpuSvm<R extends GpuRange> implements OtherRanges {
  readonly surroundings: GpuSvmDependencies;
  readonly notifierLock = new SharedLock('notifier lock');
  /** Notifiers by number of their window, and in address order. */
  readonly notifiers = new OrderedMap<GpuNotifier>();
  /** Ranges of all notifiers in address order; a range never crosses a window. */
  readonly ranges = new OrderedMap<R>();
  private readonly windows = new Map<number, GpuNotifier>();
  // The notifier found last; it is in `windows`.
  private recentNotifier: GpuNotifier | undefined = undefined;
  // The range found last, which is in `ranges`: an eviction asks for each page.
  private recentRange: R | undefined = undefined;
  // Free pages around the fault at hand, as bounds [from, to), while a chunk is chosen.
  private freeFrom = Number.NaN;
  private freeTo = Number.NaN;
  // A chunk of more than one page, and of at most so many, is to be present as a whole.
  private presentUpTo = 0;
  private readonly driver: RangeDriver<R>;

  constructor(surroundings: GpuSvmDependencies, driver: RangeDriver<R>) {
    this.surroundings = surroundings;
    this.driver = driver;
  }

  /** The first range that intersects `[startPage, endPage)`, or undefined. */
  findRange(startPage: number, endPage: number): R | undefined {
    const recent = this.recentRange;
    if (recent !== undefined && startPage >= recent.startPage && startPage < recent.endPage) return recent;
    const before = this.ranges.floor(startPage);
    if (before !== undefined && before.endPage > startPage) return (this.recentRange = before);
    const after = this.ranges.higher(startPage);
    return after !== undefined && after.startPage < endPage ? after : undefined;
  }

  /** The ranges that intersect `[startPage, endPage)`, in address order; whoever removes some of them has the others still. */
  rangesIn(startPage: number, endPage: number): readonly R[] {
    const first = this.findRange(startPage, endPage);
    if (first === undefined || first.startPage >= endPage) return NO_RANGES;
    return first.endPage >= endPage ? [first] : this.ranges.between(first.startPage, endPage);
  }

  /** The range after `range`, if it begins before `endPage`; `nextOther` goes on from there. None may be made or removed meanwhile. */
  otherIn(range: R, endPage: number): R | undefined {
    return range.endPage >= endPage ? undefined : this.ranges.seek(range.endPage, endPage);
  }

  /** The range after the one that `otherIn` or `nextOther` gave last, if it begins before that end. */
  nextOther(): R | undefined {
    return this.ranges.next();
  }

  /** The range after `range` in address order, if it may begin before `endPage`; its own removal does not matter. */
  rangeAfter(range: R, endPage: number = Number.POSITIVE_INFINITY): R | undefined {
    return range.endPage >= endPage ? undefined : this.ranges.higher(range.startPage);
  }

  /**
   * The range that contains `page`, made if there is none (A.6). `presentOnly`: one of
   * more than one page is made only where the CPU has all pages. Returns the range
   * or a negative errno.
   */
  findOrInsert(page: number, request: RangeRequest, presentOnly = false): R | number {
    const { deviceMemory } = this.surroundings;
    this.presentUpTo = presentOnly ? PAGES_PER_BLOCK : deviceMemory === null ? 0 : CHECKED_PAGES;
    const { process, points } = this.surroundings;
    // mutant: bound-check-at-end
    if (page > this.driver.mirroredPages) return -EINVAL; // Q59: greater than, not at least
    if (!process.hasUsers) return -EFAULT;
    const known = this.findNotifier(page);
    const notifier = known ?? this.makeNotifier(page);
    if (typeof notifier === 'number') return notifier;
    const isNew = known === undefined;
    points.reach('mmap-lock');
    process.mmapLock.acquireRead();
    const found = this.findOrInsertLocked(page, request, notifier, isNew);
    process.mmapLock.releaseRead();
    points.reach('mmap-unlock');
    // mutant: unused-notifier-stays
    if (isNew && typeof found === 'number') this.unregister(notifier);
    return found;
  }

  /** A registered notifier, which the framework's own set does not have yet, or a negative errno. */
  private makeNotifier(page: number): GpuNotifier | number {
    const { process, effects, failures } = this.surroundings;
    const failure = failures.take('allocate-notifier');
    if (failure !== 0) return failure;
    const refused = failures.none ? 0 : refuseNotifier(process, failures);
    if (refused !== 0) return refused;
    const notifier = new GpuNotifier(Math.floor(page / NOTIFIER_PAGES), this.driver);
    process.notifiers.insert(notifier);
    effects.current?.notifierInserted(notifier.startPage, NOTIFIER_PAGES);
    return notifier;
  }

  private findOrInsertLocked(page: number, request: RangeRequest, notifier: GpuNotifier, isNew: boolean): R | number {
    const { process, effects, failures } = this.surroundings;
    const vma = process.findVma(page);
    if (vma === undefined) return -ENOENT;
    // mutant: read-only-vma-errno
    if (!request.readOnly && (vma.protection & writable) === 0) return -EPERM;
    // mutant: io-errno
    if (isIoOrPfnMap(vma)) return -EIO;
    const freeTo = this.ranges.seekAfter(page);
    const before = this.ranges.beforeSeek;
    const freeFrom = before === undefined ? 0 : before.startPage + before.pages;
    if (freeFrom > page) return before!;
    this.freeFrom = freeFrom;
    this.freeTo = freeTo;
    const pages = chooseChunk(page, vma.startPage, vma.endPage, request, this);
    if (pages === 0) return -EINVAL;
    const failure = failures.take('allocate-range');
    if (failure !== 0) return failure;
    const blockNumber = Math.floor(page / PAGES_PER_BLOCK);
    const indexInBlock = (page - blockNumber * PAGES_PER_BLOCK) & -pages;
    const canMigrate = this.surroundings.deviceMemory !== null && isAnonymous(vma.kind);
    const state = canMigrate ? INSERTED_AND_MIGRATES : inserted;
    const range = this.driver.allocateRange(blockNumber, indexInBlock, pages, notifier, state);
    // With VRAM others may have come in since: the look at the CPU's pages ends with a preemption point.
    const startPage = blockNumber * PAGES_PER_BLOCK + indexInBlock;
    if (this.surroundings.deviceMemory === null) this.ranges.insertHere(startPage, range);
    else this.ranges.insert(startPage, range);
    notifier.rangeCount++;
    effects.current?.rangeInserted(startPage, pages);
    if (isNew) {
      this.windows.set(notifier.startPage / NOTIFIER_PAGES, notifier);
      this.notifiers.insert(notifier.startPage, notifier);
    }
    return range;
  }

  /** Of the fault at hand: chunks contain its page, so only its two neighbours can be in the way. */
  isTaken(startPage: number, pages: number): boolean {
    if (startPage < this.freeFrom || startPage + pages > this.freeTo) return true;
    return pages <= this.presentUpTo && pages > 1 && !this.isPresent(startPage, pages);
  }

  /** drm_gpusvm_check_pages: a range fault that asks for no page. */
  private isPresent(startPage: number, pages: number): boolean {
    const { counters, failures, process, deviceMemory, points } = this.surroundings;
    if (failures.take('allocate-frame-list') !== 0) return false;
    counters.hmm++;
    if (failures.take('hmm-range-fault') !== 0) return false;
    if (process.devices !== null) {
      const present = arePagesPresent(process, startPage, startPage + pages, deviceMemory?.owner ?? null);
      points.reach('hmm');
      return present;
    }
    for (let page = startPage; page < startPage + pages; page++) {
      if (process.pages.marksOf(page) === 0) return false;
    }
    return true;
  }

  private findNotifier(page: number): GpuNotifier | undefined {
    const recent = this.recentNotifier;
    if (recent !== undefined && page >= recent.startPage && page < recent.endPage) return recent;
    return (this.recentNotifier = this.windows.get(Math.floor(page / NOTIFIER_PAGES)));
  }

  /**
   * Takes a range out (A.11): DMA-unmaps it and, if it was the last one, its
   * notifier goes too. PTEs are not touched. False if the range is not in its
   * notifier any more - a second removal, memory corruption on a real kernel.
   */
  removeRange(range: R): boolean {
    const { effects } = this.surroundings;
    if ((range.state & inserted) === 0) return false;
    this.notifierLock.acquireRead();
    this.unmapPages(range);
    // Mostly it is, and its key, a number in a box, need not be made.
    if (!this.ranges.removeFirst(range)) this.ranges.remove(range.startPage, range);
    if (this.recentRange === range) this.recentRange = undefined;
    range.state &= ~inserted;
    effects.current?.rangeRemoved(range.startPage, range.pages);
    this.notifierLock.releaseRead();
    const { notifier } = range;
    notifier.rangeCount--;
    if (notifier.rangeCount === 0) this.removeNotifier(notifier);
    return true;
  }

  /** The last range of a notifier has gone. */
  private removeNotifier(notifier: GpuNotifier): void {
    // Finalisation has unregistered it already.
    // mutant: last-range-keeps-notifier
    if (this.forget(notifier)) this.unregister(notifier);
    this.notifiers.remove(notifier.startPage, notifier);
  }

  /** Drops the DMA mapping of a whole range, if it has one (A.10); the notifier lock must be held. */
  unmapPages(range: R): void {
    if ((range.state & dmaMapped) === 0) return;
    const inVram = range.hasDevicePages;
    forgetPages(range);
    // VRAM needs no DMA mapping.
    if (inVram) return;
    const { counters, effects } = this.surroundings;
    counters.dmaPages -= range.pages;
    effects.current?.dmaUnmapped(range.startPage, range.pages);
  }

  /** Unregisters every notifier and removes its ranges, in ascending order (A.15). */
  finalise(): void {
    let notifier = this.notifiers.first();
    while (notifier !== undefined) {
      this.unregister(notifier);
      this.forget(notifier);
      let range = this.findRange(notifier.startPage, notifier.endPage);
      while (range !== undefined) {
        this.removeRange(range);
        range = this.findRange(notifier.startPage, notifier.endPage);
      }
      notifier = this.notifiers.first();
    }
  }

  private forget(notifier: GpuNotifier): boolean {
    this.recentNotifier = undefined;
    return this.windows.delete(notifier.startPage / NOTIFIER_PAGES);
  }

  private unregister(notifier: GpuNotifier): void {
    this.surroundings.process.notifiers.remove(notifier);
    this.surroundings.effects.current?.notifierRemoved(notifier.startPage, NOTIFIER_PAGES);
  }
}

/** What makes the insertion of a notifier fail: 0, or a negative errno. */
function refuseNotifier({ notifiers }: AddressSpace, failures: FailureInjection): number {
  const failure = failures.take('insert-notifier');
  if (failure !== 0 || notifiers.hasSubscriptions) return failure;
  return failures.take('allocate-subscriptions');
}
