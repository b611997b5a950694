// Models: the SVM fault handler (spec/05-faults §2-§6).
import { SvmFlag } from '../../../lib/uapi/constants.ts';
import type { FaultReason } from '../../kernel/effects.ts';
import { Errno } from '../../../lib/uapi/errno.ts';
import { isSpecialVma } from '../../mm/vma.ts';
import { PteMemory } from '../../gpu/pte-format.ts';
import { getPages } from '../../gpusvm/get-pages.ts';
import { AttributeInterval, exclusiveEnd } from '../../svm/attribute-interval.ts';
import { snapshotRecord } from '../../svm/attribute-record.ts';
import type { AttributeRecord } from '../../svm/attribute-record.ts';
import { commitRange } from '../../svm/commit.ts';
import type { SvmContext } from '../../svm/context.ts';
import { dropsStaleFault, logFault, permitsAccess } from '../../svm/fault-steps.ts';
import { findOrInsertRange } from '../../svm/find-range.ts';
import type { FaultCall } from '../../svm/revision.ts';
import { SLEEPING } from '../../svm/sleeping.ts';

const { EAGAIN, EFAULT, EINVAL, ENOENT, ENOMEM, EOPNOTSUPP, EPERM } = Errno;
const { gpuReadOnly } = SvmFlag;
const { system } = PteMemory;

/** A range committed less than this long ago is not looked at again, in ns (Q57). */
// mutant: window-of-1-ms
const RECENT_MAPPING_WINDOW = 2_000_000;
// mutant: attempts
const ATTEMPTS = 3;
// The modelled loop has no limit (Q58). Nothing may hang here, so an endless one is reported by name.
const MOST_RESTARTS = 100_000;

/** "Handled" without an interval; distinct from every errno. */
const RESOLVED_NOTHING = 1;

/** Thrown when the handler loops forever because its range is invalidated again and again (Q58). */
export class FaultLivelockError extends Error {
  readonly code = 'ERR_SVM_LIVELOCK';
  readonly quirk = 'Q58';
  constructor(page: number) {
    super(
      `Q58: the fault handler restarted ${MOST_RESTARTS} times for page 0x${page.toString(16)}; a kernel would loop forever`,
    );
    this.name = 'FaultLivelockError';
  }
}

/**
 * One call of the handler: 0 ("the GPU may retry"), a negative errno ("the access is killed"), or the call that waits for the svm lock.
 * Functions, since an object for each call takes a twentieth of the time of a small fault; what decided the answer is noted in the context, after
 * the last point at which somebody else can come in.
 */
export function handleFault(context: SvmContext, page: number, timestamp: number, write: boolean): number | FaultCall {
  // mutant: closing-served
  if (context.closing) return refuseClosing(context, page, write); // Q61
  // mutant: stale-filter-off
  if (context.checkpoint !== 0 && dropsStaleFault(context, page, timestamp))
    return context.endFault(page, write, 0, 'stale', 0);
  context.points.reach('closing-checked');
  const result = handleLocked(context, page, write);
  return result === SLEEPING ? new WaitingFault(context, page, write) : result;
}

/** A call that waits for the svm lock. */
class WaitingFault implements FaultCall {
  private readonly context: SvmContext;
  private readonly page: number;
  private readonly write: boolean;

  constructor(context: SvmContext, page: number, write: boolean) {
    this.context = context;
    this.page = page;
    this.write = write;
  }

  run(): number {
    return handleLocked(this.context, this.page, this.write);
  }
}

/** What is done under the svm lock: 0, a negative errno, or SLEEPING while somebody has it. */
function handleLocked(context: SvmContext, page: number, write: boolean): number {
  // mutant: race-fault-does-not-sleep
  if (context.svmLock.held) return SLEEPING;
  context.svmLock.acquire();
  if (context.vm.context !== context) reportFinalised(context, page);
  let result: number;
  context.tree.hold();
  try {
    result = resolveAndMap(context, page, write);
  } finally {
    context.tree.release();
    context.svmLock.release();
  }
  return context.endFault(page, write, result, context.lastFault.reason, context.lastFault.cause);
}

function refuseClosing(context: SvmContext, page: number, write: boolean): number {
  logFault(context, page, 1);
  return context.endFault(page, write, -EAGAIN, 'closing', 0);
}

function resolveAndMap(context: SvmContext, page: number, write: boolean): number {
  for (let restart = 0; restart < MOST_RESTARTS; restart++) {
    const interval = resolve(context, page);
    if (typeof interval === 'number') return interval === RESOLVED_NOTHING ? 0 : interval;
    const result = map(context, page, write, interval);
    // mutant: race-fault-not-restarted
    if (result !== -EAGAIN) return result;
    logFault(context, page, 1);
    context.device.counters.filterRemove++;
    context.effects.current?.faultRetried(page, result, true);
  }
  throw new FaultLivelockError(page);
}

