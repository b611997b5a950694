/** Repeatable chance for the scenes: the same seed gives the same numbers on every machine. */

/** A xorshift generator of 32-bit numbers. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0 || 1;
  }

  /** A whole number from 0 to `end - 1`; `end` is at most 2^31. */
  below(end: number): number {
    let state = this.#state;
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    this.#state = state;
    return Math.floor(((state >>> 0) / 2 ** 32) * end);
  }

  /** The numbers from 0 to `count - 1` in random order. */
  permutation(count: number): Uint32Array {
    const order = new Uint32Array(count);
    for (let index = 0; index < count; index++) {
      const other = this.below(index + 1);
      order[index] = order[other]!;
      order[other] = index;
    }
    return order;
  }
}
