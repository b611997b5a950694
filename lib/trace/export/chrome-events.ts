/** Events of the Chrome JSON trace format, as far as the export writes them, and their clock. */

/** One event. `ts` and `dur` are microseconds; the third decimal is a nanosecond. */
export interface ChromeEvent {
  /** X slice, b/n/e asynchronous, C counter, i instant, s/f flow, M metadata. */
  readonly ph: 'X' | 'b' | 'n' | 'e' | 'C' | 'i' | 's' | 'f' | 'M';
  readonly name: string;
  readonly pid: number;
  readonly tid?: number;
  readonly ts: number;
  dur?: number;
  readonly cat?: string;
  readonly id?: string;
  /** Of `f`: the arrow ends in the slice around it. */
  readonly bp?: 'e';
  /** Of `i`: as wide as its thread or its process. */
  readonly s?: 't' | 'p';
  readonly args?: Readonly<Record<string, unknown>>;
}

/** The whole file. */
export interface ChromeTrace {
  readonly traceEvents: readonly ChromeEvent[];
  readonly displayTimeUnit: 'ns';
  readonly otherData: Readonly<Record<string, string>>;
}

/** The threads that the export shows, in this order; those of the driver and of its GPU are those of GPU 0. */
export const ChromeThread = {
  operations: 1,
  secondThread: 2,
  pageTable: 3,
  driver: 4,
  vram: 5,
  time: 6,
  processTime: 7,
} as const;
type GpuThread = 'pageTable' | 'driver' | 'vram' | 'time';

const THREAD_NAMES: Readonly<Record<keyof typeof ChromeThread, string>> = {
  operations: 'operations',
  secondThread: 'second thread (at preemption points)',
  pageTable: 'GPU page table',
  driver: 'driver: notifiers, ranges, DMA, collector',
  vram: 'VRAM: buffers, copies, evictions',
  time: 'what time is spent on (cost model)',
  processTime: 'the process: what time is spent on (cost model)',
};
/** Threads of GPU n begin after n times so many. */
const THREADS_OF_A_GPU = 10;

/** The thread of a GPU. */
export function gpuThread(thread: GpuThread, gpu: number): number {
  return ChromeThread[thread] + gpu * THREADS_OF_A_GPU;
}

/** The one process of the file. */
export const CHROME_PROCESS = 1;

/** Threads that are named only where something is on them. */
const OPTIONAL: readonly string[] = ['vram', 'time', 'processTime'] satisfies (keyof typeof ChromeThread)[];

/** Names of the process and its threads; some, and those of further GPUs, only where something is on them (`used`). */
export function metadataEvents(processName: string, used: ReadonlySet<number>): ChromeEvent[] {
  const base = { ph: 'M', pid: CHROME_PROCESS, ts: 0 } as const;
  const events: ChromeEvent[] = [{ ...base, name: 'process_name', args: { name: processName } }];
  const last = Math.max(0, ...used);
  const hasMore = last > THREADS_OF_A_GPU;
  for (let gpu = 0; gpu * THREADS_OF_A_GPU < last || gpu === 0; gpu++) {
    for (const [key, first] of Object.entries(ChromeThread) as [keyof typeof ChromeThread, number][]) {
      const tid = first + gpu * THREADS_OF_A_GPU;
      if ((gpu > 0 || OPTIONAL.includes(key)) && !used.has(tid)) continue;
      const isOfGpu = first >= ChromeThread.pageTable && first !== ChromeThread.processTime;
      const ofGpu = hasMore && isOfGpu ? `GPU ${gpu}: ` : '';
      events.push({ ...base, name: 'thread_name', tid, args: { name: `${ofGpu}${THREAD_NAMES[key]}` } });
      events.push({ ...base, name: 'thread_sort_index', tid, args: { sort_index: tid } });
    }
  }
  return events;
}

/**
 * Time of the export. The virtual clock stands still while operations run, so that
 * each thing shown takes one nanosecond of its own after it: what happened at one
 * time stays in order, and the next movement of the clock takes the lead again. Where things take time (cost model)
 * each is shown when it happened, or a nanosecond after the last one.
 */
export class ChromeClock {
  #time = 0;

  /** Nanoseconds of the last thing shown. */
  get now(): number {
    return this.#time;
  }

  /** A time of its own, at or after `clock` (nanoseconds of the virtual clock). */
  tick(clock: number): number {
    this.#time = Math.max(clock, this.#time + 1);
    return this.#time;
  }
}

/** Nanoseconds as the microseconds of the format. */
export function microseconds(nanoseconds: number): number {
  return nanoseconds / 1000;
}
