// Models: the SVM fault handler from V5 on - asked once, with the check for buffer objects (spec/revisions §4, §5; spec/05-faults §2-§5).
import { SvmFlag } from '../../lib/uapi/constants.ts';
import type { FaultReason } from '../kernel/effects.ts';
import { runAwake } from '../kernel/sleepable.ts';
import type { Sleepable } from '../kernel/sleepable.ts';
import type { OperationMode, RangeRequest } from '../gpusvm/chunk.ts';
import { evictRange } from '../gpusvm/get-device-pages.ts';
import { Errno } from '../../lib/uapi/errno.ts';
import { isSpecialVma } from '../mm/vma.ts';
import { AttributeInterval, exclusiveEnd } from '../svm/attribute-interval.ts';
import { snapshotRecord } from '../svm/attribute-record.ts';
import type { AttributeRecord } from '../svm/attribute-record.ts';
import { clearPtes, commitRange, lockPageDirectory } from '../svm/commit.ts';
import type { SvmContext } from '../svm/context.ts';
import { dropsStaleFault, logFault, permitsAccess } from '../svm/fault-steps.ts';
import { findOrInsertRange } from '../svm/find-range.ts';
import { removeRange } from '../svm/invalidate.ts';
import { needsVram } from '../svm/migrate-range.ts';
import type { FaultCall } from '../svm/revision.ts';
import type { AmdgpuSvmRange } from '../svm/svm-range.ts';
import { SLEEPING } from '../svm/sleeping.ts';
import { narrowToFreePages, reservePageDirectory } from './buffer-object-check.ts';
import { getRangePages, memoryOf, placePages } from './get-range-pages.ts';

/** A range committed less than this long ago is not looked at again, in ns (Q57). */
// mutant: v7-window
const RECENT_MAPPING_WINDOW = 2_000_000;
// mutant: v7-attempts
const ATTEMPTS = 3;

/** Where the fault handlers of the revisions differ (spec/revisions §5). */
export interface FaultRules {
  /** Result in a context that is being closed: 0 or a negative errno. */
  readonly whileClosing: number;
  /** Errors of the collection of pages after which it is tried again, and which are a 0 in the end. */
  readonly triedAgain: readonly number[];
  /** Errors of the collection of pages that kill the access; every other one is a 0 at once. */
  readonly killing: readonly number[];
}

/** One call of the handler; see `SvmMode`. */
export function handleFault(
  rules: FaultRules,
  context: SvmContext,
  page: number,
  timestamp: number,
  write: boolean,
): number | FaultCall {
  const call = new HandleFault(rules, context, page, timestamp, write);
  const result = call.run();
  return result === SLEEPING ? call : result;
}

/** A call of the handler, resumable where it waits for the svm lock. */
class HandleFault implements FaultCall {
  private readonly rules: FaultRules;
  private readonly context: SvmContext;
  private readonly page: number;
  private readonly timestamp: number;
  private readonly write: boolean;
  private entered = false;
  // What decided the answer, and the error behind it.
  private reason: FaultReason = 'mapped';
  private cause = 0;
  // Attempts left, and a mapping that sleeps.
  private budget = ATTEMPTS;
  private steps: Sleepable<number> | null = null;

  constructor(rules: FaultRules, context: SvmContext, page: number, timestamp: number, write: boolean) {
    this.rules = rules;
    this.context = context;
    this.page = page;
    this.timestamp = timestamp;
    this.write = write;
  }

