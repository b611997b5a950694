// Models: what is written in the pages, and the old contents of pages that a stale PTE still reaches.
import { OrderedMap } from '../kernel/ordered-map.ts';
import { SYSTEM_FRAMES_END } from '../kernel/frame.ts';
import { addressOfPage, PAGE_BYTES } from '../kernel/page-number.ts';
import { StaleFrames } from './stale-frames.ts';
import type { FrameReferenceCheck } from './stale-frames.ts';
import { LateMap } from '../kernel/late-map.ts';

const NOTHING = new Uint8Array(0);
const PAGE_WORDS = PAGE_BYTES / 4;

/**
 * Bytes of consecutive pages. Nothing here reads or writes a page that nobody wrote: its memory is not there yet,
 * and would be made.
 */
class Store {
  bytes: Uint8Array;
  /** Bit p: page p was written. null: anybody may have written anywhere, since others have the bytes too. */
  written: Uint8Array | null;
  /** The same bytes, for looking at them; undefined if they do not lie on a multiple of 4. */
  private words: Int32Array | undefined = undefined;

  constructor(bytes: Uint8Array, isShared: boolean) {
    this.bytes = bytes;
    this.written = isShared ? null : new Uint8Array(Math.ceil(bytes.length / PAGE_BYTES / 8));
  }

  page(index: number): Uint8Array {
    return this.bytes.subarray(index * PAGE_BYTES, (index + 1) * PAGE_BYTES);
  }

  move(bytes: Uint8Array): void {
    this.bytes = bytes;
    this.words = undefined;
  }

  isWritten(index: number): boolean {
    return this.written === null || (this.written[index >> 3]! & (1 << (index & 7))) !== 0;
  }

  noteWritten(index: number): void {
    if (this.written !== null) this.written[index >> 3] = this.written[index >> 3]! | (1 << (index & 7));
  }

  /** Whether the page holds a byte other than 0. */
  holds(index: number): boolean {
    if (!this.isWritten(index)) return false;
    const { buffer, byteOffset, length } = this.bytes;
    if (byteOffset % 4 !== 0) return this.page(index).some((byte) => byte !== 0);
    const words = (this.words ??= new Int32Array(buffer, byteOffset, length / 4));
    for (let at = index * PAGE_WORDS; at < (index + 1) * PAGE_WORDS; at += 4) {
      if ((words[at]! | words[at + 1]! | words[at + 2]! | words[at + 3]!) !== 0) return true;
    }
    return false;
  }

  /** Zeroes the page, if it is not zero. */
  clear(index: number): void {
    if (!this.holds(index)) return;
    this.page(index).fill(0);
    if (this.written !== null) this.written[index >> 3] = this.written[index >> 3]! & ~(1 << (index & 7));
  }
}

/** The pages `[startPage, startPage + pages)`, which are in `store` from its page `firstPage` on. */
interface Segment {
  readonly startPage: number;
  readonly pages: number;
  readonly store: Store;
  readonly firstPage: number;
}

/** Who is told of writes. */
export interface WriteListener {
  /** The bytes of `page` are about to be written. */
  beforeWrite(page: number): void;
}

/** Until a machine says who knows. */
const isReferencedByNobody = (): boolean => false;

/** Memory that is not ours, of which the pages here are a picture: the program whose address space a served node mirrors. */
export interface ForeignMemory {
  /** Fills `target` with the bytes from `address` on. */
  read(address: bigint, target: Uint8Array): void;
  /** Writes the bytes of `source` from `address` on. */
  write(address: bigint, source: Uint8Array): void;
  /** The first of the pages `[startPage, endPage)` of a file mapping that has nothing behind it, `endPage` if all have. */
  endOfFile(startPage: number, endPage: number): number;
}

/** Bytes of a process, by page number; pages that nobody wrote read as zeros and take no memory. */
export class PageContents {
  private readonly segments = new OrderedMap<Segment>();
  // The segment found last; it is in `segments`.
  private recent: Segment | undefined = undefined;
  // The pages `[gapStart, gapEnd)`, which were looked at last, are in no segment; none: gapEnd is NaN.
  private gapStart = Number.NaN;
  private gapEnd = Number.NaN;
  private readonly ghosts = new LateMap<number, { page: number; bytes: Uint8Array }>();
  private sweepAt = 64;
  /** Frames of VRAM that have left pages whose PTEs point there; they may lie elsewhere now. */
  private readonly stale = new StaleFrames();
  /** Set by the machine, which knows the GPU page tables. */
  isFrameReferenced: FrameReferenceCheck = isReferencedByNobody;
  /** Where the contents really are, if not here. Old contents of pages that left can't be kept then. */
  foreign: ForeignMemory | null = null;
  /** Who wants to know before the bytes of a page are written. */
  writeListener: WriteListener | null = null;

