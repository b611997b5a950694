/** The marks of all operations, worked out once: lists and strips ask for them again and again. */
import { isFault, isTrouble, markOf } from './describe.ts';
import type { StepMark } from './describe.ts';
import type { Step } from './step.ts';

/** From what nobody needs to see to what everybody has to. */
export const MARKS: readonly StepMark[] = ['plain', 'refused', 'fault', 'differs', 'hazard'];

/** What a jump leads to. */
export type JumpTarget = 'fault' | 'trouble';

const FAULT = 1;
const TROUBLE = 2;

export class StepMarks {
  /** Operations with faults, and with hazards or differences. */
  readonly faults: number;
  readonly troubles: number;
  // By operation: index in MARKS, and what jumps lead to it.
  readonly #marks: Uint8Array;
  readonly #jumps: Uint8Array;

  constructor(steps: readonly Step[]) {
    this.#marks = Uint8Array.from(steps, (step) => MARKS.indexOf(markOf(step)));
    this.#jumps = Uint8Array.from(steps, (step) => (isFault(step) ? FAULT : 0) | (isTrouble(step) ? TROUBLE : 0));
    this.faults = this.#jumps.reduce((sum, each) => sum + (each & FAULT), 0);
    this.troubles = this.#jumps.reduce((sum, each) => sum + ((each & TROUBLE) >> 1), 0);
  }

  of(step: number): StepMark {
    return MARKS[this.#marks[step]!]!;
  }

  /** How often each of MARKS is among the operations `[from, to)`. */
  counts(from: number, to: number): number[] {
    const counts = MARKS.map(() => 0);
    for (let step = from; step < to; step++) counts[this.#marks[step]!]!++;
    return counts;
  }

  /** The next operation from `step` on, or before it, that a jump leads to, round the ends; undefined if there is none. */
  next(target: JumpTarget, step: number, direction: 1 | -1): number | undefined {
    const bit = target === 'fault' ? FAULT : TROUBLE;
    const count = this.#jumps.length;
    for (let distance = 1; distance <= count; distance++) {
      const index = (step + direction * distance + count) % count;
      if ((this.#jumps[index]! & bit) !== 0) return index;
    }
    return undefined;
  }
}