  /** 0 ("the GPU may retry"), a negative errno ("the access is killed"), or SLEEPING. */
  run(): number {
    const context = this.context;
    if (this.steps !== null) return this.advance(this.steps);
    if (!this.entered) {
      this.entered = true;
      if (context.closing) return this.refuseClosing(); // Q61
      // mutant: v8-stale-filter-off
      if (context.checkpoint !== 0 && dropsStaleFault(context, this.page, this.timestamp))
        return this.answer(0, 'stale');
    }
    context.points.reach('svm-lock');
    // mutant: race-v7-fault-does-not-sleep
    if (context.svmLock.held) return SLEEPING;
    context.svmLock.acquire();
    if (context.vm.context !== context) this.reportFinalised();
    let result: number;
    context.tree.hold();
    try {
      const interval = this.resolve();
      if (typeof interval === 'number') result = interval === RESOLVED_NOTHING ? 0 : interval;
      else if (context.process.devices === null) result = this.leaveToGpu(this.map(interval));
      else return this.advance((this.steps = this.mapWithDevices(interval)));
    } finally {
      if (this.steps === null) this.unlock();
    }
    context.points.reach('svm-unlock');
    return this.answer(result, this.reason);
  }

  /** Goes on with a mapping that may sleep, under the svm lock. */
  private advance(steps: Sleepable<number>): number {
    const step = steps.next();
    if (step.done !== true) return SLEEPING;
    const result = this.leaveToGpu(step.value);
    this.unlock();
    this.context.points.reach('svm-unlock');
    return this.answer(result, this.reason);
  }

  /** The end of what is done under the svm lock, with the interval of the page. */
  private unlock(): void {
    this.context.tree.release();
    this.context.svmLock.release();
  }

  private answer(result: number, reason: FaultReason): number {
    return this.context.endFault(this.page, this.write, result, reason, this.cause);
  }

  private refuseClosing(): number {
    const { whileClosing } = this.rules;
    if (whileClosing !== 0) logFault(this.context, this.page, 1);
    return this.answer(whileClosing, 'closing');
  }

  /** -EAGAIN is left to the GPU: its next fault is let through the filter of duplicates. */
  private leaveToGpu(result: number): number {
    // mutant: race-v7-fault-killed
    if (result !== -Errno.EAGAIN) return result;
    logFault(this.context, this.page, 1);
    this.context.device.counters.filterRemove++;
    return this.because('retry-exhausted', 0, result);
  }

  /** The interval of the page, made from defaults and the VMA if there is none (spec/05-faults §4). */
  private resolve(): AttributeInterval | number {
    const context = this.context;
    const page = this.page;
    const { tree, process, points } = context;
    const found = tree.find(page);
    // The bounds of the hole belong to the same lookup; while nobody can get in behind it, they can wait.
    const early = found === undefined && points.listener !== null ? tree.lookupBounds(page) : undefined;
    points.reach('tree-unlock');
    if (found !== undefined) return found;
    points.reach('mmap-lock');
    process.mmapLock.acquireRead();
    const vma = process.findVma(page);
    let refusal = 0;
    let record: AttributeRecord | undefined;
    let first = 0;
    let last = 0;
    const special = vma !== undefined && isSpecialVma(vma);
    if (vma === undefined) {
      refusal = RESOLVED_NOTHING; // Q54
      this.reason = 'no-vma';
      // The refusal, and that it becomes a 0.
      logFault(this.context, this.page, 2);
    } else if (special) {
      refusal = -Errno.EOPNOTSUPP;
      this.reason = 'vma-refused';
      logFault(this.context, this.page, 1);
    } else {
      // Read under the lock: an event after it may change the VMA.
      record = snapshotRecord(context.defaults);
      // mutant: v8-heap-location
      if (process.isInitialHeap(vma) || process.isInitialStack(vma)) record.preferredLocation = 0;
      first = vma.startPage;
      last = vma.endPage - 1;
    }
    process.mmapLock.releaseRead();
    points.reach('mmap-unlock');
    if (record === undefined) return refusal;
    const bounds = early ?? tree.lookupBounds(page);
    const granule = 1 << context.granularity;
    const granuleStart = Math.floor(page / granule) * granule;
    // mutant: v8-granule-ignored
    first = Math.max(first, granuleStart, bounds.first);
    last = Math.min(last, granuleStart + granule - 1, bounds.last);
    // Only the lowest buffer object is looked at: the page may lie in another one.
    const interrupted = reservePageDirectory(context);
    if (interrupted !== 0) return this.because('reservation-failed', interrupted, interrupted);
    const object = context.vm.bufferObjects.firstIn(first, last);
    // mutant: v7-fault-in-buffer-object
    if (object !== undefined) {
      if (page >= object.startPage && page < object.endPage) {
        logFault(this.context, this.page, 2);
        this.reason = 'buffer-object';
        return RESOLVED_NOTHING;
      }
      first = page;
      last = page;
    }
    const failure = context.failures.take('allocate-interval');
    if (failure !== 0) {
      this.reason = 'no-memory';
      return failure;
    }
    const interval = new AttributeInterval(first, last, record);
    tree.insert(interval); // Q31: not checked again that the pages are still a hole
    context.effects.current?.attributesEdited('faulted-in', first, last, first, last, 0, 0);
    points.reach('tree-unlock');
    return interval;
  }

