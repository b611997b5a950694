// Models: injected failures, by name and count - what allocation, the page-table layer or a signal may do (07-quirks, kind F).
import { argumentError } from './arguments.ts';
import { Errno } from '../../lib/uapi/errno.ts';
import type { ErrnoName } from '../../lib/uapi/errno.ts';

/** Places where a failure can be injected. */
export const FAILURE_POINTS = [
  /** Allocation of an attribute interval by SET_ATTR or a fault. */
  'allocate-interval',
  /** Allocation of the split piece when the collector clears attributes (Q46). */
  'clear-split',
  /** Allocation of a notifier. */
  'allocate-notifier',
  /** Allocation of what a process keeps of its notifiers, with the first of them. */
  'allocate-subscriptions',
  /** Allocation of a GPU range. */
  'allocate-range',
  /** Collection of pages, before HMM (ENOMEM, EBUSY, EOPNOTSUPP, EFAULT ...). */
  'collect-pages',
  /** Allocation of the list of frames that a range fault fills. */
  'allocate-frame-list',
  /** Allocation of the DMA array of a range, with its first collection. */
  'allocate-dma-array',
  /** One of the allocations of the creation of an SVM context. */
  'allocate-context',
  /** The copy of the attribute records of a call. */
  'allocate-records',
  /** Allocation of the lists of pages of a migration. */
  'allocate-migration-lists',
  /** Allocation of the object of a buffer in VRAM. */
  'allocate-buffer-object',
  /** Allocation of what the pages of a buffer in VRAM share. */
  'allocate-page-owner',
  /** Allocation of one of the two lists of addresses of a copy between system memory and VRAM. */
  'allocate-copy-list',
  /** Any allocation of the driver and the framework, whichever it is: those that have a name of their own, but pages and buffers. */
  'allocate-memory',
  /** The HMM range fault of a collection. */
  'hmm-range-fault',
  /** Registration of a notifier with the process's memory. */
  'insert-notifier',
  /** The DMA mapping of a collected page, or a huge one. */
  'map-dma',
  /** A page for a CPU fault, also for one that the collection of pages raises. */
  'allocate-page',
  /** Allocation of a buffer in VRAM. */
  'allocate-buffer',
  /** A copy between system memory and VRAM. */
  'copy-buffer',
  /** The window through which the copy engine reaches system memory. */
  'map-copy-window',
  /** A page of system memory, or a huge one, for a page that comes from VRAM. */
  'allocate-migration-page',
  /** As before, huge ones only; passed after it. */
  'allocate-huge-migration-page',
  /** The splitting of a huge page. */
  'split-folio',
  /** Reservation of the page directory to look for buffer objects (EINTR). */
  'reserve-page-directory',
  /** Wait for the page-directory lock, where it can be interrupted (EINTR). */
  'lock-page-directory',
  /** The page-table writes of a commit, before the first. */
  'write-ptes',
  /** The write of one DMA entry in a commit: one page, or a huge one. Those before it stay written. */
  'write-dma-entry',
  /** One page-table write of a zap. */
  'zap-ptes',
  /** Update of the page directories after a commit. */
  'update-directories',
] as const;
/** A place of the modelled code that can be made to fail. */
export type FailurePoint = (typeof FAILURE_POINTS)[number];

/** Points at which `allocate-memory` is passed, too, in the order of the C code's allocations. */
const ALLOCATIONS: ReadonlySet<FailurePoint> = new Set<FailurePoint>([
  'clear-split',
  'allocate-interval',
  'allocate-notifier',
  'allocate-subscriptions',
  'allocate-range',
  'allocate-frame-list',
  'allocate-dma-array',
  'allocate-context',
  'allocate-records',
  'allocate-migration-lists',
  'allocate-buffer-object',
  'allocate-page-owner',
  'allocate-copy-list',
]);

/** Passes of a point that fail: after `skip` that succeed, `count` with `-errno`. */
export interface PlannedFailure {
  readonly point: FailurePoint;
  readonly errno: number;
  /** Passes to let through first. */
  skip: number;
  /** Failures left to deliver. */
  count: number;
}

/** Failures planned for one device. */
export class FailureInjection {
  private planned: PlannedFailure[] | null = null;

  /** Lets the next `count` passes of `point` fail with `errno`, after `skip` passes that succeed. */
  plan(point: FailurePoint, errno: ErrnoName, count = 1, skip = 0): void {
    if (!FAILURE_POINTS.includes(point)) {
      throw argumentError(
        RangeError,
        `point: unknown failure point ${JSON.stringify(point)}; known: ${FAILURE_POINTS.join(', ')}`,
      );
    }
    if (!Object.hasOwn(Errno, errno)) {
      throw argumentError(
        RangeError,
        `errno: unknown ${JSON.stringify(errno)}; known: ${Object.keys(Errno).join(', ')}`,
      );
    }
    if (!Number.isSafeInteger(count) || count < 1)
      throw argumentError(RangeError, `count: expected a whole number from 1, got ${count}`);
    if (!Number.isSafeInteger(skip) || skip < 0)
      throw argumentError(RangeError, `skip: expected a whole number from 0, got ${skip}`);
    this.planned ??= [];
    this.planned.push({ point, errno: Errno[errno], skip, count });
  }

  /** 0, or the negative errno with which this pass of `point` fails. */
  take(point: FailurePoint): number {
    // As small as this it is inlined everywhere: a fault passes seven points.
    return this.none ? 0 : this.takePlanned(point);
  }

  /**
   * As `passes` calls of `take`, up to the first that fails: how many passed, and the negative errno of the one after
   * them, or 0.
   */
  takeAmong(point: FailurePoint, passes: number): { passed: number; failure: number } {
    for (let passed = 0; passed < passes && this.planned !== null; passed++) {
      const failure = this.takePlanned(point);
      if (failure !== 0) return { passed, failure };
    }
    return { passed: passes, failure: 0 };
  }

  /** Whether no failure is planned, at any point. */
  get none(): boolean {
    return this.planned === null;
  }

  /** Replaces all that is planned (null: nothing), and returns what was: for who plans one operation of one thread. */
  exchange(planned: PlannedFailure[] | null): PlannedFailure[] | null {
    const before = this.planned;
    this.planned = planned !== null && planned.length === 0 ? null : planned;
    return before;
  }

  protected takePlanned(point: FailurePoint): number {
    const failure = this.pass(point);
    if (!ALLOCATIONS.has(point)) return failure;
    // Passed in either case.
    const anywhere = this.pass('allocate-memory');
    return failure === 0 ? anywhere : failure;
  }

  private pass(point: FailurePoint): number {
    const planned = this.planned;
    if (planned === null) return 0;
    const index = planned.findIndex((failure) => failure.point === point);
    if (index < 0) return 0;
    const failure = planned[index]!;
    if (failure.skip > 0) {
      failure.skip--;
      return 0;
    }
    failure.count--;
    if (failure.count === 0) planned.splice(index, 1);
    if (planned.length === 0) this.planned = null;
    return -failure.errno;
  }
}
