// Models: nothing - the pages whose state has to be looked at when the operation has ended.

/** Page intervals, kept in arrays that are reused. */
export class PageSpans {
  #starts = new Float64Array(16);
  #ends = new Float64Array(16);
  #count = 0;

  get count(): number {
    return this.#count;
  }

  start(index: number): number {
    return this.#starts[index]!;
  }

  end(index: number): number {
    return this.#ends[index]!;
  }

  /** Adds the pages `[startPage, endPage)`; the one added last grows if they touch. */
  add(startPage: number, endPage: number): void {
    const last = this.#count - 1;
    if (last >= 0 && startPage <= this.#ends[last]! && endPage >= this.#starts[last]!) {
      if (startPage < this.#starts[last]!) this.#starts[last] = startPage;
      if (endPage > this.#ends[last]!) this.#ends[last] = endPage;
      return;
    }
    if (this.#count === this.#starts.length) this.#grow();
    this.#starts[this.#count] = startPage;
    this.#ends[this.#count] = endPage;
    this.#count++;
  }

  clear(): void {
    this.#count = 0;
  }

  #grow(): void {
    const starts = new Float64Array(this.#count * 2);
    const ends = new Float64Array(this.#count * 2);
    starts.set(this.#starts);
    ends.set(this.#ends);
    this.#starts = starts;
    this.#ends = ends;
  }
}