  /**
   * Makes `bytes` (a multiple of the page size) the contents of the pages from `startPage` on. `isShared`: somebody
   * else reads and writes them too. Otherwise they are zeros, and nobody has them until `share`.
   */
  attach(startPage: number, bytes: Uint8Array, isShared = true): void {
    const pages = bytes.length / PAGE_BYTES;
    this.detach(startPage, startPage + pages);
    this.insert({ startPage, pages, store: new Store(bytes, isShared), firstPage: 0 });
  }

  /** From now on somebody else reads and writes what is in `buffer`. */
  share(buffer: ArrayBuffer): void {
    for (const { store } of this.segments.values()) if (store.bytes.buffer === buffer) store.written = null;
  }

  /** The 4096 bytes of a page for writing, made if the page has none yet. */
  bytesOf(page: number): Uint8Array {
    if (this.writeListener !== null) this.writeListener.beforeWrite(page);
    const segment = this.find(page);
    if (segment !== undefined) {
      const index = segment.firstPage + (page - segment.startPage);
      segment.store.noteWritten(index);
      return segment.store.page(index);
    }
    const bytes = new Uint8Array(PAGE_BYTES);
    const store = new Store(bytes, true);
    this.insert({ startPage: page, pages: 1, store, firstPage: 0 });
    return bytes;
  }

  /** The 4096 bytes of a page for reading, or undefined when nothing was written there. */
  peek(page: number): Uint8Array | undefined {
    const segment = this.find(page);
    if (segment === undefined) return undefined;
    const index = segment.firstPage + (page - segment.startPage);
    return segment.store.isWritten(index) ? segment.store.page(index) : undefined;
  }

  /** Whether anything may have been written in the pages `[startPage, endPage)`, as far as it is known without a look at them. */
  mayHold(startPage: number, endPage: number): boolean {
    if (this.segments.size === 0) return false;
    let segment = this.firstFrom(startPage);
    for (; segment !== undefined && segment.startPage < endPage; segment = this.segments.higher(segment.startPage)) {
      const { store } = segment;
      const offset = segment.firstPage - segment.startPage;
      const to = Math.min(endPage, segment.startPage + segment.pages) + offset;
      for (let index = Math.max(startPage, segment.startPage) + offset; index < to;) {
        if (store.isWritten(index)) return true;
        // Eight pages at once.
        index += (index & 7) === 0 && store.written![index >> 3] === 0 ? 8 : 1;
      }
    }
    return false;
  }

  /** Fills `target` with the bytes of `page` from byte `within` on; it may not reach beyond the page. */
  read(page: number, within: number, target: Uint8Array): void {
    if (this.foreign !== null) this.foreign.read(byteAddress(page, within), target);
    else target.set(this.peek(page)?.subarray(within, within + target.length) ?? NOTHING);
  }

  /** Writes `source` to `page` from byte `within` on; it may not reach beyond the page. */
  write(page: number, within: number, source: Uint8Array): void {
    if (this.foreign !== null) this.foreign.write(byteAddress(page, within), source);
    else this.bytesOf(page).set(source, within);
  }

  /** The physical page `frame` leaves `page`: keeps its bytes, if a PTE points there and it ever had any. */
  pageLeaves(page: number, frame: number): void {
    const isReferenced = this.isFrameReferenced(page, frame);
    if (isReferenced && frame >= SYSTEM_FRAMES_END) this.stale.note(page, frame, this.isFrameReferenced);
    const segment = this.find(page);
    if (segment === undefined) return;
    const index = segment.firstPage + (page - segment.startPage);
    const { store } = segment;
    if (!store.isWritten(index) || !(isReferenced || this.isStale(frame)) || !store.holds(index)) return;
    this.ghosts.set(frame, { page, bytes: store.page(index).slice() });
    if (this.ghosts.size > this.sweepAt) this.sweepGhosts();
  }

  /** The old contents of the frames `[firstFrame, firstFrame + count)` are gone, or are elsewhere. */
  forgetGhosts(firstFrame: number, count: number): void {
    if (this.ghosts.size === 0) return;
    for (let frame = firstFrame; frame < firstFrame + count; frame++) this.ghosts.delete(frame);
  }

  /** Whether a PTE of a page that `frame` has left before, if it is one of VRAM, points at it. */
  private isStale(frame: number): boolean {
    return frame >= SYSTEM_FRAMES_END && this.stale.isReferenced(frame, this.isFrameReferenced);
  }

  /** Keeps the physical page `frame`, of zeros, which has left `page`: the GPU writes to it through a stale PTE. */
  keepGhost(page: number, frame: number): Uint8Array {
    const bytes = new Uint8Array(PAGE_BYTES);
    this.ghosts.set(frame, { page, bytes });
    return bytes;
  }

