/** Why a fault ended as it did: the rule of the modelled handler that decided it (spec 05). */
import { errnoName } from '../../../emulator/index.ts';
import type { EventMap, FaultOutcome, FaultReason } from '../../../emulator/index.ts';
import type { TraceOperation } from '../../trace/operation.ts';
import type { TraceAnswer } from '../../trace/answer.ts';
import { interval } from './format.ts';

/** What came of the faults of some pages in a row. */
export interface Decision {
  readonly outcome: FaultOutcome | 'hit';
  readonly page: number;
  pages: number;
  /** How many faults these pages took. */
  faults: number;
  readonly write: boolean;
  /** The rule, with its section of the specification and the quirks behind it. */
  readonly rule: string;
}

const RULES: Readonly<Record<FaultReason, string>> = {
  mapped: 'the pages of its range were collected and the PTEs of the whole range written (05 §5)',
  'already-valid': 'its range is mapped with the wanted flags: nothing to do (05 §5)',
  'recently-mapped': 'its range was committed less than 2 ms ago, which counts as served whatever has happened since (Q57)',
  stale: 'it is not younger than the checkpoint of the last unmapping, and is dropped whatever its address (05 §3, Q63)',
  'no-vma': 'nothing is mapped there in the process, and the GPU is told to try again (Q54)',
  'pages-unavailable': 'a page of its range can not be collected; the error is swallowed and the GPU tries again (Q50, Q55)',
  closing: 'the SVM context is closing (05 §2, Q61)',
  'no-context': 'the VM has no SVM context that could serve it (05 §2.1)',
  'vma-refused': 'the mapping is of a kind that SVM refuses (05 §4, Q53)',
  'no-permission': 'the mapping of the process does not permit the access (05 §5.1)',
  'no-range': 'no chunk fits into its interval and mapping (05 §5)',
  'no-memory': 'an allocation failed (Q62)',
  'collector-failed': 'the garbage collector, which runs first, failed (05 §5, Q46)',
  'pages-not-writable': 'its range has pages that can not be collected for writing, and that is fatal for all of it (Q52)',
  'commit-failed': 'the page-table layer refused the PTEs (Q61)',
};

/** Faults of one operation, brought together where neighbouring pages had the same fate. */
export class Decisions {
  #list: Decision[] = [];

  /** A fault was answered. */
  add(fault: EventMap['fault']): void {
    const { outcome, reason, write, cause } = fault;
    const page = Number(fault.address >> 12n);
    const behind = cause === 0 ? '' : ` [${errnoName(cause) ?? cause}]`;
    const rule = `${RULES[reason]}${behind}`;
    const last = this.#list[this.#list.length - 1];
    if (last !== undefined && last.rule === rule && last.outcome === outcome && last.write === write && page >= last.page && page <= last.page + last.pages) {
      last.pages = Math.max(last.pages, page - last.page + 1);
      last.faults++;
    } else this.#list.push({ outcome, page, pages: 1, faults: 1, write, rule });
  }

  /** Those since the last call. */
  take(): readonly Decision[] {
    const list = this.#list;
    this.#list = [];
    return list;
  }
}

/** What the answer of an access says beyond its faults: pages that needed none, and PTEs that are not right. */
export function accessSentences(operation: TraceOperation, answer: TraceAnswer): string[] {
  if (operation.name !== 'access') return [];
  const runs = (answer['runs'] ?? []) as readonly (readonly [string, string, string, string?])[];
  return runs.slice(0, MOST_SENTENCES).map(([outcome, start, count, state]) => {
    const where = interval(Number(start), Number(count));
    const quality = state === undefined || state === 'ok' ? '' : `; the PTEs are ${STATE_MEANINGS[state] ?? state}`;
    if (outcome === 'hit') return `${where}: the PTEs permitted it${quality}`;
    return outcome === 'faulted' ? `${where}: served after a fault for each page${quality}` : `${where}: not served`;
  });
}

const MOST_SENTENCES = 8;

/** What a PTE state means (trace format, section 6). */
export const STATE_MEANINGS: Readonly<Record<string, string>> = {
  ok: 'right',
  stale: 'stale: they map another physical page than the CPU does',
  perm: 'too permissive: they allow more than the VMA',
  cow: 'writable over a page that is shared copy-on-write',
  orphan: 'orphans: no GPU range covers them, nothing will ever clear them',
  nodma: 'without a DMA mapping: their range has given it back',
};
