// Models: nothing - the last operations of a machine and the pages they were about, in constant memory.

/** What an operation did, as the log shows it. */
export const OPERATION_WORDS = [
  'mmap', 'munmap', 'mprotect', 'discard', 'SET_ATTR', 'GET_ATTR', 'ioctl', 'GPU read fault', 'GPU write fault', 'collection', 'close',
] as const;
export type OperationWord = (typeof OPERATION_WORDS)[number];

/** One operation of the past. */
export interface LoggedOperation {
  /** Number of the operation, from 1. */
  readonly operation: number;
  readonly what: OperationWord;
}

const CAPACITY = 512;
const MOST_CITED = 6;

/** A ring of operations; writing to it allocates nothing. */
export class OperationLog {
  readonly #words = new Uint8Array(CAPACITY);
  readonly #operations = new Float64Array(CAPACITY);
  readonly #starts = new Float64Array(CAPACITY);
  readonly #ends = new Float64Array(CAPACITY);
  #count = 0;

  /** Notes that operation number `operation` did `word` to the pages `[startPage, endPage)`. */
  note(operation: number, word: OperationWord, startPage: number, endPage: number): void {
    const at = this.#count++ % CAPACITY;
    this.#words[at] = OPERATION_WORDS.indexOf(word);
    this.#operations[at] = operation;
    this.#starts[at] = startPage;
    this.#ends[at] = endPage;
  }

  /** The last operations that touched `[startPage, endPage)`, oldest first. */
  touching(startPage: number, endPage: number): LoggedOperation[] {
    const found: LoggedOperation[] = [];
    const oldest = Math.max(0, this.#count - CAPACITY);
    for (let index = this.#count - 1; index >= oldest && found.length < MOST_CITED; index--) {
      const at = index % CAPACITY;
      if (this.#starts[at]! >= endPage || this.#ends[at]! <= startPage) continue;
      const entry = { operation: this.#operations[at]!, what: OPERATION_WORDS[this.#words[at]!]! };
      const last = found[found.length - 1];
      if (last?.operation !== entry.operation || last.what !== entry.what) found.push(entry);
    }
    return found.reverse();
  }
}
