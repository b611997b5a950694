/** Where virtual time goes, by the cost model: slices of a thread for each GPU, and of one for the process. */
import type { EventMap } from '../../../emulator/index.ts';
import { CHROME_PROCESS, ChromeThread, gpuThread, microseconds } from './chrome-events.ts';
import type { ChromeEvent } from './chrome-events.ts';
import type { FaultedPages } from './chrome-faults.ts';

export type Spending = EventMap['time-spent'];

interface Slice {
  readonly thread: number;
  readonly kind: string;
  /** Nanoseconds. */
  readonly start: number;
  end: number;
  bytes: number;
  count: number;
}

/** Slices of one operation; beyond, those of a thread are one, so that no trace grows without bounds. */
const MOST_SLICES = 64;
/** What the process spends and no GPU. */
const OF_PROCESS: readonly Spending['kind'][] = ['cpu-fault', 'migration-setup'];
const MORE = 'more';

/** The spendings of one export; writes into its list of events at the end of each operation. */
export class ChromeSpendings {
  readonly #events: (ChromeEvent | null)[];
  #slices: Slice[] = [];
  /** When the fault that is being handled was raised. */
  #lastRaised = 0;
  /** When each page was faulted first in this operation, by GPU and page. */
  readonly #raised = new Map<string, number>();

  constructor(events: (ChromeEvent | null)[]) {
    this.#events = events;
  }

  /** Time was spent, up to `time`. */
  add({ device, kind, nanoseconds, bytes }: Spending, time: number): void {
    const start = time - nanoseconds;
    if (kind === 'fault-delivery') this.#lastRaised = start;
    if (nanoseconds === 0) return;
    const thread = OF_PROCESS.includes(kind) ? ChromeThread.processTime : gpuThread('time', device);
    const last = this.#slices.at(-1);
    if (last !== undefined && last.thread === thread && last.kind === kind && last.end === start)
      this.#join(last, time, bytes);
    else if (this.#slices.length < MOST_SLICES) this.#slices.push({ thread, kind, start, end: time, bytes, count: 1 });
    else {
      const rest = this.#slices.find((slice) => slice.thread === thread && slice.kind === MORE);
      if (rest === undefined) this.#slices.push({ thread, kind: MORE, start, end: time, bytes, count: 1 });
      else this.#join(rest, time, bytes);
    }
  }

  /** The handler has answered that fault. */
  answered({ gpu, page }: Pick<FaultedPages, 'gpu' | 'page'>): void {
    const key = `${gpu}:${page}`;
    if (this.#lastRaised > 0 && !this.#raised.has(key)) this.#raised.set(key, this.#lastRaised);
  }

  /** When the first of these pages was faulted in this operation, in ns; 0: nobody knows. */
  raised({ gpu, page }: Pick<FaultedPages, 'gpu' | 'page'>): number {
    return this.#raised.get(`${gpu}:${page}`) ?? 0;
  }

  /** The operation has ended: its slices are written. */
  show(): void {
    for (const { thread, kind, start, end, bytes, count } of this.#slices) {
      this.#events.push({
        ph: 'X',
        name: kind,
        pid: CHROME_PROCESS,
        tid: thread,
        ts: microseconds(start),
        dur: microseconds(end - start),
        args: { ...(count === 1 ? {} : { times: count }), ...(bytes === 0 ? {} : { bytes }) },
      });
    }
    this.#slices = [];
    this.#raised.clear();
    this.#lastRaised = 0;
  }

  #join(slice: Slice, time: number, bytes: number): void {
    slice.end = time;
    slice.bytes += bytes;
    slice.count++;
  }
}
