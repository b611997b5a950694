// Models: nothing - a revision as it would be with some of its defects repaired.
//
// What a repair replaces as a whole is chosen here, once for a machine; where it is a decision in the middle of
// modelled code, that asks `revision.repairs`, never where a posted driver has a hot path.
import { SvmFlag, SvmOperation } from '../../lib/uapi/constants.ts';
import { Errno } from '../../lib/uapi/errno.ts';
import type { SvmArguments } from '../../lib/uapi/call.ts';
import type { KernelRevision, SvmContext, SvmIoctlCall, SvmMode } from '../svm/context.ts';
import { logFault } from '../svm/fault-steps.ts';
import { GarbageCollector } from '../svm/garbage-collector.ts';
import { clearWholeRanges, invalidateWholeRanges, splitInvalidate } from '../svm/invalidate.ts';
import { repairsOf } from '../svm/repairs.ts';
import type { RepairId, Repairs } from '../svm/repairs.ts';
import type { FaultCall, UserMemory } from '../svm/revision.ts';
import { SLEEPING } from '../svm/sleeping.ts';
import type { AmdgpuSvmRange } from '../svm/svm-range.ts';
import { ATTRIBUTE_BYTES } from '../svm/attribute-copy.ts';
import { clearingWholeRanges, WITHOUT_RETRY_FAULTS } from './v7/off-mode.ts';

/** `revision` with the repairs `ids`. */
export function repaired(revision: KernelRevision, ids: readonly RepairId[]): KernelRevision {
  const repairs = repairsOf(ids);
  const modes = new Map<SvmMode, SvmMode>();
  const modeOf = (mode: SvmMode): SvmMode => {
    const known = modes.get(mode);
    if (known !== undefined) return known;
    const made = mode === WITHOUT_RETRY_FAULTS ? repairedOffMode(mode, repairs) : repairedMode(mode, repairs);
    modes.set(mode, made);
    return made;
  };
  return {
    ...revision,
    repairs,
    dequeuesRemovedRanges: revision.dequeuesRemovedRanges || repairs['dequeue-removed-ranges'],
    modeFor: (device) => {
      const mode = revision.modeFor(device);
      return mode === null ? null : modeOf(mode);
    },
    createIoctl: repairs['zap-on-flag-change'] ? () => new ClearingIoctl(revision.createIoctl()) : revision.createIoctl,
  };
}

function repairedOffMode(mode: SvmMode, repairs: Repairs): SvmMode {
  const posted = repairs['zap-whole-ranges'] ? clearingWholeRanges(mode) : mode;
  return { ...posted, invalidate: invalidateOf(posted.invalidate, repairs) };
}

/** `invalidate`, also in a context that closes. */
function invalidateOf(invalidate: SvmMode['invalidate'], repairs: Repairs): SvmMode['invalidate'] {
  if (!repairs['invalidate-while-closing']) return invalidate;
  return (context, notifier, event, startPage, endPage) => {
    invalidate(context, notifier, event, startPage, endPage);
    if (context.closing) clearWholeRanges(context, notifier, startPage, endPage);
  };
}

function repairedMode(mode: SvmMode, repairs: Repairs): SvmMode {
  const flushes = repairs['flush-fault-commits'];
  const refuses = repairs['refuse-forbidden-writes'];
  return {
    ...mode,
    createCollector: repairs['collect-once'] ? (context) => new CollectingOnce(context) : mode.createCollector,
    handleFault:
      flushes || refuses
        ? (context, page, timestamp, write) => handleFault(mode, context, page, timestamp, write)
        : mode.handleFault,
    invalidate: invalidateOf(repairs['zap-whole-ranges'] ? invalidateWholeRanges : mode.invalidate, repairs),
  };
}

/** What an event queues again while it is collected needs no second collection. */
class CollectingOnce extends GarbageCollector {
  protected override queuedAgain(range: AmdgpuSvmRange): void {
    this.dequeue(range);
  }
}

