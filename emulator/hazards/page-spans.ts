// Models: nothing - the pages whose state has to be looked at when the operation has ended.

/** More of them become one that covers them all: pages without PTEs cost nothing. */
const MOST_SPANS = 1 << 16;

/** Page intervals, kept in arrays that are reused. */
export class PageSpans {
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];
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
    if (this.#count === MOST_SPANS) this.#mergeAll();
    this.#starts[this.#count] = startPage;
    this.#ends[this.#count] = endPage;
    this.#count++;
  }

  clear(): void {
    this.#count = 0;
  }

  #mergeAll(): void {
    let start = this.#starts[0]!;
    let end = this.#ends[0]!;
    for (let index = 1; index < this.#count; index++) {
      start = Math.min(start, this.#starts[index]!);
      end = Math.max(end, this.#ends[index]!);
    }
    this.#starts[0] = start;
    this.#ends[0] = end;
    this.#count = 1;
  }
}
