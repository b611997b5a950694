// Models: ktime_get_boottime of the machine, as virtual time, and the timers of the kernel.

import { argumentError, functionArgument } from './arguments.ts';

/** Nanoseconds at which the clock of a machine starts, so that 0 can mean "never" (spec/trace-format §3). */
export const CLOCK_START = 1_000_000_000;

/** A timer that has been armed. It fires once. */
export interface Timer {
  /** Nanoseconds since boot. */
  readonly due: number;
}

interface ArmedTimer extends Timer {
  readonly expire: () => void;
}

/** Virtual clock. Only `advance` moves it. */
export class VirtualClock {
  private time = Number.NaN;
  // Ascending by due time; of equal ones, the one armed first.
  private readonly timers: ArmedTimer[] = [];

  constructor() {
    this.time = CLOCK_START; // after NaN: docs/development.md
  }

  /** Nanoseconds since boot. */
  get now(): number {
    return this.time;
  }

  /** Number of timers that have not fired. */
  get armed(): number {
    return this.timers.length;
  }

  /**
   * Lets `expire` be called when the clock passes or reaches `due` (nanoseconds since boot). It is called by
   * `advance` only, also where `due` is not in the future; the clock shows the due time meanwhile, or stays where it
   * is for a due time that was past already.
   */
  arm(due: number, expire: () => void): Timer {
    functionArgument('expire', expire);
    if (!Number.isSafeInteger(due) || due < 0) {
      throw argumentError(RangeError, `due: expected a whole number from 0 to 2^53 - 1, got ${due}`);
    }
    const timer: ArmedTimer = { due, expire };
    let index = this.timers.length;
    while (index > 0 && this.timers[index - 1]!.due > due) index--;
    this.timers.splice(index, 0, timer);
    return timer;
  }

  /** Takes a timer back; says whether it had not fired yet. */
  disarm(timer: Timer): boolean {
    const index = this.timers.indexOf(timer as ArmedTimer);
    if (index < 0) return false;
    this.timers.splice(index, 1);
    return true;
  }

  /**
   * Moves the clock by `nanoseconds`, a whole number of at least 0, and fires the timers that it passes, in the order
   * of their due times; also those that are armed meanwhile. Throws a RangeError for anything else, or when the clock
   * would pass 2^53 - 1 ns. An error of a timer ends the movement at its due time.
   */
  advance(nanoseconds: number): void {
    if (!Number.isSafeInteger(nanoseconds) || nanoseconds < 0) {
      throw argumentError(RangeError, `nanoseconds: expected a whole number from 0 to 2^53 - 1, got ${nanoseconds}`);
    }
    const target = this.time + nanoseconds;
    if (!Number.isSafeInteger(target)) throw argumentError(RangeError, 'nanoseconds: the clock would pass 2^53 - 1 ns');
    while (this.timers.length > 0 && this.timers[0]!.due <= target) {
      const { due, expire } = this.timers.shift()!;
      if (due > this.time) this.time = due;
      expire();
    }
    // A timer may have moved the clock itself.
    if (target > this.time) this.time = target;
  }
}
