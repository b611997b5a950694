// Models: nothing - which pages of a migration were copied, and what the copies hold whose sources were written since.
import type { MigrationArrays } from './migration-arrays.ts';
import type { CopyingMigration, MovedContents } from './moved-contents.ts';

/** The copies of one migration, by index of the page. */
export class MigrationCopies implements CopyingMigration {
  private readonly moved: MovedContents;
  /** CPU page of each, -1: unknown. */
  private readonly cpuPages: Float64Array;
  private readonly copied: Uint8Array;
  private readonly bytes = new Map<number, Uint8Array>();

  constructor(moved: MovedContents, { cpuPages, copied }: MigrationArrays) {
    this.moved = moved;
    this.cpuPages = cpuPages;
    this.copied = copied;
  }

  /** The pages `[index, index + count)` were copied to their targets. */
  note(index: number, count: number): void {
    this.copied.fill(1, index, index + count);
    this.moved.began(this);
  }

  /** No copy is made any more, and those that there are take their places. */
  end(): void {
    this.moved.ended(this);
  }

  beforeWrite(page: number, bytes: () => Uint8Array): void {
    const index = this.cpuPages.indexOf(page);
    if (index >= 0 && this.copied[index] === 1 && !this.bytes.has(index)) this.bytes.set(index, bytes());
  }

  /** `frame` takes the place of `source` at `page`, which has the index. */
  place(index: number, page: number, source: number, frame: number): void {
    this.moved.placed(page, source, frame, this.copied[index] === 1, this.bytes.get(index));
  }
}
