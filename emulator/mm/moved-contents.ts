// Models: what the pages hold that move between system memory and VRAM (spec/trace-format-v8 §3, §4).
//
// Bytes stand where the CPU's page is, wherever that page lies: a page that was copied and then takes the place of its
// source needs no bytes moved. Only what is not so is noted here.
import { SYSTEM_FRAMES_END } from '../kernel/frame.ts';
import { PAGE_BYTES } from '../kernel/page-number.ts';
import type { PageContents, WriteListener } from './page-contents.ts';
import { LateSet } from '../kernel/late-map.ts';

/** A migration that may have copied pages already. */
export interface CopyingMigration {
  /** Somebody is about to write to `page`, which holds `bytes` now. */
  beforeWrite(page: number, bytes: () => Uint8Array): void;
}

/** Contents of the pages of one process on their way. */
export class MovedContents implements WriteListener {
  private readonly contents: PageContents;
  private readonly migrations = new LateSet<CopyingMigration>();
  /** Frames of system memory that were never written since they were allocated, and copies of such. */
  private readonly uninitialised = new LateSet<number>();
  /** Frames to which pages went without their contents, and copies of such. */
  private readonly lost = new LateSet<number>();

  constructor(contents: PageContents) {
    this.contents = contents;
  }

  /** Whether any page lost what it held because a migration did not copy it. */
  get anyLost(): boolean {
    return this.lost.size > 0;
  }

  /** Whether the page that lies in `frame` lost what it held because a migration did not copy it. */
  isLost(frame: number): boolean {
    return this.lost.has(frame);
  }

  /** Whether the page that lies in `frame` holds what its memory held before it was allocated. */
  isUninitialised(frame: number): boolean {
    return this.uninitialised.has(frame);
  }

  /** Somebody wrote to the page in `frame`. */
  written(frame: number): void {
    this.uninitialised.delete(frame);
    this.lost.delete(frame);
  }

  /** VRAM `[firstFrame, firstFrame + pages)` is given out, cleared. */
  cleared(firstFrame: number, pages: number): void {
    this.contents.forgetGhosts(firstFrame, pages);
    if (this.uninitialised.size + this.lost.size > 0)
      for (let frame = firstFrame; frame < firstFrame + pages; frame++) this.written(frame);
  }

  /** A migration copies from now on, until `ended`: copies keep what their sources were, if these are written. */
  began(migration: CopyingMigration): void {
    this.migrations.add(migration);
    this.contents.writeListener = this;
  }

  ended(migration: CopyingMigration): void {
    this.migrations.delete(migration);
    if (this.migrations.size === 0) this.contents.writeListener = null;
  }

  /**
   * `target` takes the place of `source` (0: of nothing) at `page`. `copied`: it was copied before, and what is the
   * same still; `bytes`: what it was then, if it is not.
   */
  placed(page: number, source: number, target: number, copied: boolean, bytes?: Uint8Array): void {
    const contents = this.contents;
    const loses = !copied && source !== 0 && (target < SYSTEM_FRAMES_END || contents.mayHold(page, page + 1));
    if (source !== 0) contents.pageLeaves(page, source);
    if (loses || this.lost.size > 0) this.noteLoss(source, target, loses);
    if (copied) {
      contents.forgetGhosts(target, 1);
      if (this.uninitialised.size > 0) {
        if (this.uninitialised.has(source)) this.uninitialised.add(target);
        else this.uninitialised.delete(target);
      }
      if (bytes === undefined) return;
      contents.clear(page, page + 1);
      contents.bytesOf(page).set(bytes);
      return;
    }
    contents.clear(page, page + 1);
    const old = contents.ghostOf(target);
    if (old !== undefined) {
      contents.bytesOf(page).set(old);
      contents.forgetGhosts(target, 1);
    }
    if (target < SYSTEM_FRAMES_END) this.uninitialised.add(target);
  }

  private noteLoss(source: number, target: number, loses: boolean): void {
    const lost = this.lost.delete(source);
    if (loses || lost) this.lost.add(target);
    else this.lost.delete(target);
  }

  /** Of the contents: the bytes of `page` are about to be written. */
  beforeWrite(page: number): void {
    for (const migration of this.migrations.values())
      migration.beforeWrite(page, () => this.contents.peek(page)?.slice() ?? new Uint8Array(PAGE_BYTES));
  }
}
