/** The compute queues of the process while they are stopped (XNACK off): an asynchronous track, from quiesce to resume. */
import { CHROME_PROCESS, ChromeThread, microseconds } from './chrome-events.ts';
import type { ChromeEvent } from './chrome-events.ts';

const NAME = 'queues stopped';

/** Writes the track into the list of events of an export. */
export class ChromeQueues {
  readonly #events: (ChromeEvent | null)[];
  // Of all GPUs: KFD counts who has stopped the queues, and they run while nobody has.
  #stops = 0;
  #count = 0;

  constructor(events: (ChromeEvent | null)[]) {
    this.#events = events;
  }

  /** A GPU stops the queues at `time` (nanoseconds). */
  stopped(gpu: number, time: number): void {
    if (this.#stops++ === 0) {
      this.#count++;
      this.#push('b', time, { gpu });
    } else this.#push('n', time, { gpu, stops: this.#stops });
  }

  /** A GPU lets them go. */
  resumed(gpu: number, time: number): void {
    if (this.#stops === 0) return;
    if (--this.#stops === 0) this.#push('e', time, { outcome: 'resumed' });
    else this.#push('n', time, { gpu, stops: this.#stops });
  }

  /** The export is over: queues that nobody has resumed are so still. */
  finish(time: number): void {
    if (this.#stops === 0) return;
    this.#stops = 0;
    this.#push('e', time, { outcome: 'stopped still' });
  }

  #push(ph: 'b' | 'n' | 'e', time: number, args: Readonly<Record<string, unknown>>): void {
    this.#events.push({
      ph,
      name: NAME,
      cat: 'queues',
      id: `stop${this.#count}`,
      pid: CHROME_PROCESS,
      tid: ChromeThread.driver,
      ts: microseconds(time),
      args,
    });
  }
}
