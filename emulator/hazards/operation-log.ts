// Models: nothing - the last operations of a machine and the pages they were about, in constant memory.
import type { LoggedOperation, OperationWord } from '../observe/hazard.ts';

const CAPACITY = 512;
const MOST_CITED = 6;

// Three numbers an entry: operation, first page, page after the last.
const WIDTH = 3;

/** A ring of operations, which grows until it is full: most machines of an explorer run a dozen. */
export class OperationLog {
  readonly #entries: number[] = [];
  readonly #words: OperationWord[] = [];
  #next = 0;
  #last = -1;

  /** Notes that operation number `operation` did `word` to the pages `[startPage, endPage)`. */
  note(operation: number, word: OperationWord, startPage: number, endPage: number): void {
    const entries = this.#entries;
    const last = this.#last;
    // An access faults on page after page: it is one entry, or it would push out all that led to it.
    if (last >= 0 && entries[last * WIDTH] === operation && this.#words[last] === word) {
      const at = last * WIDTH;
      if (startPage >= entries[at + 1]! && startPage <= entries[at + 2]!) {
        if (endPage > entries[at + 2]!) entries[at + 2] = endPage;
        return;
      }
    }
    const next = this.#next;
    const at = next * WIDTH;
    entries[at] = operation;
    entries[at + 1] = startPage;
    entries[at + 2] = endPage;
    this.#words[next] = word;
    this.#last = next;
    this.#next = next + 1 === CAPACITY ? 0 : next + 1;
  }

  /** The last operations that touched `[startPage, endPage)`, oldest first. */
  touching(startPage: number, endPage: number): LoggedOperation[] {
    const found: LoggedOperation[] = [];
    const entries = this.#entries;
    const count = this.#words.length;
    for (let back = 1; back <= count && found.length < MOST_CITED; back++) {
      const index = (this.#next - back + CAPACITY) % CAPACITY;
      const at = index * WIDTH;
      if (entries[at + 1]! >= endPage || entries[at + 2]! <= startPage) continue;
      const entry = { operation: entries[at]!, what: this.#words[index]! };
      const last = found[found.length - 1];
      if (last?.operation !== entry.operation || last.what !== entry.what) found.push(entry);
    }
    return found.reverse();
  }
}

/** The log where nobody asks what led somewhere: it is empty. A class, so that noting in a log that is kept asks for nothing. */
export class SilentLog extends OperationLog {
  override note(): void {}
}
