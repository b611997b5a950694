/** GPU faults in flight: each is an asynchronous track from its first raising until it is served or killed. */
import { errnoName } from '../../uapi/errno.ts';
import { ptePermits } from '../../words/pte-flags.ts';
import type { FlaggedPages } from '../effects/descriptor.ts';
import type { TraceAnswer } from '../operations/index.ts';
import { CHROME_PROCESS, ChromeThread, gpuThread, microseconds } from './chrome-events.ts';
import type { ChromeEvent } from './chrome-events.ts';
import { hexAddress } from '../format/hex.ts';

/** Pages that the GPU could not access and faulted for. */
export interface FaultedPages {
  readonly gpu: number;
  readonly page: number;
  readonly pages: number;
  readonly write: boolean;
}

interface FaultInFlight extends FaultedPages {
  readonly id: string;
  readonly name: string;
  /** Where the start of the flow arrow goes when the fault is served by a mapping. */
  readonly slot: number;
  readonly arrow: ChromeEvent;
  raised: number;
}

// An access may fault for very many pages that nobody shows.
const MOST_REASONS = 4096;

/** The faults in flight of one export; writes into its list of events, where `null` is an empty slot. */
export class ChromeFaults {
  readonly #events: (ChromeEvent | null)[];
  readonly #open = new Map<string, FaultInFlight>();
  // What decided the last answer, by fault; until the operation's faults are shown.
  readonly #reasons = new Map<string, string>();
  #count = 0;

  constructor(events: (ChromeEvent | null)[]) {
    this.#events = events;
  }

  /** Faults that have not been served. */
  get inFlight(): number {
    return this.#open.size;
  }

  /** Notes what decided the handler's answer. */
  decided(fault: Omit<FaultedPages, 'pages'>, reason: string): void {
    if (this.#reasons.size > MOST_REASONS) this.#reasons.clear();
    this.#reasons.set(keyOf(fault), reason);
  }

  /** A fault is raised, or raised again. The flow arrow starts on `thread`. */
  raise(faulted: FaultedPages, time: number, thread: number): void {
    const key = keyOf(faulted);
    const known = this.#open.get(key);
    if (known !== undefined) {
      known.raised++;
      this.#push('n', known, time, { raised: known.raised, ...this.#reason(key) });
      return;
    }
    const id = `0x${(++this.#count).toString(16)}`;
    const where = faulted.gpu === 0 ? '' : `GPU ${faulted.gpu} `;
    const name = `fault ${where}${hexAddress(faulted.page)} ${faulted.write ? 'write' : 'read'}`;
    const slot = this.#events.push(null) - 1;
    const arrow: ChromeEvent = {
      ph: 's',
      name: 'mapping',
      cat: 'flow',
      id,
      pid: CHROME_PROCESS,
      tid: thread,
      ts: microseconds(time),
    };
    const fault: FaultInFlight = { ...faulted, id, name, slot, arrow, raised: 1 };
    this.#open.set(key, fault);
    this.#push('b', fault, time, { pages: faulted.pages });
  }

  /** PTEs were written: serves the faults that they permit, with an arrow into the slice at `time`. */
  mapped(gpu: number, { startPage, pages, flags }: FlaggedPages, time: number): void {
    if (!ptePermits(flags, false)) return;
    for (const [key, fault] of this.#open) {
      if (fault.gpu !== gpu || fault.page < startPage || fault.page >= startPage + pages) continue;
      if (!ptePermits(flags, fault.write)) continue;
      this.#open.delete(key);
      this.#events[fault.slot] = fault.arrow;
      this.#events.push({ ...fault.arrow, ph: 'f', bp: 'e', tid: gpuThread('pageTable', gpu), ts: microseconds(time) });
      this.#push('e', fault, time, { outcome: 'mapped', raised: fault.raised });
    }
  }

  /** The handler has answered: 0 leaves a fault in flight unless the PTE permits the access, an errno kills it. */
  answered(faulted: FaultedPages, result: number, permitted: boolean, time: number): void {
    const key = keyOf(faulted);
    const fault = this.#open.get(key);
    if (fault === undefined || (result >= 0 && !permitted)) return;
    this.#open.delete(key);
    const outcome = result < 0 ? `killed: ${errnoName(result) ?? result}` : 'was mapped already';
    this.#push('e', fault, time, { outcome, raised: fault.raised, ...this.#reason(key) });
  }

  /** The end of the trace: what is still in flight ends with it. */
  finish(time: number): void {
    for (const [key, fault] of this.#open)
      this.#push('e', fault, time, { outcome: 'never served', raised: fault.raised, ...this.#reason(key) });
    this.#open.clear();
  }

  #reason(key: string): { reason?: string } {
    const reason = this.#reasons.get(key);
    return reason === undefined ? {} : { reason };
  }

  #push(ph: 'b' | 'n' | 'e', fault: FaultInFlight, time: number, args: Readonly<Record<string, unknown>>): void {
    this.#events.push({
      ph,
      name: fault.name,
      cat: 'fault',
      id: fault.id,
      pid: CHROME_PROCESS,
      tid: ChromeThread.operations,
      ts: microseconds(time),
      args,
    });
  }
}

function keyOf({ gpu, page, write }: Omit<FaultedPages, 'pages'>): string {
  return `${gpu}:${page}:${write}`;
}

/** Runs of an `access` beyond this many share the last track. */
const MOST_TRACKS = 6;

/** The pages that an operation faulted for, from its fields and its answer. */
export function faultedPages(
  name: string,
  fields: Readonly<Record<string, unknown>>,
  { runs: accessed = [] }: TraceAnswer,
): FaultedPages[] {
  const write = fields['write'] === true;
  const gpu = Number(fields['gpu'] ?? 0);
  if (name === 'fault')
    return [{ gpu, page: Number(BigInt(fields['addr'] as string | number) >> 12n), pages: 1, write }];
  if (name !== 'access') return [];
  const runs = accessed.filter(([outcome]) => outcome !== 'hit');
  return runs.slice(0, MOST_TRACKS).map((run, index) => {
    const [, start] = run;
    const [, lastStart, lastPages] = index === MOST_TRACKS - 1 ? runs[runs.length - 1]! : run;
    return { gpu, page: Number(start), pages: Number(lastStart) + Number(lastPages) - Number(start), write };
  });
}
