// Models: nothing - a hazard as text and as an error.
import { addressOfPage } from '../kernel/page-number.ts';
import type { Hazard, LoggedOperation } from '../observe/hazard.ts';
import { quirkOf } from './catalogue.ts';

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

/** A hazard of the pages from `startPage` on; `named`: its text names the GPU. */
export function makeHazard(
  quirk: string,
  detail: string,
  place: { readonly device: number; readonly startPage: number; readonly pages: number; readonly named: boolean },
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
    detail: `${place.named ? `GPU ${place.device}: ` : ''}${title}: ${detail}`,
    advice,
    history,
  };
}
