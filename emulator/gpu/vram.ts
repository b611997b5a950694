// Models: the VRAM manager of one GPU and TTM's list of buffers that can be evicted (spec/trace-format-v8 §4, spec/migration §2).
import { Errno } from '../../lib/uapi/errno.ts';

import type { Sleepable } from '../kernel/sleepable.ts';

/** Buffers are aligned to their size, rounded up to a power of two, at most to this. */
const CHUNK_PAGES = 512;

/** A buffer in VRAM that gives way when somebody else needs the place. */
export interface EvictableBuffer {
  /** First page in VRAM. */
  readonly offset: number;
  readonly pages: number;
}

/** The VRAM of one GPU, in pages of 4 KiB. */
export class Vram<Evictable extends EvictableBuffer> {
  /** Pages that there are. */
  readonly total: number;
  /** Pages taken by evictable buffers. */
  evictablePages = 0;
  /** Pages taken by others. */
  pinnedPages = 0;
  /** Taken pages of each chunk. */
  private readonly used: Uint16Array;
  /** Which pages of a chunk are taken; only of chunks that are neither empty nor full. */
  private readonly taken = new Map<number, Uint8Array>();
  /** No chunk before this one has a free page. */
  private firstFree = 0;
  /** In the order of their creation, with the number of each. */
  private readonly numbers = new Map<Evictable, number>();
  private created = 0;
  /** Sizes of what `pin` gave out, by first page. */
  private readonly pinned = new Map<number, number>();
  private readonly evicting = new Set<Evictable>();

  constructor(total: number) {
    this.total = total;
    this.used = new Uint16Array(Math.ceil(total / CHUNK_PAGES));
  }

  /** Evictable buffers, the oldest first. */
  buffers(): IterableIterator<Evictable> {
    return this.numbers.keys();
  }

  /**
   * Finds a place for `pages` pages in a row; `evict` makes a buffer leave (0, or a negative errno after which it is
   * still there). Returns the first page, or a negative errno: ENOMEM if nothing can make room, or what `evict` gave.
   */
  *findPlace(pages: number, evict: (buffer: Evictable) => Sleepable<number>): Sleepable<number> {
    let offset = this.firstFit(pages);
    if (offset >= 0) return offset;
    const last = this.created;
    for (const [buffer, number] of this.numbers) {
      // Those that are made meanwhile are not looked at.
      if (number > last) break;
      if (this.evicting.has(buffer)) continue;
      const result = yield* this.evict(buffer, evict);
      // mutant: pinned-buffer-is-the-end
      if (result === -Errno.EBUSY) continue;
      if (result !== 0) return result;
      offset = this.firstFit(pages);
      if (offset >= 0) return offset;
    }
    // mutant: vram-full-is-busy
    return -Errno.ENOMEM;
  }

  /** Evicts the oldest buffer that is not being evicted already; -ENOENT if there is none. */
  *evictOldest(evict: (buffer: Evictable) => Sleepable<number>): Sleepable<number> {
    for (const buffer of this.numbers.keys()) if (!this.evicting.has(buffer)) return yield* this.evict(buffer, evict);
    // mutant: nothing-to-evict-is-0
    return -Errno.ENOENT;
  }

  private *evict(buffer: Evictable, evict: (buffer: Evictable) => Sleepable<number>): Sleepable<number> {
    this.evicting.add(buffer);
    try {
      return yield* evict(buffer);
    } finally {
      this.evicting.delete(buffer);
    }
  }

  /** Takes the place of a new buffer, which `findPlace` gave. */
  add(buffer: Evictable): void {
    this.mark(buffer.offset, buffer.pages, 1);
    this.evictablePages += buffer.pages;
    this.numbers.set(buffer, ++this.created);
  }

  remove(buffer: Evictable): void {
    this.numbers.delete(buffer);
    this.evictablePages -= buffer.pages;
    this.mark(buffer.offset, buffer.pages, 0);
  }

  /** Takes a place that is never evicted; `findPlace` gave it. */
  pin(offset: number, pages: number): void {
    // mutant: taken-vram-is-free
    this.mark(offset, pages, 1);
    this.pinnedPages += pages;
    this.pinned.set(offset, pages);
  }

  /** Gives back what `pin` took at `offset`: 0, or -ENOENT. */
  unpin(offset: number): number {
    const pages = this.pinned.get(offset);
    if (pages === undefined) return -Errno.ENOENT;
    this.pinned.delete(offset);
    this.pinnedPages -= pages;
    this.mark(offset, pages, 0);
    return 0;
  }

  private chunkSize(chunk: number): number {
    return Math.min(CHUNK_PAGES, this.total - chunk * CHUNK_PAGES);
  }

  /** The lowest free place, or -1. */
  private firstFit(pages: number): number {
    const chunks = this.used.length;
    while (this.firstFree < chunks && this.used[this.firstFree] === this.chunkSize(this.firstFree)) this.firstFree++;
    if (pages > CHUNK_PAGES / 2) return this.firstFitOfChunks(pages);
    // mutant: buffer-not-aligned
    const step = 2 ** Math.ceil(Math.log2(pages));
    for (let chunk = this.firstFree; chunk < chunks; chunk++) {
      const size = this.chunkSize(chunk);
      if (this.used[chunk]! + pages > size) continue;
      if (this.used[chunk] === 0) return chunk * CHUNK_PAGES;
      const taken = this.taken.get(chunk)!;
      for (let at = 0; at + pages <= size; at += step)
        if (isFree(taken, at, at + pages)) return chunk * CHUNK_PAGES + at;
    }
    return -1;
  }

  private firstFitOfChunks(pages: number): number {
    const chunks = this.used.length;
    for (let first = this.firstFree; first * CHUNK_PAGES + pages <= this.total; first++) {
      let chunk = first;
      let rest = pages;
      for (; rest >= CHUNK_PAGES && this.used[chunk] === 0; chunk++) rest -= CHUNK_PAGES;
      if (rest === 0) return first * CHUNK_PAGES;
      if (rest < CHUNK_PAGES && chunk < chunks) {
        if (this.used[chunk] === 0) return first * CHUNK_PAGES;
        const taken = this.taken.get(chunk);
        if (taken !== undefined && isFree(taken, 0, rest)) return first * CHUNK_PAGES;
      }
    }
    return -1;
  }

  private mark(offset: number, pages: number, value: 0 | 1): void {
    const end = offset + pages;
    for (let page = offset; page < end;) {
      const chunk = Math.floor(page / CHUNK_PAGES);
      const from = page - chunk * CHUNK_PAGES;
      const to = Math.min(end - chunk * CHUNK_PAGES, CHUNK_PAGES);
      const size = this.chunkSize(chunk);
      const used = this.used[chunk]! + (value === 1 ? to - from : from - to);
      this.used[chunk] = used;
      if (used === 0 || used === size) {
        this.taken.delete(chunk);
      } else {
        let taken = this.taken.get(chunk);
        // Of a chunk without a map all pages were as these are not now.
        if (taken === undefined) this.taken.set(chunk, (taken = new Uint8Array(size).fill(1 - value)));
        taken.fill(value, from, to);
      }
      if (value === 0) this.firstFree = Math.min(this.firstFree, chunk);
      page = chunk * CHUNK_PAGES + to;
    }
  }
}

function isFree(taken: Uint8Array, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if (taken[at] !== 0) return false;
  return true;
}
