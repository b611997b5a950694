/** Why a fault ended as it did: the rule of the modelled handler that decided it. */
import type { EventMap, FaultOutcome } from '../../../emulator/index.ts';
import type { TraceAnswer, TraceOperation } from '../../trace/operations/index.ts';
import { faultQuirks, faultRule, PTE_STATE_MEANINGS } from '../../words/faults.ts';
import { interval } from './format.ts';

/** What came of the faults of some pages in a row. */
export interface Decision {
  readonly outcome: FaultOutcome | 'hit';
  readonly page: number;
  pages: number;
  /** How many faults these pages took. */
  faults: number;
  readonly write: boolean;
  /** The rule, in words. */
  readonly rule: string;
  /** Ids of the quirks behind the rule. */
  readonly quirks: readonly string[];
}

/** Faults of one operation, brought together where neighbouring pages had the same fate. */
export class Decisions {
  #list: Decision[] = [];
  // Of the last one: an access has thousands of faults that went alike.
  #reason: EventMap['fault']['reason'] | undefined;
  #cause = 0;

  /** A fault was answered. */
  add(fault: EventMap['fault']): void {
    const { outcome, reason, write, cause } = fault;
    const page = Number(fault.address >> 12n);
    const last = this.#list[this.#list.length - 1];
    if (
      last !== undefined &&
      this.#reason === reason &&
      this.#cause === cause &&
      last.outcome === outcome &&
      last.write === write &&
      page >= last.page &&
      page <= last.page + last.pages
    ) {
      last.pages = Math.max(last.pages, page - last.page + 1);
      last.faults++;
      return;
    }
    this.#reason = reason;
    this.#cause = cause;
    const rule = faultRule(reason, cause);
    this.#list.push({ outcome, page, pages: 1, faults: 1, write, rule, quirks: faultQuirks(reason) });
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
  return (answer.runs ?? []).slice(0, MOST_SENTENCES).map(([outcome, start, count, state]) => {
    const where = interval(Number(start), Number(count));
    const quality = state === undefined || state === 'ok' ? '' : `; the PTEs are ${PTE_STATE_MEANINGS[state]}`;
    if (outcome === 'hit') return `${where}: the PTEs permitted it${quality}`;
    return outcome === 'faulted' ? `${where}: served after a fault for each page${quality}` : `${where}: not served`;
  });
}

const MOST_SENTENCES = 8;