  /** The mapping procedure with its shared budget of three attempts (spec/05-faults §5). */
  private map(interval: AttributeInterval): number {
    const context = this.context;
    const { now } = context.clock;
    const request = context.faultRequest;
    request.readOnly = (interval.flags & SvmFlag.gpuReadOnly) !== 0;
    while (true) {
      const range = this.findRange(interval, request, now);
      if (typeof range === 'number') return range;
      const collected = getRangePages(context, range, request);
      const answer = this.commit(interval, range, request, collected, false);
      if (answer !== TRY_AGAIN) return answer;
      if (context.revision.repairs['read-only-per-attempt'])
        request.readOnly = (interval.flags & SvmFlag.gpuReadOnly) !== 0;
    }
  }

  /** As `#map`, where pages may lie in VRAM (spec/migration §5). */
  private *mapWithDevices(interval: AttributeInterval): Sleepable<number> {
    const context = this.context;
    const { now } = context.clock;
    const request = context.faultRequest;
    request.readOnly = (interval.flags & SvmFlag.gpuReadOnly) !== 0;
    const toVram = needsVram(context, interval);
    while (true) {
      const range = this.findRange(interval, request, now);
      if (typeof range === 'number') return range;
      const { result, moved } = yield* placePages(context, range, request, toVram);
      // mutant: failed-move-is-0
      if (!moved) return this.because('migration-failed', result, result, 1);
      // mutant: vram-tried-again
      const answer = this.commit(interval, range, request, result, toVram);
      if (answer !== TRY_AGAIN) return answer;
      if (context.revision.repairs['read-only-per-attempt'])
        request.readOnly = (interval.flags & SvmFlag.gpuReadOnly) !== 0;
    }
  }

  /** The range to map, or the answer where there is none. */
  private findRange(interval: AttributeInterval, request: RangeRequest, now: number): AmdgpuSvmRange | number {
    const context = this.context;
    const page = this.page;
    const collected = collectUnmapped(context);
    if (collected !== 0) return this.because('collector-failed', collected, collected, 1);
    if (interval.freed) this.reportFreed(interval);
    // mutant: v8-permission-ignored
    if (!permitsAccess(context, page, this.write)) return this.because('no-permission', -Errno.EPERM, 0, 1);
    const { repairs } = context.revision;
    request.lowPage = interval.first;
    request.highPage = exclusiveEnd(interval);
    if (repairs['keep-off-buffer-objects'] && !narrowToFreePages(context, page, request))
      return this.because('buffer-object', 0, 0, 2);
    if (repairs['split-at-mappings']) removeRangeOverMappings(context, page);
    const range = findOrInsertRange(context, page, request);
    if (typeof range === 'number') return this.withoutRange(range, interval);
    if (now < range.validationTime + RECENT_MAPPING_WINDOW) return this.because('recently-mapped', 0, 0);
    // Also for a write to what is mapped for reading: the GPU never gets on.
    return range.isMappedFor(interval.flags) ? this.because('already-valid', 0, 0) : range;
  }

