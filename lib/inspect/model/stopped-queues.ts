/** Where in a trace the compute queues of the process are stopped (XNACK off): a lane next to the time line. */
import type { Step } from './step.ts';

/** The operations at which the queues are stopped. */
export class StoppedQueues {
  /** Whether they are ever stopped. */
  readonly any: boolean;
  // By operation: 1 where they are stopped at its beginning or its end, or in between.
  readonly #stopped: Uint8Array;
  // Nanoseconds for which the stop that an operation belongs to has lasted when it ends.
  readonly #lasted: Float64Array;

  constructor(steps: readonly Step[]) {
    this.#stopped = new Uint8Array(steps.length);
    this.#lasted = new Float64Array(steps.length);
    // Of all GPUs: KFD counts who has stopped them, and they run while nobody has.
    let stops = 0;
    let since = 0;
    let any = false;
    steps.forEach(({ effects, clock }, index) => {
      let stopped = stops > 0;
      for (const [kind, result] of effects) {
        // A call that KFD refused changes nothing; its result is after it.
        if (result !== undefined || (kind !== 'quiesce' && kind !== 'resume')) continue;
        if (kind === 'quiesce' && stops === 0) since = clock;
        stops += kind === 'quiesce' ? 1 : -1;
        stopped = true;
      }
      if (!stopped) return;
      any = true;
      this.#stopped[index] = 1;
      this.#lasted[index] = clock - since;
    });
    this.any = any;
  }

  /** Whether the queues are stopped at some time of operation `step`. */
  has(step: number): boolean {
    return this.#stopped[step] === 1;
  }

  /** Operations with stopped queues among `[from, to)`. */
  count(from: number, to: number): number {
    let count = 0;
    for (let step = from; step < to; step++) count += this.#stopped[step]!;
    return count;
  }

  /** For a person who points at operation `step`; empty where the queues run. */
  textAt(step: number): string {
    if (!this.has(step)) return '';
    const milliseconds = this.#lasted[step]! / 1_000_000;
    return milliseconds === 0 ? 'queues stopped' : `queues stopped, for ${milliseconds} ms`;
  }
}
