// Models: nothing - what differs between the posted states of the driver, as the code that they share sees it.
// `Context` is the SVM context (context.ts), which itself has a revision and a mode: a parameter cuts that circle.
import type { SvmArguments } from '../../lib/uapi/call.ts';
import type { UapiProfile } from '../../lib/uapi/profile.ts';
import type { WorkItem } from '../kernel/work-queue.ts';
import type { NotifierEvent } from '../mm/interval-notifier.ts';
import type { GpuDevice } from '../gpu/gpu-device.ts';
import type { PteFormatOptions, PteMemory } from '../gpu/pte-format.ts';
import type { GpuNotifier } from '../gpusvm/notifier.ts';
import type { AttributeInterval } from './attribute-interval.ts';
import type { Repairs } from './repairs.ts';
import type { AmdgpuSvmRange } from './svm-range.ts';

/**
 * One posted state of the driver. There is one object for each revision and a
 * machine has one of them; it keeps no state. Shared code asks the members of this
 * interface and never which revision it is (emulator/revisions/index.ts has the table).
 */
export interface KernelRevisionOf<Context> {
  /** Request number, operations and attribute types of its user ABI. */
  readonly uapi: UapiProfile;
  /** Whether collecting an unmapped range clears the attributes of its unmapped pages, too. */
  readonly clearsAttributesOnUnmap: boolean;
  /** Whether SVM refuses addresses where a buffer object is mapped in the same VM. */
  readonly checksBufferObjects: boolean;
  /** Whether a range keeps the PTE flags of its last commit. */
  readonly keepsPteFlags: boolean;
  /**
   * Whether 'vma-checked' is the reservation of the page directory, where buffer objects are looked for, rather than
   * the end of the walk over the VMAs; there is no 'attr-edited' then.
   */
  readonly hasReservationPoint: boolean;
  /** Whether a range that a change of attributes removes leaves the collector's list. */
  readonly dequeuesRemovedRanges: boolean;
  /** Whether the fault handler works while the GPU is being reset; otherwise it drops the fault with a 0. */
  readonly answersInReset: boolean;
  /** Whether a clearing of PTEs that fails counts as one, too: its recordings do, those before do not. */
  readonly countsFailedZaps: boolean;
  /** Whether pages can go to VRAM. The machine has none: nothing goes there. */
  readonly migratesToVram: boolean;
  /**
   * Whether GPUs of the catalogue are taken as booted with amdgpu.noretry=0: the revision has no SVM on any GPU with
   * the default of the kernels that it was posted for, which is 1.
   */
  readonly bootedWithRetryFaults: boolean;
  /** What it does otherwise than what was posted: nothing, unless a machine asks for it. */
  readonly repairs: Repairs;
  /** Whether contexts without retry faults exist, whose queues are stopped and resumed. */
  readonly stopsQueues: boolean;
  /** Result of a GPU fault whose PASID has no SVM context: 0 or a negative errno. */
  readonly faultWithoutContext: number;
  /** The flags of a PTE, without the address, for the flag mask of an attribute interval. */
  pteFlags(options: PteFormatOptions, flags: number, readOnly: boolean, memory: PteMemory): bigint;
  /** Whether retry faults are on: the XNACK rule of this revision. */
  isXnackEnabled(device: GpuDevice): boolean;
  /** How a context made on `device` works; null: none is made, and the creation answers -EOPNOTSUPP. */
  modeFor(device: GpuDevice): SvmModeOf<Context> | null;
  /** A handler of the SVM ioctl. One handles one call at a time and is used again when it has ended. */
  createIoctl(): SvmIoctlCallOf<Context>;
}

