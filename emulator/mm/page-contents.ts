// Models: what is written in the pages, and the old contents of pages that a stale PTE still reaches.
import { OrderedMap } from '../kernel/ordered-map.ts';
import { addressOfPage, PAGE_BYTES } from '../kernel/page-number.ts';

const NOTHING = new Uint8Array(0);

interface Segment {
  readonly startPage: number;
  readonly pages: number;
  readonly bytes: Uint8Array;
}

/** Says whether a GPU PTE at `page` still points at the physical page `frame`. */
export type FrameReferenceCheck = (page: number, frame: number) => boolean;

/** Memory that is not ours, of which the pages here are a picture: the program whose address space a served node mirrors. */
export interface ForeignMemory {
  /** Fills `target` with the bytes from `address` on. */
  read(address: bigint, target: Uint8Array): void;
  write(address: bigint, source: Uint8Array): void;
  /** The first of the pages `[startPage, endPage)` of a file mapping that has nothing behind it, `endPage` if all have. */
  endOfFile(startPage: number, endPage: number): number;
}

/** Bytes of a process, by page number; pages that nobody wrote read as zeros and take no memory. */
export class PageContents {
  readonly #segments = new OrderedMap<Segment>();
  readonly #ghosts = new Map<number, { page: number; bytes: Uint8Array }>();
  #sweepAt = 64;
  /** Set by the machine, which knows the GPU page tables. */
  isFrameReferenced: FrameReferenceCheck = () => false;
  /** Where the contents really are, if not here. Old contents of pages that left can't be kept then. */
  foreign: ForeignMemory | null = null;

  /** Whether nothing was attached or written, so that there is nothing to keep. */
  get empty(): boolean {
    return this.#segments.size === 0;
  }

  /** Makes `bytes` (a multiple of the page size) the contents of the pages from `startPage` on. */
  attach(startPage: number, bytes: Uint8Array): void {
    const pages = bytes.length / PAGE_BYTES;
    this.detach(startPage, startPage + pages);
    this.#segments.insert(startPage, { startPage, pages, bytes });
  }

  /** The 4096 bytes of a page, made if the page has none yet. */
  bytesOf(page: number): Uint8Array {
    const found = this.peek(page);
    if (found !== undefined) return found;
    const bytes = new Uint8Array(PAGE_BYTES);
    this.#segments.insert(page, { startPage: page, pages: 1, bytes });
    return bytes;
  }

  /** The 4096 bytes of a page, or undefined when nothing was written there. */
  peek(page: number): Uint8Array | undefined {
    const segment = this.#segments.floor(page);
    if (segment === undefined || segment.startPage + segment.pages <= page) return undefined;
    const offset = (page - segment.startPage) * PAGE_BYTES;
    return segment.bytes.subarray(offset, offset + PAGE_BYTES);
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

  /** The physical page `frame` leaves `page`: keeps its bytes if a PTE points there, and clears what the CPU sees. */
  pageLeaves(page: number, frame: number): void {
    const bytes = this.peek(page);
    if (bytes === undefined) return;
    if (this.isFrameReferenced(page, frame)) {
      this.#ghosts.set(frame, { page, bytes: bytes.slice() });
      if (this.#ghosts.size > this.#sweepAt) this.#sweepGhosts();
    }
    bytes.fill(0);
  }

  /** Forgets the contents of the pages `[startPage, endPage)`; their mapping is gone. */
  detach(startPage: number, endPage: number): void {
    let segment = this.#segments.floor(startPage) ?? this.#segments.ceiling(startPage);
    while (segment !== undefined && segment.startPage < endPage) {
      const next = this.#segments.higher(segment.startPage);
      const segmentEnd = segment.startPage + segment.pages;
      if (segmentEnd > startPage) {
        this.#segments.remove(segment.startPage, segment);
        if (segment.startPage < startPage) this.#keepPart(segment, segment.startPage, startPage);
        if (segmentEnd > endPage) this.#keepPart(segment, endPage, segmentEnd);
      }
      segment = next;
    }
  }

  /**
   * Moves the contents that stand in `from` to the buffer that `transfer` gives
   * (which may detach `from`), and tells `moved` of it.
   */
  moveBuffer<B extends ArrayBuffer>(from: ArrayBuffer, transfer: () => B, moved: (to: B) => void): void {
    const affected: { segment: Segment; offset: number; length: number }[] = [];
    for (const segment of this.#segments.values()) {
      const { bytes } = segment;
      if (bytes.buffer === from) affected.push({ segment, offset: bytes.byteOffset, length: bytes.length });
    }
    const to = transfer();
    for (const { segment, offset, length } of affected) {
      const bytes = new Uint8Array(to, offset, length);
      this.#segments.replace(segment.startPage, segment, { startPage: segment.startPage, pages: segment.pages, bytes });
    }
    moved(to);
  }

  /** Old contents of a physical page that the CPU no longer maps, if a stale PTE made them worth keeping. */
  ghostOf(frame: number): Uint8Array | undefined {
    return this.#ghosts.get(frame)?.bytes;
  }

  /** Number of pages whose old contents are kept. */
  get ghostPages(): number {
    this.#sweepGhosts();
    return this.#ghosts.size;
  }

  #keepPart(segment: Segment, startPage: number, endPage: number): void {
    const from = (startPage - segment.startPage) * PAGE_BYTES;
    const bytes = segment.bytes.subarray(from, from + (endPage - startPage) * PAGE_BYTES);
    this.#segments.insert(startPage, { startPage, pages: endPage - startPage, bytes });
  }

  // Amortised: runs when the number of ghosts has doubled since the last sweep.
  #sweepGhosts(): void {
    for (const [frame, ghost] of this.#ghosts) {
      if (!this.isFrameReferenced(ghost.page, frame)) this.#ghosts.delete(frame);
    }
    this.#sweepAt = Math.max(64, this.#ghosts.size * 2);
  }
}

function byteAddress(page: number, within: number): bigint {
  return addressOfPage(page) + BigInt(within);
}
