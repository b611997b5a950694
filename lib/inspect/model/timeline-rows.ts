/** The rows of the time line: operations, and below each its events. */
import type { Step } from './step.ts';

/** Row numbers of operations, and back. */
export class TimelineRows {
  readonly count: number;
  // Row of each operation; one entry more for the end.
  readonly #rows: Uint32Array;

  /** `events` false: operations only. */
  constructor(steps: readonly Step[], events: boolean) {
    this.#rows = new Uint32Array(steps.length + 1);
    let row = 0;
    steps.forEach((step, index) => {
      this.#rows[index] = row;
      row += 1 + (events ? step.effects.length + step.hazards.length : 0);
    });
    this.#rows[steps.length] = row;
    this.count = row;
  }

  rowOf(step: number): number {
    return this.#rows[step]!;
  }

  /** The operation of a row, and the number of its event, -1 for the operation itself. */
  at(row: number): { step: number; event: number } {
    let low = 0;
    let high = this.#rows.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#rows[middle]! <= row) low = middle + 1;
      else high = middle;
    }
    return { step: low - 1, event: row - this.#rows[low - 1]! - 1 };
  }
}
