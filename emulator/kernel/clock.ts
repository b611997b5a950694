// Models: ktime_get_boottime of the machine, as virtual time.

/** Nanoseconds at which the clock of a machine starts, so that 0 can mean "never" (spec/trace-format §3). */
export const CLOCK_START = 1_000_000_000;

/** Virtual clock. Only `advance` moves it. */
export class VirtualClock {
  #now = CLOCK_START;

  /** Nanoseconds since boot. */
  get now(): number {
    return this.#now;
  }

  /**
   * Moves the clock by `nanoseconds`, a whole number of at least 0. Throws a
   * RangeError for anything else, or when the clock would pass 2^53 - 1 ns.
   */
  advance(nanoseconds: number): void {
    if (!Number.isSafeInteger(nanoseconds) || nanoseconds < 0) {
      throw new RangeError(`nanoseconds: expected a whole number from 0 to 2^53 - 1, got ${nanoseconds}`);
    }
    const next = this.#now + nanoseconds;
    if (!Number.isSafeInteger(next)) throw new RangeError('nanoseconds: the clock would pass 2^53 - 1 ns');
    this.#now = next;
  }
}