/** The posted handler, with what comes before and after it. */
function handleFault(
  mode: SvmMode,
  context: SvmContext,
  page: number,
  timestamp: number,
  write: boolean,
): number | FaultCall {
  const mapped = context.device.counters.mapCalls;
  if (refusesFault(context, page, write)) return refuseFault(context, page, write);
  const result = mode.handleFault(context, page, timestamp, write);
  if (typeof result !== 'number') return new WaitingFault(result, context, page, write, mapped);
  flushAfter(context, mapped);
  return result;
}

/** A call of the posted handler that waits for a lock. */
class WaitingFault implements FaultCall {
  private readonly posted: FaultCall;
  private readonly context: SvmContext;
  private readonly page: number;
  private readonly write: boolean;
  private readonly mapped: number;

  constructor(posted: FaultCall, context: SvmContext, page: number, write: boolean, mapped: number) {
    this.posted = posted;
    this.context = context;
    this.page = page;
    this.write = write;
    this.mapped = mapped;
  }

  run(): number {
    if (refusesFault(this.context, this.page, this.write)) return refuseFault(this.context, this.page, this.write);
    const result = this.posted.run();
    if (result !== SLEEPING) flushAfter(this.context, this.mapped);
    return result;
  }
}

/** Whether the attributes keep the GPU from writing there, and the driver looks. */
function refusesFault(context: SvmContext, page: number, write: boolean): boolean {
  if (!write || !context.revision.repairs['refuse-forbidden-writes']) return false;
  const interval = context.tree.find(page);
  return interval !== undefined && (interval.flags & SvmFlag.gpuReadOnly) !== 0;
}

function refuseFault(context: SvmContext, page: number, write: boolean): number {
  logFault(context, page, 1);
  return context.endFault(page, write, -Errno.EPERM, 'no-permission', 0);
}

/** The TLB is flushed if PTEs were written since `mapCalls` was `mapped`. */
function flushAfter(context: SvmContext, mapped: number): void {
  if (context.revision.repairs['flush-fault-commits'] && context.device.counters.mapCalls !== mapped)
    context.flushTlb();
}

/** Types of the flags that PTEs hold: coherent, extCoherent, gpuReadOnly and gpuExecutable. */
const PTE_FLAG_TYPES: readonly number[] = [5, 6, 8, 9];
const PAGES_HIGH = 0x10_0000;

/** The posted handler; after a SET_ATTR of flags that PTEs hold these are cleared. */
class ClearingIoctl implements SvmIoctlCall {
  private readonly posted: SvmIoctlCall;
  private context: SvmContext | null = null;
  private first = Number.NaN;
  private pages = Number.NaN;
  private clears = false;
  private isPosted = false;

  constructor(posted: SvmIoctlCall) {
    this.posted = posted;
  }

  begin(context: SvmContext | number, args: SvmArguments, memory: UserMemory | 'bad' | null): number {
    this.first = args.startHigh * PAGES_HIGH + (args.startLow >>> 12);
    this.pages = args.sizeHigh * PAGES_HIGH + (args.sizeLow >>> 12);
    this.clears = args.operation === SvmOperation.setAttributes && namesPteFlag(args, memory);
    this.isPosted = false;
    this.context = typeof context === 'number' ? null : context;
    return this.afterPosted(this.posted.begin(context, args, memory));
  }

  resume(): number {
    return this.isPosted ? this.clear() : this.afterPosted(this.posted.resume());
  }

  private afterPosted(result: number): number {
    if (result !== 0 || !this.clears || this.context === null) return result;
    this.isPosted = true;
    return this.clear();
  }

  private clear(): number {
    const context = this.context!;
    if (context.svmLock.held) return SLEEPING;
    context.svmLock.acquire();
    const result = splitInvalidate(context, this.first, this.first + this.pages);
    context.svmLock.release();
    return result;
  }
}

function namesPteFlag({ attributeCount }: SvmArguments, memory: UserMemory | 'bad' | null): boolean {
  if (memory === null || memory === 'bad') return false;
  const { bytes } = memory;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = 0; at < attributeCount && (at + 1) * ATTRIBUTE_BYTES <= bytes.length; at++)
    if (PTE_FLAG_TYPES.includes(view.getUint32(at * ATTRIBUTE_BYTES, true))) return true;
  return false;
}
