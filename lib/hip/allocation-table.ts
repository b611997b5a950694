/**
 * The runtime's allocations by address: "memory object known" of hip.md, and the
 * offset of a pointer in it.
 */
import type { HipMemory } from './memory.ts';

/** Entries of one chunk before it is halved: an insertion moves at most so many. */
const MOST_ENTRIES = 256;

/** Disjoint allocations in ascending order, in chunks so that neither end is expensive to change. */
export class AllocationTable {
  readonly #chunks: HipMemory[][] = [];
  #size = 0;

  /** Number of allocations. */
  get size(): number {
    return this.#size;
  }

  /** All of them, ascending. A copy: it may be freed from while walking. */
  all(): HipMemory[] {
    return this.#chunks.flat();
  }

  /** The allocation that contains the byte at `address`. */
  find(address: bigint): HipMemory | undefined {
    const page = Number(address >> 12n);
    const chunk = this.#chunks[this.#chunkOf(page)];
    if (chunk === undefined) return undefined;
    const found = chunk[lastUpTo(chunk, page)];
    // The end in bytes, not in pages: the rest of the last page belongs to nobody.
    return found !== undefined && address < found.end ? found : undefined;
  }

  /** `memory` must not overlap another one. */
  insert(memory: HipMemory): void {
    this.#size++;
    if (this.#chunks.length === 0) {
      this.#chunks.push([memory]);
      return;
    }
    const index = Math.max(this.#chunkOf(memory.page), 0);
    const chunk = this.#chunks[index]!;
    chunk.splice(lastUpTo(chunk, memory.page) + 1, 0, memory);
    if (chunk.length > MOST_ENTRIES) this.#chunks.splice(index + 1, 0, chunk.splice(MOST_ENTRIES / 2));
  }

  /** Whether it was there. */
  remove(memory: HipMemory): boolean {
    const index = this.#chunkOf(memory.page);
    const chunk = this.#chunks[index];
    if (chunk === undefined) return false;
    const at = lastUpTo(chunk, memory.page);
    if (chunk[at] !== memory) return false;
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
function lastUpTo(chunk: readonly HipMemory[], page: number): number {
  let low = 0;
  let high = chunk.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (chunk[middle]!.page <= page) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
