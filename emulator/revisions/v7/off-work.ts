// Models: the two works of a context without retry faults - collector with rebuild, and restore worker (spec/xnack-off §3 - §6).
import { SvmFlag, SvmLocation } from '../../../lib/uapi/constants.ts';
import { Errno } from '../../../lib/uapi/errno.ts';
import { DelayedWork } from '../../kernel/delayed-work.ts';
import { NotModelledError } from '../../kernel/not-modelled.ts';
import { WorkItem } from '../../kernel/work-queue.ts';
import type { Vma } from '../../mm/vma.ts';
import { RangeState } from '../../gpusvm/range.ts';
import type { AttributeRecord } from '../../svm/attribute-record.ts';
import type { SvmContext } from '../../svm/context.ts';
import type { RestoreStatistics, RestoreWork } from '../../svm/revision.ts';
import { SvmRangeState } from '../../svm/svm-range.ts';
import type { AmdgpuSvmRange } from '../../svm/svm-range.ts';
import { Evictions } from './off-evictions.ts';
import type { OffQueues } from './off-evictions.ts';
import { enqueueUnmapped, forEachAccessible, hasAccess, mapChunks, mapRange } from './off-map.ts';

const RESTORE_DELAY = 1_000_000;
/** Errors after which the restore worker drops a range. */
const PERMANENT: readonly number[] = [Errno.ENOENT, Errno.EFAULT, Errno.EPERM, Errno.EINVAL, Errno.EHWPOISON];
/** Ranges that one run has to take again after which it is taken to last: a real kernel would loop forever. */
const MOST_REPEATS = 1 << 16;
/** Failed attempts of one run that are a busy loop. */
const BUSY_LOOP = 4;
const MOST_WORKS = 64;

function isPermanent(error: number): boolean {
  return PERMANENT.includes(-error);
}

/** Lists and works of one context. */
export class OffWork implements RestoreWork, OffQueues {
  readonly work: WorkItem;
  readonly evictions: Evictions;
  readonly statistics: RestoreStatistics = {
    stops: 0,
    stoppedTime: 0,
    longestStop: 0,
    passes: 0,
    restored: 0,
    dropped: new Map(),
    rebuilds: 0,
  };
  private readonly context: SvmContext;
  private readonly restore: DelayedWork;
  private collectList: AmdgpuSvmRange[] = [];
  private restoreList: AmdgpuSvmRange[] = [];
  // Order of two works that are due at the same time: which was queued first.
  private collectDue = Number.NaN;
  private order = 0;
  private collectOrder = 0;
  private restoreOrder = 0;

  constructor(context: SvmContext) {
    this.context = context;
    this.evictions = new Evictions(context, this.statistics);
    this.work = new WorkItem({ runWork: () => this.collectAll() });
    this.restore = new DelayedWork(context.clock, { runWork: () => this.restoreAll() });
  }

  get pending(): number {
    return this.collectList.length;
  }

  get restorePending(): number {
    return this.restoreList.length;
  }

  get restoreDue(): number | undefined {
    return this.restore.due;
  }

  get evicted(): number {
    return this.evictions.count;
  }

  get quiesced(): boolean {
    return this.evictions.quiesced;
  }

  get nextDue(): number | undefined {
    const restoreDue = this.restore.due;
    if (!this.work.pending) return restoreDue;
    return restoreDue === undefined ? this.collectDue : Math.min(this.collectDue, restoreDue);
  }

  get mustRun(): boolean {
    return this.work.pending || this.restore.pending;
  }

  enqueue(range: AmdgpuSvmRange, firstIndex: number, endIndex: number): void {
    if (this.context.closing || (range.state & SvmRangeState.unmapPending) !== 0) return;
    range.addPending(firstIndex, endIndex, SvmRangeState.unmapPending);
    range.state &= ~SvmRangeState.restorePending;
    // mutant: race-off-collected-while-restored
    if ((range.state & (SvmRangeState.processing | SvmRangeState.queued)) !== 0) return;
    this.leaveRestoreList(range);
    this.toCollector(range);
    this.context.effects.current?.collectionQueued(range.startPage + firstIndex, range.startPage + endIndex - 1);
  }

  /** Queues `range` for the restore worker with its pages of an event, those with the indices `[firstIndex, endIndex)`. */
  enqueueRestore(range: AmdgpuSvmRange, firstIndex: number, endIndex: number): void {
    if (this.context.closing || (range.state & SvmRangeState.unmapPending) !== 0) return;
    range.addPending(firstIndex, endIndex, SvmRangeState.restorePending);
    if ((range.state & (SvmRangeState.restoring | SvmRangeState.processing | SvmRangeState.queued)) !== 0) return;
    this.toRestore(range);
    this.arm();
    this.context.effects.current?.restoreQueued(range.startPage + firstIndex, range.startPage + endIndex - 1);
  }

