// Models: one work item on a workqueue (spec/04-invalidation-and-gc §5, §6.4); it runs when drained, never by itself.

/** A work item: queueing sets a flag, running clears it. */
export class WorkItem {
  /** Whether the item is queued and has not run yet. */
  pending = false;
  /** How often the item has run. */
  runs = 0;
  readonly #work: () => void;

  constructor(work: () => void) {
    this.#work = work;
  }

  /** queue_work: no effect if the item is pending already. */
  queue(): void {
    this.pending = true;
  }

  /** Runs the item if it is pending; says whether it was. */
  run(): boolean {
    if (!this.pending) return false;
    this.pending = false;
    this.runs++;
    this.#work();
    return true;
  }
}
