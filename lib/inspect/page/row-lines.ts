/** How many lines a row of the time line takes: what does not fit into one is not cut off. */
import { answerText, operationText } from '../model/describe.ts';
import { eventAt } from '../model/events.ts';
import type { Step } from '../model/step.ts';

/** Pixels of a row with one line, and of every further line. */
const ROW = 24;
const LINE = 17;
const MOST_LINES = 5;
/** Pixels that are not text: number, gaps and frame of a badge of an operation, indent of an event. */
const AROUND_OPERATION = 110;
const AROUND_EVENT = 60;
/** Pixels of an effect: the longest of its names with an interval. */
const WIDEST_EFFECT = 420;
/** A line ends between words, so that it holds a little less than would fit. */
const BROKEN = 1.06;
const [OPERATION_FONT, EVENT_FONT] = ['13px system-ui, sans-serif', '12px system-ui, sans-serif'];
const SAMPLE = 'access 0x7f00_00240000 +64 KiB GPU reads EFAULT, 12 faults';

let context: CanvasRenderingContext2D | undefined;
/** Pixels of the texts of events: hazards say the same again and again. */
const known = new Map<string, number>();

function pixels(text: string, font: string): number {
  context ??= document.createElement('canvas').getContext('2d')!;
  context.font = font;
  return context.measureText(text).width;
}

function eventPixels(text: string): number {
  let width = known.get(text);
  if (width === undefined) known.set(text, (width = pixels(text, EVENT_FONT)));
  return width;
}

/** Asked for every row, whenever the list is laid out: what it needs of an operation is worked out once. */
export class RowLines {
  readonly #steps: readonly Step[];
  // Letters of each operation's row, and about how many pixels one has.
  readonly #letters: Uint16Array;
  readonly #letter = pixels(SAMPLE, OPERATION_FONT) / SAMPLE.length;

  /** `besides`: what the row of an operation says besides name, place and answer. */
  constructor(steps: readonly Step[], besides: (step: number) => string) {
    this.#steps = steps;
    this.#letters = Uint16Array.from(
      steps,
      (step, index) =>
        step.operation.name.length +
        operationText(step.operation).length +
        answerText(step).length +
        besides(index).length,
    );
  }

  /** Lines of an operation's row in a list of so many pixels. */
  ofOperation(step: number, width: number): number {
    return this.#letters[step]! * this.#letter + AROUND_OPERATION > width ? 2 : 1;
  }

  /** Lines of the row of an event. */
  ofEvent(step: number, event: number, width: number): number {
    const room = Math.max(1, width - AROUND_EVENT);
    const { effects } = this.#steps[step]!;
    if (event < effects.length && room >= WIDEST_EFFECT) return 1;
    const needed = eventPixels(eventAt(this.#steps[step]!, event)!.text);
    return needed <= room ? 1 : Math.min(MOST_LINES, Math.ceil((needed * BROKEN) / room));
  }
}

/** Pixels of a row with so many lines. */
export function rowHeight(lines: number): number {
  return ROW + LINE * (lines - 1);
}
