/** Counters of a device as counter tracks of a Chrome trace: a sample wherever one has changed. */
import type { EmulatedDevice, EmulatedFile, EmulatedMachine } from '../../../emulator/index.ts';
import { CHROME_PROCESS } from './chrome-events.ts';
import type { ChromeEvent } from './chrome-events.ts';

const PAGE_BYTES = 4096;

type Sample = Readonly<Record<string, number>>;

/** Writes samples into a list of events. */
export class ChromeCounters {
  readonly #events: (ChromeEvent | null)[];
  readonly #last = new Map<string, string>();

  constructor(events: (ChromeEvent | null)[]) {
    this.#events = events;
  }

  /** Samples everything at `ts` (microseconds). */
  sample(
    subject: { readonly machine: EmulatedMachine; readonly device: EmulatedDevice; readonly file: EmulatedFile },
    inFlight: number,
    ts: number,
  ): void {
    const { counters } = subject.device.gpu;
    const context = subject.file.context;
    this.#write('faults', { handled: counters.faults, dropped: counters.filterRemove }, ts);
    this.#write('faults in flight', { faults: inFlight }, ts);
    this.#write('TLB flushes', { flushes: counters.tlb }, ts);
    this.#write('DMA-mapped pages', { pages: counters.dmaPages }, ts);
    this.#write('collector', { queued: context?.collector.pending ?? 0, runs: counters.gcRuns }, ts);
    for (const { index, memory } of subject.machine.devices) {
      if (memory === null) continue;
      const { evictablePages, pinnedPages } = memory.vram;
      const used = { SVM: evictablePages * PAGE_BYTES, others: pinnedPages * PAGE_BYTES };
      this.#write(`VRAM of GPU ${index}, bytes`, used, ts);
    }
    this.#write(
      'objects',
      {
        intervals: context?.tree.size ?? 0,
        notifiers: context?.framework.notifiers.size ?? 0,
        ranges: context?.framework.ranges.size ?? 0,
      },
      ts,
    );
  }

  #write(name: string, args: Sample, ts: number): void {
    const text = Object.values(args).join();
    if (this.#last.get(name) === text) return;
    this.#last.set(name, text);
    this.#events.push({ ph: 'C', name, pid: CHROME_PROCESS, ts, args });
  }
}