  /** What becomes of the collection of the pages, which gave `collected`; `once`: it is not tried again. */
  private commit(
    interval: AttributeInterval,
    range: AmdgpuSvmRange,
    mode: OperationMode,
    collected: number,
    once: boolean,
  ): number {
    const context = this.context;
    if (!once && this.rules.triedAgain.includes(collected)) {
      this.budget--;
      // Each attempt; for EOPNOTSUPP the wrapper around the collection has a line too.
      logFault(this.context, this.page, collected === -Errno.EOPNOTSUPP ? 2 : 1);
      // mutant: v8-efault-not-retried
      if (this.budget === 0) return this.because('pages-unavailable', 0, collected); // Q55
      context.effects.current?.faultRetried(this.page, collected, false);
      return TRY_AGAIN;
    }
    if (collected === -Errno.EPERM) return this.because('pages-not-writable', collected, collected, 1);
    if (this.rules.killing.includes(collected)) return this.because('no-memory', collected, collected, 1);
    if (collected !== 0) return this.because('pages-unavailable', 0, collected);
    const flags = context.device.pteFlags.indexFor(interval.flags, mode.readOnly, memoryOf(range));
    const result = commitRange(context, range, flags, interval.flags, false, true);
    // RESET_ATTR does not take the svm lock: it may have come while pages were collected and PTEs written.
    if (interval.freed) this.reportFreed(interval);
    if (result === 0) return this.because('mapped', 0, 0);
    if (result !== -Errno.EAGAIN) return this.because('commit-failed', result, result);
    this.budget--;
    if (this.budget === 0) return result;
    context.effects.current?.faultRetried(this.page, result, false);
    return TRY_AGAIN;
  }

  /** No range was found or made: two errors mean "retry", the others kill the access (spec/05-faults §5 step 3). */
  private withoutRange(error: number, interval: AttributeInterval): number {
    const page = this.page;
    if (error === -Errno.ENOENT) return this.because('no-vma', 0, error, 2);
    if (error === -Errno.EFAULT) return this.because('no-range', 0, error, 2);
    if (error === -Errno.EINVAL && !interval.freed && (page < interval.first || page > interval.last)) {
      this.report(
        'V7-B2',
        'RESET_ATTR trimmed the interval under the fault handler, and no chunk fits its new bounds',
        interval,
      );
    }
    return this.because(error === -Errno.ENOMEM ? 'no-memory' : 'no-range', error, error, 1);
  }

  /** Keeps what decided the answer, which is `result`; `errorLines` are written about it. */
  private because(reason: FaultReason, result: number, cause: number, errorLines = 0): number {
    if (errorLines > 0) logFault(this.context, this.page, errorLines);
    this.reason = reason;
    this.cause = cause;
    return result;
  }

  private reportFreed(interval: AttributeInterval): void {
    this.report('V7-B2', 'the fault handler uses an interval that RESET_ATTR freed', interval);
  }

  private report(quirk: string, detail: string, interval: AttributeInterval): void {
    this.context.effects.current?.hazard(quirk, detail, interval.first, interval.last - interval.first + 1);
  }

  private reportFinalised(): void {
    const what = 'a fault goes on in a context that was finalised before it got the svm lock';
    this.context.effects.current?.hazard('Q10', what, this.page, 1);
  }
}

/** A repaired driver: a range of `page` that lies in several mappings goes. */
function removeRangeOverMappings(context: SvmContext, page: number): void {
  const range = context.framework.findRange(page, page + 1);
  const vma = context.process.findVma(page);
  if (range === undefined || vma === undefined) return;
  if (vma.startPage <= range.startPage && vma.endPage >= range.endPage) return;
  if (range.hasDevicePages) runAwake(evictRange(context.framework, range));
  if (lockPageDirectory(context, false) !== 0) return;
  clearPtes(context, range);
  removeRange(context, range);
  context.vm.pageDirectoryLock.release();
}

/** The collector has its turn first; it looks at its list under a lock of its own. */
function collectUnmapped({ collector, points }: SvmContext): number {
  if (collector.pending > 0) return collector.collect();
  points.reach('work-unlock');
  return 0;
}

/** "Handled" without an interval; distinct from every errno. */
const RESOLVED_NOTHING = 1;
/** The mapping is tried again; distinct from every errno. */
const TRY_AGAIN = 2;
