// Models: nothing - what the monitor has to say about one defect.
import { addressOfPage } from '../kernel/page-number.ts';
import { quirkOf } from './catalogue.ts';
import type { LoggedOperation } from './operation-log.ts';
import type { Severity } from './quirk.ts';

/** A defect that was met while a program ran. */
export interface Hazard {
  /** Entry of the catalogue 07-quirks ('Q35'), an invariant ('I1'), or a word ('refault-loop', 'unhandled-fault', 'leak'). */
  readonly quirk: string;
  /** Invariants that do not hold. */
  readonly invariants: readonly string[];
  readonly severity: Severity;
  /** Number of the device; 0 where the driver as a whole is meant (Q12). */
  readonly device: number;
  /** The bytes `[address, address + size)` that are concerned. */
  readonly address: bigint;
  readonly size: bigint;
  /** Number of the operation that showed it, from 1. */
  readonly operation: number;
  /** What was met, in words. */
  readonly detail: string;
  /** What a program can do about it. */
  readonly advice: string;
  /** Operations on these pages that led there, oldest first; the last is the one that showed it. */
  readonly history: readonly LoggedOperation[];
}

/** One line: "hazard Q35 at operation 4: ...". */
export function formatHazard(hazard: Hazard): string {
  const { quirk, operation, detail, address, size, advice, history } = hazard;
  const where = size === 0n ? '' : ` [0x${address.toString(16)}, +0x${size.toString(16)})`;
  const before = history.filter((step) => step.operation !== operation);
  const led =
    before.length === 0 ? '' : `; after ${before.map((step) => `${step.what} (${step.operation})`).join(', ')}`;
  return `hazard ${quirk} at operation ${operation}: ${detail}${where}${led}; ${advice}`;
}

/** Thrown for the operation that caused a hazard, when it has ended; with `hazards: 'throw'`. */
export class HazardError extends Error {
  readonly code = 'ERR_SVM_HAZARD';
  readonly hazards: readonly Hazard[];

  constructor(hazards: readonly Hazard[]) {
    super(hazards.map(formatHazard).join('\n'));
    this.name = 'HazardError';
    this.hazards = hazards;
  }
}

/** A hazard of the pages from `startPage` on. */
export function makeHazard(
  quirk: string,
  detail: string,
  place: { readonly device: number; readonly startPage: number; readonly pages: number },
  operation: number,
  history: readonly LoggedOperation[],
): Hazard {
  const { title, invariants, severity, advice } = quirkOf(quirk);
  return {
    quirk,
    invariants,
    severity,
    device: place.device,
    address: addressOfPage(place.startPage),
    size: addressOfPage(place.pages),
    operation,
    detail: `${title}: ${detail}`,
    advice,
    history,
  };
}