  /** The restore worker is due from now on; it does not run by that. */
  makeRestoreDue(): void {
    this.restore.modify(0);
    this.restoreOrder = this.order++;
  }

  dequeue(range: AmdgpuSvmRange): void {
    this.leaveRestoreList(range);
    if (range.queued) this.collectList.splice(this.collectList.indexOf(range), 1);
    range.state &= ~(SvmRangeState.queued | SvmRangeState.owned);
    range.clearPending();
  }

  /** Nothing collects under the lock in this mode. */
  collect(): number {
    return 0;
  }

  /** What GET, SET and RESET wait for: also a restore that is not due yet. */
  waitIdle(): void {
    this.work.run();
    this.restore.flush();
    this.work.run();
    this.restore.run();
    this.work.run();
  }

  /** Runs what is due, the earliest first, and what becomes due by that. */
  runDue(): ('gc' | 'restore')[] {
    const ran: ('gc' | 'restore')[] = [];
    while (ran.length < MOST_WORKS) {
      const collects = this.work.pending;
      const restores = this.restore.isDue;
      if (!collects && !restores) break;
      const restoreDue = this.restore.due ?? 0;
      const collectFirst =
        collects &&
        (!restores ||
          this.collectDue < restoreDue ||
          (this.collectDue === restoreDue && this.collectOrder < this.restoreOrder));
      ran.push(collectFirst ? 'gc' : 'restore');
      if (collectFirst) this.work.run();
      else this.restore.run();
    }
    return ran;
  }

  dropQueue(): void {
    for (const range of [...this.collectList, ...this.restoreList]) {
      range.clearPending();
      range.state &= ~(SvmRangeState.queued | SvmRangeState.owned | SvmRangeState.restoring);
    }
    this.collectList = [];
    this.restoreList = [];
    this.restore.cancel();
    this.evictions.count = 0;
    this.evictions.resume();
  }

  private arm(): void {
    // mutant: off-no-worker
    if (!this.restore.queue(RESTORE_DELAY)) return;
    this.restoreOrder = this.order++;
  }

  private leaveRestoreList(range: AmdgpuSvmRange): void {
    if ((range.state & SvmRangeState.restoring) === 0) return;
    this.restoreList.splice(this.restoreList.indexOf(range), 1);
    range.state &= ~SvmRangeState.restoring;
  }

  private toRestore(range: AmdgpuSvmRange): void {
    range.state |= SvmRangeState.restoring;
    this.restoreList.push(range);
  }

  private toCollector(range: AmdgpuSvmRange): void {
    range.state |= SvmRangeState.queued | SvmRangeState.owned;
    // mutant: off-collector-not-queued
    this.collectList.push(range);
    if (this.work.pending) return;
    this.work.queue();
    this.collectDue = this.context.clock.now;
    this.collectOrder = this.order++;
  }

  private restoreAll(): void {
    const { closing, process } = this.context;
    const { evictions } = this;
    const before = evictions.count;
    const { repairs } = this.context.revision;
    if (closing || (before === 0 && !repairs['restore-without-event'])) return;
    if (!process.hasUsers) {
      evictions.count = 0;
      evictions.resume();
      return;
    }
    this.statistics.passes++;
    const failed = this.restoreListed();
    if (this.listsEmpty && !failed) this.work.run();
    const again = failed || !this.listsEmpty || evictions.count !== before;
    if (again) {
      this.arm();
    } else {
      evictions.count = 0;
      evictions.resume();
      if (evictions.quiesced) this.resumeLater(before);
    }
    this.context.effects.current?.restoreEnded(again);
  }

  /** A repaired driver: the queues could not be resumed. */
  private resumeLater(events: number): void {
    this.evictions.count = events;
    this.arm();
  }

  private get listsEmpty(): boolean {
    return this.restoreList.length === 0 && this.collectList.length === 0;
  }

  /** Empties the restore list; says whether a range had to be tried again. */
  private restoreListed(): boolean {
    const { svmLock, tree } = this.context;
    let again = false;
    let failures = 0;
    let repeats = 0;
    const later: AmdgpuSvmRange[] = [];
    const pauses = this.context.revision.repairs['pause-before-retry'];
    for (let range = this.restoreList.shift(); range !== undefined; range = this.restoreList.shift()) {
      const { pendingFirstIndex: firstIndex, pendingEndIndex: endIndex } = range;
      // mutant: race-off-processing-mark-late
      range.state = (range.state & ~SvmRangeState.restoring) | SvmRangeState.processing;
      range.clearPending();
      svmLock.acquire();
      tree.hold();
      if ((range.state & RangeState.inserted) === 0) this.reportRemoved(range);
      const result = this.restoreRange(range);
      tree.release();
      svmLock.release();
      if (result === 0) {
        this.statistics.restored++;
      } else if (isPermanent(result)) {
        this.countDropped(range, result);
      } else {
        if ((range.state & SvmRangeState.unmapPending) === 0)
          range.addPending(firstIndex, endIndex, SvmRangeState.restorePending);
        again = true;
        if (!pauses && ++failures === BUSY_LOOP)
          this.report('X-C3', `${failures} attempts of one run failed without a delay between them`, range);
      }
      range.state &= ~SvmRangeState.processing;
      // mutant: race-off-unmap-lost
      if ((range.state & SvmRangeState.unmapPending) !== 0) this.toCollector(range);
      else if ((range.state & SvmRangeState.restorePending) !== 0) {
        if (++repeats > MOST_REPEATS) throw new NotModelledError('a restore worker that loops forever');
        if (pauses) later.push(range);
        else this.toRestore(range);
      }
    }
    for (const range of later) this.toRestore(range);
    return again || later.length > 0;
  }