/** The interval of the page, made from defaults and the VMA if there is none (spec/05-faults §4). */
function resolve(context: SvmContext, page: number): AttributeInterval | number {
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
  let reason: FaultReason = 'mapped';
  let record: AttributeRecord | undefined;
  let first = 0;
  let last = 0;
  // mutant: special-vma-served
  const special = vma !== undefined && isSpecialVma(vma);
  if (vma === undefined) {
    // mutant: no-vma-killed
    refusal = RESOLVED_NOTHING; // Q54
    reason = 'no-vma';
    // The refusal, and that it becomes a 0.
    logFault(context, page, 2);
  } else if (special) {
    refusal = -EOPNOTSUPP;
    reason = 'vma-refused';
    logFault(context, page, 1);
  } else {
    // Read under the lock: an event after it may change the VMA.
    record = snapshotRecord(context.defaults);
    // mutant: stack-location
    if (process.isInitialHeap(vma) || process.isInitialStack(vma)) record.preferredLocation = 0;
    first = vma.startPage;
    last = vma.endPage - 1;
  }
  process.mmapLock.releaseRead();
  points.reach('mmap-unlock');
  if (record === undefined) return because(context, page, reason, refusal, 0);
  const bounds = early ?? tree.lookupBounds(page);
  const granule = 1 << context.granularity;
  const granuleStart = Math.floor(page / granule) * granule;
  // mutant: granule-ignored
  first = Math.max(first, granuleStart, bounds.first);
  last = Math.min(last, granuleStart + granule - 1, bounds.last);
  const failure = context.failures.take('allocate-interval');
  if (failure !== 0) return because(context, page, 'no-memory', failure, 0);
  const interval = new AttributeInterval(first, last, record);
  tree.insert(interval); // Q31: not checked again that the pages are still a hole
  context.effects.current?.attributesEdited('faulted-in', first, last, first, last, 0, 0);
  points.reach('tree-unlock');
  return interval;
}

/** The mapping procedure with its shared budget of three attempts (spec/05-faults §5). */
function map(context: SvmContext, page: number, write: boolean, interval: AttributeInterval): number {
  const now = context.clock.now;
  const request = context.faultRequest;
  request.readOnly = (interval.flags & gpuReadOnly) !== 0;
  let budget = ATTEMPTS;
  while (true) {
    // mutant: fault-does-not-collect
    const collected = context.collector.collect();
    if (collected !== 0) return because(context, page, 'collector-failed', collected, collected, 1);
    if (interval.freed) reportFreed(context, interval);
    if (!permitsAccess(context, page, write)) return because(context, page, 'no-permission', -EPERM, 0, 1);
    request.lowPage = interval.first;
    request.highPage = exclusiveEnd(interval);
    const range = findOrInsertRange(context, page, request);
    if (typeof range === 'number') return withoutRange(context, page, range, interval);
    // mutant: window-edge
    if (now < range.validationTime + RECENT_MAPPING_WINDOW) return because(context, page, 'recently-mapped', 0, 0);
    const flags = context.device.pteFlags.indexFor(interval.flags, request.readOnly, system);
    if (!(write && request.readOnly) && range.isFullyValid(flags, interval.flags))
      return because(context, page, 'already-valid', 0, 0);
    let result = getPages(context.framework, range, request.readOnly);
    if (result === -EOPNOTSUPP || result === -EFAULT) {
      budget--;
      // Each attempt; for EOPNOTSUPP the wrapper around the collection has a line too.
      logFault(context, page, result === -EOPNOTSUPP ? 2 : 1);
      // mutant: collection-error-killed
      if (budget === 0) return because(context, page, 'pages-unavailable', 0, result); // Q55
      context.effects.current?.faultRetried(page, result, false);
      continue;
    }
    if (result === -EPERM) return because(context, page, 'pages-not-writable', result, result, 1);
    if (result !== 0) return because(context, page, 'pages-unavailable', 0, result);
    result = commitRange(context, range, flags, interval.flags, false);
    if (result === 0) return because(context, page, 'mapped', 0, 0);
    // mutant: commit-eagain-killed
    if (result !== -EAGAIN) return because(context, page, 'commit-failed', result, result);
    budget--;
    if (budget === 0) return result;
    context.effects.current?.faultRetried(page, result, false);
  }
}

/** No range was found or made: two errors mean "retry", the others kill the access (spec/05-faults §5 step 3). */
function withoutRange(context: SvmContext, page: number, error: number, interval: AttributeInterval): number {
  if (error === -ENOENT) return because(context, page, 'no-vma', 0, error, 2);
  if (error === -EFAULT) return because(context, page, 'no-range', 0, error, 2);
  if (error === -EINVAL && !interval.freed && (page < interval.first || page > interval.last)) {
    report(
      context,
      'Q33',
      'the attribute interval was trimmed under the fault handler, and no chunk fits its new bounds',
      interval,
    );
  }
  return because(context, page, error === -ENOMEM ? 'no-memory' : 'no-range', error, error, 1);
}

function reportFreed(context: SvmContext, interval: AttributeInterval): void {
  report(context, 'Q32', 'the fault handler uses an interval that the collector freed', interval);
}

function report(context: SvmContext, quirk: string, detail: string, interval: AttributeInterval): void {
  context.effects.current?.hazard(quirk, detail, interval.first, interval.last - interval.first + 1);
}

function reportFinalised(context: SvmContext, page: number): void {
  const what = 'a fault goes on in a context that was finalised before it got the svm lock';
  context.effects.current?.hazard('Q10', what, page, 1);
}

/** Notes what decided the answer, which is `result`; `errorLines` are written about it. */
function because(
  context: SvmContext,
  page: number,
  reason: FaultReason,
  result: number,
  cause: number,
  errorLines = 0,
): number {
  if (errorLines > 0) logFault(context, page, errorLines);
  const { lastFault } = context;
  lastFault.reason = reason;
  lastFault.cause = cause;
  return result;
}
