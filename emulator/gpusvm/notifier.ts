// Models: struct drm_gpusvm_notifier, a 512 MiB window (spec/03-gpu-ranges §A.4), and the invalidation entry (spec/04-invalidation-and-gc §2).
import type { IntervalNotifier, NotifierEvent } from '../mm/interval-notifier.ts';

/** Pages of a notifier's window: 512 MiB. */
export const NOTIFIER_PAGES = 0x20000;

/** Who is told by a notifier when the process's memory changes: the callback. */
export interface NotifierOwner {
  invalidate(notifier: GpuNotifier, event: NotifierEvent, startPage: number, endPage: number): void;
}

/** A registered window; it exists exactly while it has ranges, or while its first one is being made. */
export class GpuNotifier implements IntervalNotifier {
  readonly startPage: number;
  readonly endPage: number;
  sequence = 0;
  /** Number of ranges in the window. */
  rangeCount = 0;
  private readonly owner: NotifierOwner;

  constructor(windowNumber: number, owner: NotifierOwner) {
    this.startPage = windowNumber * NOTIFIER_PAGES;
    this.endPage = this.startPage + NOTIFIER_PAGES;
    this.owner = owner;
  }

  invalidate(event: NotifierEvent, startPage: number, endPage: number, sequence: number): void {
    // The sequence moves also for events that the callback ignores.
    // mutant: race-event-keeps-sequence
    this.sequence = sequence;
    this.owner.invalidate(this, event, startPage, endPage);
  }
}
