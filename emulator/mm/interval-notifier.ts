// Models: mmu_interval_notifier and the delivery of MMU notifier events (spec/04-invalidation-and-gc §1, §2).
import { OrderedMap } from '../kernel/ordered-map.ts';

/** Event kinds with the kernel's codes (spec/04-invalidation-and-gc §1). */
export const NotifierEvent = {
  unmap: 0,
  clear: 1,
  protectionVma: 2,
  protectionPage: 3,
  softDirty: 4,
  release: 5,
  migrate: 6,
  exclusive: 7,
} as const;
export type NotifierEvent = (typeof NotifierEvent)[keyof typeof NotifierEvent];

/** A registration for events that intersect the pages `[startPage, endPage)`. */
export interface IntervalNotifier {
  readonly startPage: number;
  readonly endPage: number;
  /** Moves with every delivered event; a collector of pages compares it. */
  sequence: number;
  /**
   * Called before the CPU page tables change, for the event `[startPage, endPage)` as announced (not clipped).
   * Must move `sequence` itself, as mmu_interval_set_seq does.
   */
  invalidate(event: NotifierEvent, startPage: number, endPage: number, sequence: number): void;
}

function invalidateEach(
  notifiers: readonly IntervalNotifier[],
  event: NotifierEvent,
  startPage: number,
  endPage: number,
  sequence: number,
): void {
  for (const notifier of notifiers) notifier.invalidate(event, startPage, endPage, sequence);
}

/** The notifiers of one address space, in address order. */
export class IntervalNotifierSet {
  private readonly notifiers = new OrderedMap<IntervalNotifier>();
  // The one that there is, where there is one: a process with less than 512 MiB for the GPU mostly has no other.
  private only: IntervalNotifier | undefined = undefined;
  private longest = 0;
  private sequence = 0;
  // What `collect` has found in addition to the first: mostly there is one, which needs no list.
  private others: IntervalNotifier[] | null = null;

  get size(): number {
    return this.notifiers.size;
  }

  /** Whether a notifier was ever inserted: what the process keeps of them is there from then on. */
  get hasSubscriptions(): boolean {
    return this.longest > 0;
  }

  insert(notifier: IntervalNotifier): void {
    notifier.sequence = this.sequence;
    this.notifiers.insert(notifier.startPage, notifier);
    this.only = this.notifiers.size === 1 ? notifier : undefined;
    this.longest = Math.max(this.longest, notifier.endPage - notifier.startPage);
  }

  remove(notifier: IntervalNotifier): void {
    this.notifiers.remove(notifier.startPage, notifier);
    this.only = this.notifiers.size === 1 ? this.notifiers.first() : undefined;
  }

  /** Delivers one event to every notifier that intersects `[startPage, endPage)`, in address order. */
  deliver(event: NotifierEvent, startPage: number, endPage: number): void {
    if (this.notifiers.size === 0) return;
    const sequence = ++this.sequence;
    // Collected first: a callback may run code that registers or removes notifiers.
    const first = this.collect(startPage, endPage);
    if (first === undefined) return;
    const others = this.others;
    this.others = null;
    first.invalidate(event, startPage, endPage, sequence);
    if (others !== null) invalidateEach(others, event, startPage, endPage, sequence);
  }

  /** The first notifier that intersects `[startPage, endPage)`; the others are in `others`. */
  private collect(startPage: number, endPage: number): IntervalNotifier | undefined {
    const only = this.only;
    if (only === undefined) return this.collectSeveral(startPage, endPage);
    return only.endPage > startPage && only.startPage < endPage ? only : undefined;
  }

  private collectSeveral(startPage: number, endPage: number): IntervalNotifier | undefined {
    const notifiers = this.notifiers;
    let first: IntervalNotifier | undefined;
    let notifier = notifiers.seek(startPage - this.longest, endPage);
    for (; notifier !== undefined; notifier = notifiers.next()) {
      if (notifier.endPage <= startPage) continue;
      if (first === undefined) first = notifier;
      else (this.others ??= []).push(notifier);
    }
    return first;
  }
}
