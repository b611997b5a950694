/** What a runtime has mapped, by address: the reservations of HSA, the "memory object known" of HIP. */

/** What can be found by address. Begins at a page. */
export interface AddressEntry {
  /** First page. */
  readonly page: number;
  /** Behind the last byte. */
  readonly end: bigint;
}

/** Entries of one chunk before it is halved: an insertion moves at most so many. */
const MOST_ENTRIES = 256;

/** Disjoint entries in ascending order, in chunks so that neither end is expensive to change. */
export class AddressTable<Entry extends AddressEntry> {
  readonly #chunks: Entry[][] = [];
  #size = 0;

  /** Number of entries. */
  get size(): number {
    return this.#size;
  }

  /** All of them, ascending. A copy: it may be removed from while walking. */
  all(): Entry[] {
    return this.#chunks.flat();
  }

  /** The entry that contains the byte at `address`. */
  find(address: bigint): Entry | undefined {
    const page = Number(address >> 12n);
    const chunk = this.#chunks[this.#chunkOf(page)];
    if (chunk === undefined) return undefined;
    const found = chunk[lastUpTo(chunk, page)];
    // The end in bytes, not in pages: the rest of the last page belongs to nobody.
    return found !== undefined && address < found.end ? found : undefined;
  }

  /** `entry` must not overlap another one. */
  insert(entry: Entry): void {
    this.#size++;
    if (this.#chunks.length === 0) {
      this.#chunks.push([entry]);
      return;
    }
    const index = Math.max(this.#chunkOf(entry.page), 0);
    const chunk = this.#chunks[index]!;
    chunk.splice(lastUpTo(chunk, entry.page) + 1, 0, entry);
    if (chunk.length > MOST_ENTRIES) this.#chunks.splice(index + 1, 0, chunk.splice(MOST_ENTRIES / 2));
  }

  /** Whether it was there. */
  remove(entry: Entry): boolean {
    const index = this.#chunkOf(entry.page);
    const chunk = this.#chunks[index];
    if (chunk === undefined) return false;
    const at = lastUpTo(chunk, entry.page);
    if (chunk[at] !== entry) return false;
    this.#size--;
    chunk.splice(at, 1);
    if (chunk.length === 0) this.#chunks.splice(index, 1);
    return true;
  }

  /** Index of the last chunk that begins at or below `page`, or -1. */
  #chunkOf(page: number): number {
    let low = 0;
    let high = this.#chunks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#chunks[middle]![0]!.page <= page) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}

/** Index of the last entry that begins at or below `page`, or -1. */
function lastUpTo(chunk: readonly AddressEntry[], page: number): number {
  let low = 0;
  let high = chunk.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (chunk[middle]!.page <= page) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