  /** A range left the tree, but not the restore list. */
  private reportRemoved(range: AmdgpuSvmRange): void {
    if (range.notifier.rangeCount > 0) this.report('X-D1', 'the worker maps it all the same', range);
    else this.report('X-D2', 'the worker uses the notifier that went with its last range', range);
  }

  private report(quirk: string, detail: string, { startPage, pages }: AmdgpuSvmRange): void {
    this.context.effects.current?.hazard(quirk, detail, startPage, pages);
  }

  private countDropped({ startPage, pages }: AmdgpuSvmRange, result: number): void {
    const { dropped } = this.statistics;
    dropped.set(-result, (dropped.get(-result) ?? 0) + 1);
    this.context.effects.current?.restoreDropped(startPage, pages, result);
  }

  private restoreRange(range: AmdgpuSvmRange): number {
    const interval = this.context.tree.find(range.startPage);
    this.context.points.reach('tree-unlock');
    // mutant: off-restore-nothing
    if (interval === undefined || !hasAccess(interval)) return 0;
    const mode = { readOnly: (interval.flags & SvmFlag.gpuReadOnly) !== 0 };
    const deviceOnly = prefersDevice(interval) && !this.context.revision.repairs['restore-without-device'];
    return mapRange(this.context, range, interval, mode, deviceOnly);
  }

  private collectAll(): void {
    const context = this.context;
    context.device.counters.gcRuns++;
    for (let range = this.collectList.shift(); range !== undefined; range = this.collectList.shift()) {
      range.state = (range.state & ~SvmRangeState.queued) | SvmRangeState.processing;
      context.svmLock.acquire();
      context.effects.current?.collecting(range.startPage, range.pages, range.pendingFirst, range.pendingLast);
      range.clearPending();
      if (!context.framework.removeRange(range)) this.report('Q44', 'a range was removed twice', range);
      range.state &= ~(SvmRangeState.processing | SvmRangeState.owned);
      context.effects.current?.collected(range.startPage, range.pages, 0);
      // mutant: off-no-rebuild
      if ((range.state & RangeState.partiallyUnmapped) !== 0) this.rebuild(range.startPage, range.endPage);
      context.svmLock.release();
    }
    if (this.evictions.count !== 0) this.arm();
  }

  /** Maps again what is left of the pages `[startPage, endPage)` of a range that was partly unmapped. */
  private rebuild(startPage: number, endPage: number): void {
    const context = this.context;
    const { process } = context;
    this.statistics.rebuilds++;
    let transient = !process.hasUsers;
    if (!transient) {
      forEachAccessible(context, startPage, endPage, (interval, from, to) => {
        for (let page = from; page < to;) {
          const vma = this.vmaFrom(page);
          if (vma === undefined || vma.startPage >= to) return;
          const first = Math.max(page, vma.startPage);
          // mutant: off-rebuild-skips
          page = Math.min(to, vma.endPage);
          const result = mapChunks(context, interval, first, page);
          if (result !== 0 && !isPermanent(result)) transient = true;
        }
      });
    }
    if (transient) enqueueUnmapped(context, this, startPage, endPage);
  }

  /** The VMA of `page`, or the next one. It is only looked at: the lock is given back before pages are mapped. */
  private vmaFrom(page: number): Vma | undefined {
    const { process, points } = this.context;
    points.reach('mmap-lock');
    process.mmapLock.acquireRead();
    const vma = process.findVmaFrom(page);
    process.mmapLock.releaseRead();
    points.reach('mmap-unlock');
    return vma;
  }
}

/** Whether restoring takes pages in device memory only, which there are none of without migration. */
function prefersDevice({ preferredLocation, prefetchLocation }: AttributeRecord): boolean {
  const undefinedLocation = SvmLocation.undefined | 0;
  const isDevice = (location: number): boolean => location !== undefinedLocation && location !== SvmLocation.system;
  // mutant: off-device-restored
  if (isDevice(preferredLocation)) return true;
  return preferredLocation !== SvmLocation.system && isDevice(prefetchLocation);
}
