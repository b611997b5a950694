// Models: what the pages hold that move between system memory and VRAM (spec/trace-format-v8 §3, §4).
//
// Bytes stand where the CPU's page is, wherever that page lies: a page that was copied and then takes the place of its
// source needs no bytes moved. Only what is not so is noted here.
import { SYSTEM_FRAMES_END } from '../kernel/frame.ts';
import { PAGE_BYTES } from '../kernel/page-number.ts';
import type { PageContents } from './page-contents.ts';

/** Contents of the pages of one process on their way. */
export class MovedContents {
  readonly #contents: PageContents;
  /** Frames that hold a copy of what stands at a page (-1: of nothing), and bytes of their own once somebody wrote there. */
  readonly #copies = new Map<number, { readonly page: number; bytes: Uint8Array | undefined }>();
  /** Frames of system memory that were never written since they were allocated, and copies of such. */
  readonly #uninitialised = new Set<number>();

  constructor(contents: PageContents) {
    this.#contents = contents;
  }

  /** Whether the page that lies in `frame` holds what its memory held before it was allocated. */
  isUninitialised(frame: number): boolean {
    return this.#uninitialised.has(frame);
  }

  /** Somebody wrote to the page in `frame`. */
  written(frame: number): void {
    this.#uninitialised.delete(frame);
  }

  /** VRAM `[firstFrame, firstFrame + pages)` is given out, cleared. */
  cleared(firstFrame: number, pages: number): void {
    this.#contents.forgetGhosts(firstFrame, pages);
    if (this.#uninitialised.size > 0)
      for (let frame = firstFrame; frame < firstFrame + pages; frame++) this.#uninitialised.delete(frame);
  }

  /** What the page in `source` holds, which stands at `page` (-1: nowhere any more), is copied to `target`. */
  copied(page: number, source: number, target: number): void {
    this.#copies.set(target, { page, bytes: undefined });
    this.#contents.forgetGhosts(target, 1);
    if (this.#uninitialised.has(source)) this.#uninitialised.add(target);
    else this.#uninitialised.delete(target);
    this.#contents.beforeWrite = this.#beforeWrite;
  }

  /** `target` takes the place of `source` (0: of nothing) at `page`. */
  placed(page: number, source: number, target: number): void {
    const contents = this.#contents;
    if (source !== 0) contents.pageLeaves(page, source);
    const copy = this.#copies.get(target);
    if (copy !== undefined) {
      this.#end(target);
      if (copy.page === page && copy.bytes === undefined) return;
      contents.clear(page, page + 1);
      if (copy.bytes !== undefined) contents.bytesOf(page).set(copy.bytes);
      return;
    }
    contents.clear(page, page + 1);
    const old = contents.ghostOf(target);
    if (old !== undefined) {
      contents.bytesOf(page).set(old);
      contents.forgetGhosts(target, 1);
    }
    if (target < SYSTEM_FRAMES_END) this.#uninitialised.add(target);
  }

  /** `target` takes no place after all. */
  abandoned(target: number): void {
    this.#end(target);
  }

  #end(target: number): void {
    this.#copies.delete(target);
    if (this.#copies.size === 0) this.#contents.beforeWrite = null;
  }

  /** Copies of what stands at `page` keep what it is now. */
  readonly #beforeWrite = (page: number): void => {
    for (const copy of this.#copies.values()) {
      if (copy.page !== page || copy.bytes !== undefined) continue;
      copy.bytes = this.#contents.peek(page)?.slice() ?? new Uint8Array(PAGE_BYTES);
    }
  };
}
