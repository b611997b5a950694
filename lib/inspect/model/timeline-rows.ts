/** The rows of the time line: operations, and below each its events. */
import { eventCount } from './events.ts';
import type { Step } from './step.ts';

/** Row numbers of operations, and back. */
export class TimelineRows {
  readonly count: number;
  // The operations that have rows, ascending; undefined: all.
  readonly #shown: Uint32Array | undefined;
  // Row of each of them; one entry more for the end.
  readonly #rows: Uint32Array;

  /** `events` false: operations only. `shown`: the operations that have rows, ascending; without it all. */
  constructor(steps: readonly Step[], events: boolean, shown?: Uint32Array) {
    this.#shown = shown;
    const count = shown?.length ?? steps.length;
    this.#rows = new Uint32Array(count + 1);
    let row = 0;
    for (let index = 0; index < count; index++) {
      this.#rows[index] = row;
      row += 1 + (events ? eventCount(steps[shown?.[index] ?? index]!) : 0);
    }
    this.#rows[count] = row;
    this.count = row;
  }

  /** The row of an operation, -1 if it has none. */
  rowOf(step: number): number {
    if (this.#shown === undefined) return this.#rows[step]!;
    const at = lastAtOrBefore(this.#shown, this.#shown.length, step);
    return this.#shown[at] === step ? this.#rows[at]! : -1;
  }

  /** The operation of a row, and the number of its event, -1 for the operation itself. */
  at(row: number): { step: number; event: number } {
    const at = lastAtOrBefore(this.#rows, this.#rows.length, row);
    return { step: this.#shown?.[at] ?? at, event: row - this.#rows[at]! - 1 };
  }
}

/** Index of the last of `count` ascending numbers that is at most `most`, -1 if none is. */
function lastAtOrBefore(numbers: Uint32Array, count: number, most: number): number {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (numbers[middle]! <= most) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
