/**
 * Defects that the hazard monitor finds, brought together where one operation shows the same one again and again, and
 * the entries of the catalogue of quirks behind them.
 */
import { QUIRK_CATALOGUE } from '../../../emulator/index.ts';
import type { CataloguedQuirk, EventMap, LoggedOperation } from '../../../emulator/index.ts';

/** A defect that was met in an operation. */
export interface StepHazard {
  readonly quirk: string;
  readonly gpu: number;
  readonly detail: string;
  readonly page: number;
  pages: number;
  /** How often it was met on these pages. */
  count: number;
  /** As the driver means it, though hardly as a program expects it. */
  readonly isNotice: boolean;
  /** What a program can do about it. */
  readonly advice: string;
  /** Operations that led there, oldest first. */
  readonly history: readonly LoggedOperation[];
}

/** Different hazards of one operation that are kept. */
const MOST = 40;

/** Hazards of one operation. */
export class StepHazards {
  #list: StepHazard[] = [];

  /** A hazard was found. */
  add({ device: gpu, quirk, address, size, detail, hazard }: EventMap['hazard']): void {
    const page = Number(address >> 12n);
    const pages = Number(size >> 12n);
    // An access meets the same on page after page, and there in turn with others.
    for (let index = this.#list.length - 1; index >= 0 && index >= this.#list.length - 4; index--) {
      const known = this.#list[index]!;
      if (known.quirk !== quirk || known.gpu !== gpu || page < known.page || page > known.page + known.pages) continue;
      known.pages = Math.max(known.pages, page + pages - known.page);
      known.count++;
      return;
    }
    if (this.#list.length >= MOST) return;
    this.#list.push({
      quirk,
      gpu,
      detail,
      page,
      pages,
      count: 1,
      isNotice: hazard?.severity === 'notice',
      advice: hazard?.advice ?? '',
      history: hazard?.history.filter((each) => each.operation !== hazard.operation) ?? [],
    });
  }

  /** Those since the last call. */
  take(): readonly StepHazard[] {
    const list = this.#list;
    this.#list = [];
    return list;
  }
}

/** An entry with its id, like 'Q35'. */
export interface NamedQuirk extends CataloguedQuirk {
  readonly id: string;
}

/** The entries that `text` mentions, each once. */
export function quirksIn(text: string): NamedQuirk[] {
  const ids = new Set(text.match(/\b(?:Q\d\d|(?:V7|V8|X)-[BCDR]\d+)\b/g));
  return [...ids].flatMap((id) => {
    const entry = QUIRK_CATALOGUE[id];
    return entry === undefined ? [] : [{ id, ...entry }];
  });
}
