/** A report while it is made: what is known is in a file at each moment, whatever ends the run. */
import { closeSync, fdatasyncSync, openSync, rmSync, writeSync } from 'node:fs';
import type { ConcreteCase } from './case.ts';
import { reportCase, summarize } from './report.ts';
import type { Report, ReportedCase, ReportHead } from './report.ts';
import { emptyResult } from './run-case.ts';
import type { RunPlan } from './run.ts';

const JOURNAL_SCHEMA = 'amdgpu-svm/conformance-journal/1';

/** The first line. */
interface JournalHead {
  readonly schema: typeof JOURNAL_SCHEMA;
  readonly head: ReportHead;
  readonly ids: readonly string[];
}
/** All others: a case begins, or has ended. */
type JournalLine = { readonly begin: string } | ReportedCase;

/** Writes a line for each case that begins and each that has ended. */
export class ReportJournal {
  readonly path: string;
  readonly #descriptor: number;
  readonly #durable: boolean;

  /** Creates or empties the file. On a kernel each line is on the disk before the case begins, as the kernel may end with it. */
  constructor(path: string, { head, ids, target }: RunPlan) {
    this.path = path;
    this.#durable = target.identity.backend !== 'emulated';
    this.#descriptor = openSync(path, 'w');
    this.#write({ schema: JOURNAL_SCHEMA, head, ids } satisfies JournalHead);
  }

  begin({ id }: ConcreteCase): void {
    this.#write({ begin: id } satisfies JournalLine);
    if (this.#durable) fdatasyncSync(this.#descriptor);
  }

  /** On the disk with the begin of the next case. */
  add(reported: ReportedCase): void {
    this.#write(reported);
  }

  /** The report is complete elsewhere. */
  remove(): void {
    closeSync(this.#descriptor);
    rmSync(this.path, { force: true });
  }

  #write(value: object): void {
    const bytes = Buffer.from(`${JSON.stringify(value)}\n`);
    for (let at = 0; at < bytes.length;) at += writeSync(this.#descriptor, bytes, at);
  }
}

/**
 * The report that a journal holds: of cases that have not ended, the one that ran has crashed, and the others are not run.
 * Undefined where the text is no journal. Of several rounds the last line of a case counts.
 */
export function reportOfJournal(text: string, suite: readonly ConcreteCase[]): Report | undefined {
  const [first = '', ...rest] = text.split('\n');
  const head = parsed<Partial<JournalHead>>(first);
  if (head?.schema !== JOURNAL_SCHEMA || head.head === undefined || head.ids === undefined) return undefined;
  const ended = new Map<string, ReportedCase>();
  let running: string | undefined;
  for (const text of rest) {
    // The last line may be torn: then nothing is known of what it was to say.
    const line = parsed<JournalLine>(text);
    if (line === undefined) continue;
    if ('begin' in line) running = line.begin;
    else {
      ended.set(line.id, line);
      if (line.id === running) running = undefined;
    }
  }
  const reason = running === undefined ? 'the run ended' : `the run ended while ${running} ran`;
  const byId = new Map(suite.map((each) => [each.id, each]));
  const cases = head.ids.flatMap((id) => {
    const each = byId.get(id);
    const line = ended.get(id);
    if (line !== undefined || each === undefined) return line ?? [];
    const result = emptyResult(each, 'not-run', reason);
    return reportCase(each, id === running ? { ...result, status: 'crash' } : result, undefined, {});
  });
  const run = { ...head.head.run, rounds: 1, ended: reason };
  return { ...head.head, run, summary: summarize(cases), kernel: null, cases };
}

function parsed<T>(text: string): T | undefined {
  try {
    return JSON.parse(text) as T;
  } catch {
    return undefined;
  }
}
