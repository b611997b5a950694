/** Finds operations: by words, by an address, by their name, by what they met. */
import { effectOf, pagesOf } from '../../trace/effects/index.ts';
import { answerText, isFault, markOf, operationText, placeOf } from './describe.ts';
import type { Place } from './describe.ts';
import type { Step } from './step.ts';

/** What is asked for; empty texts ask for nothing. */
export interface Filter {
  /** Words, all of which the operation, its answer or its events have to say; a word like 0x10000000 is an address that it is about. */
  readonly text: string;
  /** Name of the operation. */
  readonly kind: string;
  /** 'fault', 'hazard', 'refused', 'differs', or the id of a quirk. */
  readonly only: string;
}

export const EVERYTHING: Filter = { text: '', kind: '', only: '' };

/** Whether nothing is asked for. */
export function isEverything({ text, kind, only }: Filter): boolean {
  return text.trim() === '' && kind === '' && only === '';
}

/** What can be asked for besides quirks. */
export const ONLY_WORDS = { hazard: 'hazards', fault: 'faults', refused: 'refused', differs: 'differences' } as const;

/** A word with how many operations it fits. */
export type Counted = readonly [word: string, count: number];

/** Searches the operations of a session. */
export class StepSearch {
  readonly #steps: readonly Step[];
  // Lower case, made when the first word is asked for.
  #texts: string[] | undefined;
  #kinds: readonly Counted[] | undefined;
  #quirks: readonly Counted[] | undefined;

  constructor(steps: readonly Step[]) {
    this.#steps = steps;
  }

  /** Names of operations, the most frequent first. */
  get kinds(): readonly Counted[] {
    return (this.#kinds ??= counted(this.#steps, ({ operation }) => [operation.name]));
  }

  /** Quirks that were met, the most frequent first. */
  get quirks(): readonly Counted[] {
    return (this.#quirks ??= counted(this.#steps, ({ hazards }) => hazards.map(({ quirk }) => quirk)));
  }

  /** Numbers of the operations that fit, ascending; undefined where nothing is asked for. */
  matches(filter: Filter): Uint32Array | undefined {
    if (isEverything(filter)) return undefined;
    const words = filter.text
      .toLowerCase()
      .split(/\s+/)
      .filter((word) => word !== '');
    const pages = words.flatMap((word) => pageOfWord(word) ?? []);
    const texts = words.filter((word) => pageOfWord(word) === undefined);
    const found: number[] = [];
    for (let index = 0; index < this.#steps.length; index++) {
      const step = this.#steps[index]!;
      if (filter.kind !== '' && step.operation.name !== filter.kind) continue;
      if (filter.only !== '' && !hasMet(step, filter.only)) continue;
      if (!pages.every((page) => isAbout(step, page))) continue;
      if (texts.length > 0 && !texts.every((word) => this.#text(index).includes(word))) continue;
      found.push(index);
    }
    return Uint32Array.from(found);
  }

  #text(index: number): string {
    this.#texts ??= this.#steps.map(textOf);
    return this.#texts[index]!;
  }
}

/** All that is said of a step in lists, in lower case. */
function textOf(step: Step): string {
  const said = new Set([step.operation.name, operationText(step.operation), answerText(step)]);
  for (const effect of step.effects) said.add(effectOf(effect)?.title ?? String(effect[0]));
  for (const { quirk, detail } of step.hazards) said.add(`${quirk} ${detail}`);
  return [...said].join('\n').toLowerCase();
}

function pageOfWord(word: string): number | undefined {
  return /^0x[0-9a-f_]+$/.test(word) && word.length <= 18 ? Number(BigInt(word.replaceAll('_', '')) >> 12n) : undefined;
}

function isAbout(step: Step, page: number): boolean {
  const holds = (place: Place | undefined): boolean =>
    place !== undefined && page >= place.page && page < place.page + place.pages;
  if (holds(placeOf(step.operation)) || step.hazards.some(holds)) return true;
  return step.effects.some((effect) => {
    // Notifiers cover 512 MiB each, whatever is in them.
    if (effect[0] === 'notifier+' || effect[0] === 'notifier-') return false;
    const { startPage, pages } = pagesOf(effect);
    return holds({ page: startPage, pages });
  });
}

function hasMet(step: Step, what: string): boolean {
  if (what === 'fault') return isFault(step);
  if (what === 'refused') return (step.answer.ret ?? 0) < 0;
  if (what === 'differs') return step.difference !== undefined || step.answer.fatal !== undefined;
  if (what === 'hazard') return markOf(step) === 'hazard';
  return step.hazards.some(({ quirk }) => quirk === what);
}

function counted(steps: readonly Step[], wordsOf: (step: Step) => readonly string[]): Counted[] {
  const counts = new Map<string, number>();
  for (const step of steps) for (const word of new Set(wordsOf(step))) counts.set(word, (counts.get(word) ?? 0) + 1);
  return [...counts].sort(([, one], [, other]) => other - one);
}
