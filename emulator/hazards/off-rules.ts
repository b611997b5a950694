// Models: nothing - the rules about GPUs without retry faults (spec/xnack-off, spec/findings-v7 §C, §D).
import { SvmAccess, SvmLocation } from '../../lib/uapi/constants.ts';
import { Errno, errnoName } from '../../lib/uapi/errno.ts';
import { NotifierEvent } from '../mm/interval-notifier.ts';
import { RangeState } from '../gpusvm/range.ts';
import { LOCATION_UNDEFINED } from '../svm/attribute-record.ts';
import { isRestoreWork } from '../svm/revision.ts';
import type { AmdgpuSvmRange } from '../svm/svm-range.ts';
import type { Causes } from './causes.ts';
import { hasLivePtes } from './pte-check.ts';
import { pagesText } from './watched.ts';
import type { Watch } from './watched.ts';

/** Passes of the worker without a resume that are starvation, and the time that is, in ns, with at least two passes. */
const MOST_PASSES = 16;
const LONGEST_STOP = 100_000_000;
const FEWEST_PASSES = 2;

/** What the rules about ranges are told. */
interface PteRules {
  readonly causes: Causes;
  stopFailed: boolean;
  touch(startPage: number, endPage: number): void;
}

/** Follows the restore worker and the queues of one file. */
export class OffRules {
  readonly #watch: Watch;
  readonly #ranges: PteRules;
  /** When the queues were stopped; undefined while they run. */
  #stoppedAt: number | undefined;
  #passes = 0;
  #starving = false;
  // A waiting list was reported; it is again when it has been empty.
  #waiting = false;
  // What a resume of this operation returned.
  #resumeFailed = 0;
  // Pages of a removed range after those that a SET_ATTR is about.
  #tail: { readonly startPage: number; readonly pages: number } | undefined;
  // The pages that a SET_ATTR is about.
  #segment: { readonly first: number; readonly last: number } | undefined;

  constructor(watch: Watch, ranges: PteRules) {
    this.#watch = watch;
    this.#ranges = ranges;
  }

  segmentBegins(first: number, last: number): void {
    this.#segment = { first, last };
  }

  /** An event that `range` is told of, before anything is done about it. */
  eventBegins(event: number, range: AmdgpuSvmRange, whole: boolean): void {
    const { causes } = this.#ranges;
    if (event === NotifierEvent.unmap) {
      if (range.gpuMapped && (range.state & RangeState.unmapped) === 0) {
        // The rest is mapped again, or has PTEs of no range.
        if (!whole) causes.set('X-C2', range.startPage, range.pages);
      } else if (
        hasLivePtes(this.#watch, range.startPage, range.pages) &&
        causes.of(range.startPage)?.quirk !== 'X-C2'
      ) {
        causes.set('X-C1', range.startPage, range.pages);
      }
    }
    this.#ranges.touch(range.startPage, range.endPage);
  }

  queuesQuiesced(result: number): void {
    this.#passes = 0;
    this.#starving = false;
    if (result === 0) this.#stoppedAt = this.#watch.vm.context?.clock.now;
    this.#ranges.stopFailed = result !== 0;
  }

  queuesResumed(result: number): void {
    this.#resumeFailed = result;
    if (result === 0) this.#stoppedAt = undefined;
  }

  restoreDropped(startPage: number, pages: number, result: number): void {
    const location = this.#watch.vm.context?.tree.find(startPage);
    const isLost =
      result === -Errno.EFAULT &&
      location !== undefined &&
      (isOnGpu(location.preferredLocation) ||
        (location.preferredLocation !== SvmLocation.system && isOnGpu(location.prefetchLocation)));
    this.#ranges.causes.set(isLost ? 'X-C7' : 'X-R3', startPage, pages);
    this.#ranges.touch(startPage, startPage + pages);
  }

  restoreEnded(again: boolean): void {
    this.#passes++;
    if (!again) this.#ranges.stopFailed = false;
    else if (this.#passes >= MOST_PASSES)
      this.#starve(`${this.#passes} passes of the restore worker did not resume them`);
  }

  /** A range left the tree, and no collector took it out. */
  rangeRemoved(startPage: number, pages: number): void {
    const segment = this.#segment;
    if (segment === undefined || startPage >= segment.first) return;
    const behind = segment.last + 1;
    const end = startPage + pages;
    if (end <= behind) return;
    const interval = this.#watch.vm.context?.tree.findIntersecting(behind, end - 1);
    if (interval === undefined || interval.access === SvmAccess.inaccessible) return;
    this.#tail = { startPage: behind, pages: end - behind };
  }

  operationEnded(): void {
    this.#segment = undefined;
    const context = this.#watch.vm.context;
    if (context === null || !isRestoreWork(context.collector)) return;
    this.#checkTail();
    const { evicted, restorePending, restoreDue, quiesced } = context.collector;
    if (this.#resumeFailed !== 0 && !quiesced) {
      const name = errnoName(this.#resumeFailed) ?? this.#resumeFailed;
      this.#watch.report('X-C11', `resuming them failed with ${name}`, 0, 0);
      this.#stoppedAt = undefined;
    }
    this.#resumeFailed = 0;
    const waits = restorePending > 0 && evicted === 0 && restoreDue === undefined && !context.closing;
    if (waits && !this.#waiting)
      this.#watch.report('X-R1', `${restorePending} ranges are queued, and the worker is not`, 0, 0);
    this.#waiting = waits;
    if (this.#stoppedAt === undefined || this.#passes < FEWEST_PASSES) return;
    const stopped = context.clock.now - this.#stoppedAt;
    if (stopped > LONGEST_STOP) this.#starve(`they were stopped ${Math.round(stopped / 1e6)} ms ago`);
  }

  /** What lay after the changed pages in a range that was removed. */
  #checkTail(): void {
    const tail = this.#tail;
    this.#tail = undefined;
    if (tail === undefined) return;
    const { startPage, pages } = tail;
    // Pages with a range wait for the restore worker.
    if (this.#watch.vm.context?.framework.findRange(startPage, startPage + pages) !== undefined) return;
    this.#watch.report('X-C8', `${pagesText(pages)} with access are not mapped any more`, startPage, pages);
  }

  #starve(detail: string): void {
    if (this.#starving) return;
    this.#starving = true;
    this.#watch.report('X-R4', detail, 0, 0);
  }
}

function isOnGpu(location: number): boolean {
  return location !== LOCATION_UNDEFINED && location !== SvmLocation.system;
}