/** The functions of a context, as the callback set that the driver chooses when it creates one. */
export interface SvmModeOf<Context> {
  /** Access of pages in no attribute interval. */
  readonly defaultAccess: number;
  createCollector(context: Context): RangeCollector;
  /**
   * What a change of attributes by SET_ATTR does to the pages `[startPage, endPage)` of `interval`: 0 or a negative
   * errno; `trigger` is the change set. Null where SET_ATTR of the revision is one piece with it.
   */
  readonly applySegment:
    | ((context: Context, interval: AttributeInterval, startPage: number, endPage: number, trigger: number) => number)
    | null;
  /**
   * The fault handler, called for a retry fault at page number `page` with a 48-bit interrupt timestamp: 0 ("the GPU may retry"), a negative
   * errno ("the access is killed"), or the call, which waits for a lock. Plain arguments: an object would be one more allocation for each fault.
   */
  handleFault(context: Context, page: number, timestamp: number, write: boolean): number | FaultCall;
  /** The process's memory `[startPage, endPage)` changes: the callback of one notifier. */
  invalidate(context: Context, notifier: GpuNotifier, event: NotifierEvent, startPage: number, endPage: number): void;
}

/** A call of the fault handler that waits for a lock. */
export interface FaultCall {
  /** Goes on: 0, a negative errno, or SLEEPING where the lock is not free yet. */
  run(): number;
}

/** The caller's memory behind `attrs_ptr`: what copy-from-user and copy-to-user reach. */
export interface UserMemory {
  /** Bytes from the pointer on. A copy beyond their end is a fault. */
  readonly bytes: Uint8Array;
  /** True where copy-to-user faults. */
  readonly readOnly?: boolean;
}

/** One call of the ioctl handler; resumable where it waits for the svm lock. */
export interface SvmIoctlCallOf<Context> {
  /**
   * 0, a negative errno, or SLEEPING. `memory` null is a null pointer, 'bad' one that copy-from-user faults on;
   * `context` is the one of the file, or the negative errno that its creation gave.
   */
  begin(context: Context | number, args: SvmArguments, memory: UserMemory | 'bad' | null): number;
  /** Goes on with a call that slept; the svm lock should be free now. */
  resume(): number;
}

/** The queue of unmapped ranges of a context, and the work item that collects them. */
export interface RangeCollector {
  readonly work: WorkItem;
  /** Number of ranges on the list. */
  readonly pending: number;
  /** Whether `waitIdle` would run something. */
  readonly mustRun: boolean;
  /** Queues `range` with its pages of an UNMAP event, those with the indices `[firstIndex, endIndex)`. */
  enqueue(range: AmdgpuSvmRange, firstIndex: number, endIndex: number): void;
  /** Takes a range off the list; it is not collected then. */
  dequeue(range: AmdgpuSvmRange): void;
  /** Collects until the list is empty; the svm lock must be held. 0 or a negative errno. */
  collect(): number;
  /** Waits until the work item is idle: runs it if it is queued. */
  waitIdle(): void;
  /** Finalisation: lets go of every range without collecting it. */
  dropQueue(): void;
}

/** What the works of a context without retry faults have done. */
export interface RestoreStatistics {
  /** Times the queues were stopped. */
  stops: number;
  /** Nanoseconds that the queues were stopped, without a stop that lasts. */
  stoppedTime: number;
  /** Nanoseconds of the longest of those stops. */
  longestStop: number;
  /** Runs of the restore worker that looked at its list. */
  passes: number;
  /** Ranges that it mapped, or found mapped or without access. */
  restored: number;
  /** Ranges that it gave up for good, by the positive errno. */
  readonly dropped: Map<number, number>;
  /** Ranges that were mapped again around what was unmapped of them. */
  rebuilds: number;
}

/** The works of a context without retry faults: its collector, and the worker that maps again and resumes the queues. */
export interface RestoreWork extends RangeCollector {
  /** Number of ranges on the restore list. */
  readonly restorePending: number;
  /** Time at which the pending worker is due, nanoseconds since boot; undefined while it is not pending. */
  readonly restoreDue: number | undefined;
  /** Eviction events since the queues were resumed last. */
  readonly evicted: number;
  /** Whether the context has stopped the queues. */
  readonly quiesced: boolean;
  /** What it has done since the context was created. */
  readonly statistics: Readonly<RestoreStatistics>;
  /** Time at which the next of the pending works is or was due; undefined while none is pending. */
  readonly nextDue: number | undefined;
  /** Runs all that is due, one after the other, at most 64; says what ran. */
  runDue(): ('gc' | 'restore')[];
}

/** Whether a collector is that of a context without retry faults. */
export function isRestoreWork(collector: RangeCollector): collector is RestoreWork {
  return 'runDue' in collector;
}
