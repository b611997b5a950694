// Models: nothing - why PTEs of a chunk are not what they should be: the quirk that was met when it came to that.
import { PAGES_PER_BLOCK } from '../kernel/page-number.ts';
import { LateMap } from '../kernel/late-map.ts';

/** Ways in which a PTE can be wrong, as bits. */
export const Wrong = { stale: 1, uncovered: 2, permission: 4, copyOnWrite: 8, used: 16 } as const;

/** What happened to the PTEs of one range. */
export interface Cause {
  readonly quirk: string;
  readonly startPage: number;
  readonly pages: number;
  /** Bits of `Wrong` that were reported. */
  reported: number;
}

// Chunks of a range, and a factor that makes one key of first page and size: small ranges may lie where a large one was.
const CHUNKS = [1, 16, 512] as const;
const SIZES = CHUNKS.length;

/** Causes by range, which may be gone. Empty as long as nothing is wrong. Ranges lie in one block. */
export class Causes {
  /** By block, then by chunk. */
  readonly #blocks = new LateMap<number, Map<number, Cause>>();
  // The block that was asked for last, if all of it has one cause and none of its parts another: checks ask page by page.
  #wholeBlock = -1;
  #wholeCause: Cause | undefined;

  set(quirk: string, startPage: number, pages: number): void {
    const block = blockOf(startPage);
    this.#wholeBlock = -1;
    let causes = this.#blocks.get(block);
    if (causes === undefined) this.#blocks.set(block, (causes = new Map()));
    causes.set(keyOf(startPage, pages), { quirk, startPage, pages, reported: 0 });
  }

  /** As `set`, unless that very cause is known already. */
  keep(quirk: string, startPage: number, pages: number): void {
    const known = this.#blocks.get(blockOf(startPage))?.get(keyOf(startPage, pages));
    if (known?.quirk !== quirk) this.set(quirk, startPage, pages);
  }

  /**
   * The context of a range ends over its live PTEs (Q11). What was wrong before keeps its name: true if it was reported, so
   * that nothing is new.
   */
  endContext(startPage: number, pages: number): boolean {
    const before = this.of(startPage)?.reported;
    if (before !== 0) this.keep('Q11', startPage, pages);
    return before !== undefined && before !== 0;
  }

  /** The cause of the smallest chunk that contains `page`. */
  of(page: number): Cause | undefined {
    const block = blockOf(page);
    if (block === this.#wholeBlock) return this.#wholeCause;
    const causes = this.#blocks.get(block);
    if (causes === undefined) return undefined;
    const whole = causes.size === 1 ? causes.get(keyOf(block * PAGES_PER_BLOCK, PAGES_PER_BLOCK)) : undefined;
    if (whole !== undefined) {
      this.#wholeBlock = block;
      return (this.#wholeCause = whole);
    }
    for (const pages of CHUNKS) {
      const cause = causes.get(keyOf(page - (page % pages), pages));
      if (cause !== undefined) return cause;
    }
    return undefined;
  }

  /** The PTEs of `[startPage, startPage + pages)` are made again: what was wrong with whole chunks there is over. */
  clear(startPage: number, pages: number): void {
    if (this.#blocks.size === 0) return;
    this.#wholeBlock = -1;
    const endPage = startPage + pages;
    for (let block = blockOf(startPage); block <= blockOf(endPage - 1); block++) {
      const causes = this.#blocks.get(block);
      if (causes === undefined) continue;
      for (const [key, cause] of causes) {
        if (cause.startPage >= startPage && cause.startPage + cause.pages <= endPage) causes.delete(key);
      }
      if (causes.size === 0) this.#blocks.delete(block);
    }
  }
}

function blockOf(page: number): number {
  return Math.floor(page / PAGES_PER_BLOCK);
}

function keyOf(startPage: number, pages: number): number {
  return startPage * SIZES + (pages === 512 ? 2 : pages === 16 ? 1 : 0);
}
