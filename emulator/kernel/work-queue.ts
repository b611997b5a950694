// Models: one work item on a workqueue (spec/04-invalidation-and-gc §5, §6.4); it runs when drained, never by itself.

/** Who does the work of an item. A method: V8 puts it into its callers, as it does not a function that is handed over. */
export interface Worker {
  runWork(): void;
}

/** A work item: queueing sets a flag, running clears it. */
export class WorkItem {
  /** Whether the item is queued and has not run yet. */
  pending = false;
  /** How often the item has run. */
  runs = 0;
  private readonly worker: Worker;

  constructor(worker: Worker) {
    this.worker = worker;
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
    this.worker.runWork();
    return true;
  }
}