  /** The pages `[startPage, endPage)` read as zeros again. */
  clear(startPage: number, endPage: number): void {
    if (this.segments.size === 0) return;
    let segment = this.firstFrom(startPage);
    while (segment !== undefined && segment.startPage < endPage) {
      const next = this.segments.higher(segment.startPage);
      const { store } = segment;
      const offset = segment.firstPage - segment.startPage;
      const to = Math.min(endPage, segment.startPage + segment.pages) + offset;
      for (let index = Math.max(startPage, segment.startPage) + offset; index < to;) {
        if (store.written !== null && (index & 7) === 0 && store.written[index >> 3] === 0) {
          index += 8;
          continue;
        }
        store.clear(index);
        index++;
      }
      segment = next;
    }
  }

  /** Forgets the contents of the pages `[startPage, endPage)`; their mapping is gone. */
  detach(startPage: number, endPage: number): void {
    if (this.segments.size > 0) this.detachSegments(startPage, endPage);
  }

  private detachSegments(startPage: number, endPage: number): void {
    let segment = this.segments.floor(startPage) ?? this.segments.ceiling(startPage);
    while (segment !== undefined && segment.startPage < endPage) {
      const next = this.segments.higher(segment.startPage);
      const segmentEnd = segment.startPage + segment.pages;
      if (segmentEnd > startPage) {
        this.segments.remove(segment.startPage, segment);
        this.recent = undefined;
        if (segment.startPage < startPage) this.keepPart(segment, segment.startPage, startPage);
        if (segmentEnd > endPage) this.keepPart(segment, endPage, segmentEnd);
      }
      segment = next;
    }
  }

  /** What `count` pages from `startPage` on held is in those from `target` on now, which nobody had. */
  move(startPage: number, count: number, target: number): void {
    const parts: Segment[] = [];
    const endPage = startPage + count;
    let segment = this.firstFrom(startPage);
    for (; segment !== undefined && segment.startPage < endPage; segment = this.segments.higher(segment.startPage)) {
      const from = Math.max(startPage, segment.startPage);
      const to = Math.min(endPage, segment.startPage + segment.pages);
      const firstPage = segment.firstPage + (from - segment.startPage);
      parts.push({ startPage: from - startPage + target, pages: to - from, store: segment.store, firstPage });
    }
    this.detach(startPage, endPage);
    this.detach(target, target + count);
    for (const part of parts) this.insert(part);
  }

  /**
   * Moves the contents that are in `from` to the buffer that `transfer` gives, which
   * may detach `from`.
   */
  moveBuffer(from: ArrayBuffer, transfer: () => ArrayBuffer): void {
    const affected = new Map<Store, { readonly offset: number; readonly length: number }>();
    for (const { store } of this.segments.values()) {
      const { buffer, byteOffset, length } = store.bytes;
      if (buffer === from) affected.set(store, { offset: byteOffset, length });
    }
    const to = transfer();
    for (const [store, { offset, length }] of affected) store.move(new Uint8Array(to, offset, length));
  }

  /** Old contents of a physical page that the CPU no longer maps, if a stale PTE made them worth keeping. */
  ghostOf(frame: number): Uint8Array | undefined {
    return this.ghosts.get(frame)?.bytes;
  }

  /** Number of pages whose old contents are kept. */
  get ghostPages(): number {
    this.sweepGhosts();
    return this.ghosts.size;
  }

  private find(page: number): Segment | undefined {
    const recent = this.recent;
    if (recent !== undefined && page >= recent.startPage && page < recent.startPage + recent.pages) return recent;
    if (page >= this.gapStart && page < this.gapEnd) return undefined;
    const segment = this.segments.floor(page);
    if (segment === undefined || segment.startPage + segment.pages <= page) {
      this.gapStart = segment === undefined ? 0 : segment.startPage + segment.pages;
      this.gapEnd = this.segments.higher(page)?.startPage ?? Number.POSITIVE_INFINITY;
      return undefined;
    }
    return (this.recent = segment);
  }

  /** The segment that contains `page`, or the next one. */
  private firstFrom(page: number): Segment | undefined {
    const found = this.find(page);
    // A gap without an end has nothing after it.
    return found ?? (this.gapEnd === Number.POSITIVE_INFINITY ? undefined : this.segments.ceiling(this.gapEnd));
  }

  private insert(segment: Segment): void {
    this.segments.insert(segment.startPage, segment);
    this.gapEnd = Number.NaN;
  }

  private keepPart({ startPage: oldStart, store, firstPage }: Segment, startPage: number, endPage: number): void {
    this.insert({ startPage, pages: endPage - startPage, store, firstPage: firstPage + (startPage - oldStart) });
  }

  // Amortised: runs when the number of ghosts has doubled since the last sweep.
  private sweepGhosts(): void {
    for (const [frame, ghost] of this.ghosts.entries()) {
      if (!this.isFrameReferenced(ghost.page, frame) && !this.isStale(frame)) this.ghosts.delete(frame);
    }
    this.sweepAt = Math.max(64, this.ghosts.size * 2);
  }
}

function byteAddress(page: number, within: number): bigint {
  return addressOfPage(page) + BigInt(within);
}
