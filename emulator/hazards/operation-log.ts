// Models: nothing - the last operations of a machine and the pages they were about, in constant memory.
import { OPERATION_WORDS } from '../observe/hazard.ts';
import type { LoggedOperation, OperationWord } from '../observe/hazard.ts';

const NUMBER_OF_WORD = Object.fromEntries(OPERATION_WORDS.map((word, index) => [word, index])) as Record<
  OperationWord,
  number
>;
const CAPACITY = 512;
const MOST_CITED = 6;

// Four numbers an entry: operation, word, first page, page after the last.
const WIDTH = 4;

/** A ring of operations, which grows until it is full: most machines of an explorer run a dozen. */
export class OperationLog {
  readonly #entries: number[] = [];
  #next = 0;
  #count = 0;

  /** Notes that operation number `operation` did `word` to the pages `[startPage, endPage)`. */
  note(operation: number, word: OperationWord, startPage: number, endPage: number): void {
    const number = NUMBER_OF_WORD[word];
    const entries = this.#entries;
    const last = ((this.#next - 1 + CAPACITY) % CAPACITY) * WIDTH;
    // An access faults on page after page: it is one entry, or it would push out all that led to it.
    if (
      entries[last] === operation &&
      entries[last + 1] === number &&
      startPage >= entries[last + 2]! &&
      startPage <= entries[last + 3]!
    ) {
      if (endPage > entries[last + 3]!) entries[last + 3] = endPage;
      return;
    }
    const at = this.#next * WIDTH;
    entries[at] = operation;
    entries[at + 1] = number;
    entries[at + 2] = startPage;
    entries[at + 3] = endPage;
    this.#next++;
    if (this.#next === CAPACITY) this.#next = 0;
    if (this.#count < CAPACITY) this.#count++;
  }

  /** The last operations that touched `[startPage, endPage)`, oldest first. */
  touching(startPage: number, endPage: number): LoggedOperation[] {
    const found: LoggedOperation[] = [];
    const entries = this.#entries;
    for (let back = 1; back <= this.#count && found.length < MOST_CITED; back++) {
      const at = ((this.#next - back + CAPACITY) % CAPACITY) * WIDTH;
      if (entries[at + 2]! >= endPage || entries[at + 3]! <= startPage) continue;
      const entry = { operation: entries[at]!, what: OPERATION_WORDS[entries[at + 1]!]! };
      const last = found[found.length - 1];
      if (last?.operation !== entry.operation || last.what !== entry.what) found.push(entry);
    }
    return found.reverse();
  }
}
