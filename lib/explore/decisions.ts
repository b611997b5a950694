/** The choices of a run: made as a prefix says, the first one after its end, and kept for the runs that take others. */

/** Decisions that a run begins with: those of an earlier run, up to one that is taken otherwise. */
export interface Prefix {
  readonly length: number;
  /** What the earlier run took, at least `length - 1` of them. */
  readonly taken: readonly number[];
  /** Taken instead at `length - 1`. */
  readonly last: number;
}

/** The first choice everywhere. */
export const NO_PREFIX: Prefix = { length: 0, taken: [], last: 0 };

/** Decisions of one run after the other, in lists that are used again. */
export class Decisions {
  /** How many the run has made. */
  count = 0;
  readonly #options: number[] = [];
  readonly #taken: number[] = [];
  readonly #costs: boolean[] = [];
  #prefix = NO_PREFIX;

  /** A run begins. */
  begin(prefix: Prefix): void {
    this.count = 0;
    this.#prefix = prefix;
  }

  /** Whether the run has made all decisions of its prefix. */
  get prefixIsOver(): boolean {
    return this.count >= this.#prefix.length;
  }

  /** The choice among `options`, from 0; `costs`: any choice but 0 is a preemption more. */
  decide(options: number, costs: boolean): number {
    const at = this.count++;
    const { length, taken, last } = this.#prefix;
    const choice = at >= length ? 0 : at === length - 1 ? last : taken[at]!;
    this.#options[at] = options;
    this.#taken[at] = choice;
    this.#costs[at] = costs;
    return choice;
  }

  /** Choices that there were. */
  options(at: number): number {
    return this.#options[at]!;
  }

  /** Whether any choice but 0 was a preemption more. */
  costs(at: number): boolean {
    return this.#costs[at]!;
  }

  /** What was taken, in a list of its own. */
  taken(): number[] {
    return this.#taken.slice(0, this.count);
  }
}
