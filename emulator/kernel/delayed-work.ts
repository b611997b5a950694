// Models: struct delayed_work - a work item behind a timer (spec/xnack-off §4; spec/trace-format-v7 §3, "Delayed work").
import type { Timer, VirtualClock } from './clock.ts';
import { WorkItem } from './work-queue.ts';
import type { Worker } from './work-queue.ts';

/**
 * Work that becomes due after a delay. It is pending from when it is queued until it runs; when its time has come
 * it is due, and runs when somebody drains it (`run`), never by itself. Delays are in nanoseconds of the clock.
 */
export class DelayedWork {
  private readonly clock: VirtualClock;
  private readonly item: WorkItem;
  private timer: Timer | null = null;
  private dueTime = Number.NaN;

  constructor(clock: VirtualClock, worker: Worker) {
    this.clock = clock;
    this.item = new WorkItem(worker);
  }

  /** Whether the work is queued and has not begun to run, due or not. */
  get pending(): boolean {
    return this.timer !== null || this.item.pending;
  }

  /** Whether the work would run if it were drained now. */
  get isDue(): boolean {
    return this.item.pending;
  }

  /** Time at which pending work becomes or became due, nanoseconds since boot; undefined while nothing is pending. */
  get due(): number | undefined {
    return this.pending ? this.dueTime : undefined;
  }

  /** How often the work has run. */
  get runs(): number {
    return this.item.runs;
  }

  /** queue_delayed_work: no effect if it is pending already, whatever its time; says whether it had one. */
  queue(delay: number): boolean {
    if (this.pending) return false;
    this.arm(delay);
    return true;
  }

  /** mod_delayed_work: from now on due after `delay`, also if it is pending or due; says whether it was pending. */
  modify(delay: number): boolean {
    const wasPending = this.cancel();
    this.arm(delay);
    return wasPending;
  }

  /** cancel_delayed_work: it will not run; says whether it was pending. */
  cancel(): boolean {
    const wasPending = this.pending;
    this.disarm();
    this.item.pending = false;
    return wasPending;
  }

  /** flush_delayed_work: pending work runs at once, whatever its time; says whether it did. */
  flush(): boolean {
    if (this.timer !== null) {
      this.disarm();
      this.item.queue();
    }
    return this.item.run();
  }

  /** Runs the work if it is due; says whether it was. It may queue itself again meanwhile. */
  run(): boolean {
    return this.item.run();
  }

  private arm(delay: number): void {
    this.dueTime = this.clock.now + delay;
    if (delay === 0) {
      this.item.queue();
      return;
    }
    this.timer = this.clock.arm(this.dueTime, () => {
      this.timer = null;
      this.item.queue();
    });
  }

  private disarm(): void {
    if (this.timer === null) return;
    this.clock.disarm(this.timer);
    this.timer = null;
  }
}
