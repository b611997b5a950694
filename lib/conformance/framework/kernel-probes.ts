/**
 * Counts what the driver does on a real kernel: kprobes of tracefs on its functions, where root may set them and the
 * kernel has these functions. They count for the whole machine, so that a case can only ask whether there were some.
 */
import { appendFileSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ConformanceFailure } from './check.ts';

/** What is counted, and the function that does it (spec/trace-format §2; the framework's notifier for the other). */
const FUNCTIONS = {
  faults: 'amdgpu_svm_handle_fault',
  invalidations: 'drm_gpusvm_notifier_invalidate',
} as const;
export type Counted = keyof typeof FUNCTIONS;
const COUNTED = Object.keys(FUNCTIONS) as readonly Counted[];

/** How another process reads the counts; plain data. */
export interface ProbeNames {
  /** tracefs' table of events and their hits. */
  readonly profile: string;
  /** The names of the events in it. */
  readonly events: Readonly<Record<Counted, string>>;
}

/** Where tracefs is; the default is that of Linux. */
const TRACEFS = '/sys/kernel/tracing';

/** Probes that are set; `close` takes them away. */
export class KernelProbes {
  readonly names: ProbeNames;
  readonly #tracefs: string;
  readonly #group: string;

  private constructor(tracefs: string, group: string) {
    this.#tracefs = tracefs;
    this.#group = group;
    const events = Object.fromEntries(COUNTED.map((counted) => [counted, `${group}_${counted}`]));
    this.names = { profile: join(tracefs, 'kprobe_profile'), events: events as Record<Counted, string> };
  }

  /** Sets the probes, in a buffer of their own; a sentence says why that cannot be done. `tracefs` is for tests. */
  static set(tracefs = TRACEFS, id: number = process.pid): KernelProbes | string {
    const probes = new KernelProbes(tracefs, `amdgpu_svm_${id}`);
    let step = `${tracefs}/kprobe_events`;
    try {
      for (const counted of COUNTED) {
        step = `a kprobe on ${FUNCTIONS[counted]}`;
        appendFileSync(join(tracefs, 'kprobe_events'), `${probes.#definition(counted)} ${FUNCTIONS[counted]}\n`);
      }
      step = 'the trace buffer';
      mkdirSync(probes.#instance);
      writeFileSync(join(probes.#instance, 'events', probes.#group, 'enable'), '1');
      return probes;
    } catch (error) {
      probes.close();
      return `${step}: ${(error as Error).message}; it takes root, tracefs, kprobes and a driver with these functions`;
    }
  }

  /** Takes away what was set, as far as it was. */
  close(): void {
    attempt(() => writeFileSync(join(this.#instance, 'events', this.#group, 'enable'), '0'));
    attempt(() => rmdirSync(this.#instance));
    for (const counted of COUNTED)
      attempt(() => appendFileSync(join(this.#tracefs, 'kprobe_events'), `-:${this.#definition(counted).slice(2)}\n`));
  }

  get #instance(): string {
    return join(this.#tracefs, 'instances', this.#group);
  }

  /** 'p:GROUP/EVENT' */
  #definition(counted: Counted): string {
    return `p:${this.#group}/${this.names.events[counted]}`;
  }
}

/** How often it has happened since the probes were set; throws where they are gone. */
export function readCount({ profile, events }: ProbeNames, counted: Counted): number {
  // "  EVENT   HITS   MISSES"
  const line = readFileSync(profile, 'latin1')
    .split('\n')
    .map((each) => each.trim().split(/\s+/))
    .find(([name]) => name === events[counted]);
  const hits = Number(line?.[1]);
  if (line === undefined || !Number.isSafeInteger(hits))
    throw new ConformanceFailure(`${profile} has no event ${events[counted]}`);
  return hits;
}

function attempt(action: () => void): void {
  try {
    action();
  } catch {
    // It was never set.
  }
}
