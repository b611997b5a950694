// Models: nothing - the lists of pages of a migration, kept for the next one: making them costs more than filling them.

/** What is known of the pages of one migration, by index from the first. */
export class MigrationArrays {
  /** Bits of `Collected`. */
  readonly states: Uint8Array;
  /** Frames where the pages lie, 0: there is none. */
  readonly sources: Uint32Array;
  /** Frames where they are to go, 0: nowhere. */
  readonly targets: Uint32Array;
  /** CPU page of each, -1: unknown. */
  readonly cpuPages: Float64Array;
  /** 1: it was copied. */
  readonly copied: Uint8Array;

  constructor(pages: number) {
    this.states = new Uint8Array(pages);
    this.sources = new Uint32Array(pages);
    this.targets = new Uint32Array(pages);
    this.cpuPages = new Float64Array(pages).fill(-1);
    this.copied = new Uint8Array(pages);
  }

  clear(): void {
    this.states.fill(0);
    this.sources.fill(0);
    this.targets.fill(0);
    this.cpuPages.fill(-1);
    this.copied.fill(0);
  }
}

/** Those that nobody uses, of the largest size only: smaller ones are cheap. */
export class MigrationArraysPool {
  private readonly pages: number;
  private readonly free: MigrationArrays[] = [];

  /** `pages`: the largest size. */
  constructor(pages: number) {
    this.pages = pages;
  }

  /** Cleared ones for `pages` pages. */
  take(pages: number): MigrationArrays {
    const kept = pages === this.pages ? this.free.pop() : undefined;
    if (kept === undefined) return new MigrationArrays(pages);
    kept.clear();
    return kept;
  }

  /** Whoever took `arrays` needs them no more. */
  giveBack(arrays: MigrationArrays): void {
    if (arrays.states.length === this.pages) this.free.push(arrays);
  }
}
