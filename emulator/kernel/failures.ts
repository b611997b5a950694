// Models: injected failures, by name and count - what allocation, the page-table layer or a signal may do (07-quirks, kind F).
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
  /** Allocation of a GPU range. */
  'allocate-range',
  /** Collection of pages, before HMM (ENOMEM, EBUSY, EOPNOTSUPP, EFAULT ...). */
  'collect-pages',
  /** Interruptible wait for the page-directory lock (EINTR). */
  'lock-page-directory',
  /** One page-table write of a commit. */
  'write-ptes',
  /** One page-table write of a zap. */
  'zap-ptes',
  /** Update of the page directories after a commit. */
  'update-directories',
] as const;
export type FailurePoint = (typeof FAILURE_POINTS)[number];

interface PlannedFailure {
  readonly point: FailurePoint;
  readonly errno: number;
  /** Passes to let through first. */
  skip: number;
  /** Failures left to deliver. */
  count: number;
}

/** Failures planned for one device. */
export class FailureInjection {
  #planned: PlannedFailure[] | null = null;

  /** Lets the next `count` passes of `point` fail with `errno`, after `skip` passes that succeed. */
  plan(point: FailurePoint, errno: ErrnoName, count = 1, skip = 0): void {
    if (!FAILURE_POINTS.includes(point)) {
      throw new RangeError(
        `point: unknown failure point ${JSON.stringify(point)}; known: ${FAILURE_POINTS.join(', ')}`,
      );
    }
    if (!Object.hasOwn(Errno, errno)) {
      throw new RangeError(`errno: unknown ${JSON.stringify(errno)}; known: ${Object.keys(Errno).join(', ')}`);
    }
    if (!Number.isSafeInteger(count) || count < 1)
      throw new RangeError(`count: expected a whole number from 1, got ${count}`);
    if (!Number.isSafeInteger(skip) || skip < 0)
      throw new RangeError(`skip: expected a whole number from 0, got ${skip}`);
    this.#planned ??= [];
    this.#planned.push({ point, errno: Errno[errno], skip, count });
  }

  /** 0, or the negative errno with which this pass of `point` fails. */
  take(point: FailurePoint): number {
    return this.#planned === null ? 0 : this.#takePlanned(point);
  }

  #takePlanned(point: FailurePoint): number {
    const planned = this.#planned!;
    const index = planned.findIndex((failure) => failure.point === point);
    if (index < 0) return 0;
    const failure = planned[index]!;
    if (failure.skip > 0) {
      failure.skip--;
      return 0;
    }
    failure.count--;
    if (failure.count === 0) planned.splice(index, 1);
    if (planned.length === 0) this.#planned = null;
    return -failure.errno;
  }
}
