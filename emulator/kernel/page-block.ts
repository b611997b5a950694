// Models: nothing by itself - 512 pages of a CPU page table or a GPU page table.
//
// Each page has a frame (a physical page id, 0 = none) and 16 bits of marks,
// whose meaning is the user's. Blocks are cut from slabs, so that mapping a
// page costs no allocation of its own.
//
// Ranges of 64 KiB and 2 MiB come and go as a whole. A piece of 16 pages that are alike is packed: it has one entry, which makes it
// cost as much as a page does. Those of a block lie together, in three cache lines.
import { framesOf } from './frame.ts';
import type { Frames } from './frame.ts';
import { PAGES_PER_BLOCK } from './page-number.ts';

/** Pages of a piece, 64 KiB, and the same as a shift. */
export const PIECE_PAGES = 16;
export const PIECE_SHIFT = 4;
const PIECES_PER_BLOCK: number = PAGES_PER_BLOCK / PIECE_PAGES;
/** The bits of all pieces of a block. */
const EVERY_PIECE = -1;

/** Memory of several blocks. */
export interface Slab {
  readonly frames: Uint32Array;
  readonly marks: Uint16Array;
  readonly pieceFrames: Uint32Array;
  readonly pieceMarks: Uint16Array;
}

/** How the frames of a block lie: anyhow, in the order of the pages, or so and mapped as one huge page. */
export const BlockLayout = { scattered: 0, consecutive: 1, huge: 2 } as const;
export type BlockLayout = (typeof BlockLayout)[keyof typeof BlockLayout];

/** 512 pages; unless its piece is packed, page `i` of the block is at index `base + i` of both arrays. */
export class PageBlock {
  readonly frames: Uint32Array;
  readonly marks: Uint16Array;
  readonly base: number;
  /** Pages in use, counted by the owner. */
  used = 0;
  /** Owner's word on how the frames lie. */
  layout: BlockLayout = BlockLayout.scattered;
  // A bit for each piece that is packed: all its pages have the marks of the piece, and the frames from that of the piece on, or none if
  // that is 0; their own entries say nothing. New blocks are all zeros.
  private packed = EVERY_PIECE;
  // Piece `i` of the block is at index `pieceBase + i`.
  private readonly pieceFrames: Uint32Array;
  private readonly pieceMarks: Uint16Array;
  private readonly pieceBase: number;

  constructor(slab: Slab, base: number) {
    this.frames = slab.frames;
    this.marks = slab.marks;
    this.base = base;
    this.pieceFrames = slab.pieceFrames;
    this.pieceMarks = slab.pieceMarks;
    this.pieceBase = base >> PIECE_SHIFT;
  }

  get huge(): boolean {
    return this.layout === BlockLayout.huge;
  }

  /** Whether the frames of pages in use are known to follow one another as the pages do. */
  get consecutive(): boolean {
    return this.layout !== BlockLayout.scattered;
  }

  /** Whether the entries of the pages of piece `piece` say nothing. */
  isPacked(piece: number): boolean {
    return ((this.packed >> piece) & 1) !== 0;
  }

  /** Frame of page `index` of the block. */
  frameAt(index: number): number {
    const piece = index >> PIECE_SHIFT;
    if (!this.isPacked(piece)) return this.frames[this.base + index]!;
    const first = this.pieceFrames[this.pieceBase + piece]!;
    return first === 0 ? 0 : first + (index & (PIECE_PAGES - 1));
  }

  /** Frames of the `count` pages from page `index` on. */
  framesFrom(index: number, count: number): Frames {
    if (count === 1 || this.consecutive) return this.frameAt(index);
    const first = index >> PIECE_SHIFT;
    const last = (index + count - 1) >> PIECE_SHIFT;
    if (first === last && this.isPacked(first)) return this.frameAt(index);
    for (let piece = first; piece <= last; piece++) this.unpack(piece);
    return framesOf(this.frames, this.base + index, count);
  }

  /** Marks of page `index` of the block. */
  markAt(index: number): number {
    const piece = index >> PIECE_SHIFT;
    return this.isPacked(piece) ? this.pieceMarks[this.pieceBase + piece]! : this.marks[this.base + index]!;
  }

  /** Pages of piece `piece` that have marks. */
  countMarked(piece: number): number {
    if (!this.isPacked(piece)) return this.countEach(piece);
    return this.pieceMarks[this.pieceBase + piece] === 0 ? 0 : PIECE_PAGES;
  }

  private countEach(piece: number): number {
    const { marks } = this;
    const first = this.base + (piece << PIECE_SHIFT);
    let count = 0;
    for (let at = first; at < first + PIECE_PAGES; at++) count += Number(marks[at] !== 0);
    return count;
  }

  /** All pages of piece `piece` get `marks`, and the frames from `frame` on; 0: none. */
  pack(piece: number, frame: number, marks: number): void {
    const at = this.pieceBase + piece;
    this.pieceFrames[at] = frame;
    this.pieceMarks[at] = marks;
    this.packed |= 1 << piece;
  }

  /** All pages of the block get `marks`, and the frames from `frame` on; 0: none. */
  packAll(frame: number, marks: number): void {
    const frames = this.pieceFrames;
    const own = this.pieceMarks;
    const base = this.pieceBase;
    const step = frame === 0 ? 0 : PIECE_PAGES;
    for (let piece = 0; piece < PIECES_PER_BLOCK; piece++) {
      frames[base + piece] = frame + piece * step;
      own[base + piece] = marks;
    }
    this.packed = EVERY_PIECE;
  }

  /** The pages of piece `piece` have entries of their own from now on, until it is packed again. */
  unpack(piece: number): void {
    if (this.isPacked(piece)) this.writeOut(piece);
  }

  private writeOut(piece: number): void {
    this.packed &= ~(1 << piece);
    const { frames, marks } = this;
    const first = this.base + (piece << PIECE_SHIFT);
    const frame = this.pieceFrames[this.pieceBase + piece]!;
    const mark = this.pieceMarks[this.pieceBase + piece]!;
    for (let within = 0; within < PIECE_PAGES; within++) {
      frames[first + within] = frame === 0 ? 0 : frame + within;
      marks[first + within] = mark;
    }
  }

  /** As `unpack`, for all pieces. */
  unpackAll(): void {
    if (this.packed === 0) return;
    for (let piece = 0; piece < PIECES_PER_BLOCK; piece++) this.unpack(piece);
  }
}

/** Memory of `blocks` blocks, all zeros. */
export function newSlab(blocks: number): Slab {
  const pages = blocks * PAGES_PER_BLOCK;
  const pieces = blocks * PIECES_PER_BLOCK;
  const frameBytes = Uint32Array.BYTES_PER_ELEMENT;
  const markBytes = Uint16Array.BYTES_PER_ELEMENT;
  const bytes = new ArrayBuffer((pages + pieces) * (frameBytes + markBytes));
  return {
    frames: new Uint32Array(bytes, 0, pages),
    pieceFrames: new Uint32Array(bytes, pages * frameBytes, pieces),
    marks: new Uint16Array(bytes, (pages + pieces) * frameBytes, pages),
    pieceMarks: new Uint16Array(bytes, (pages + pieces) * frameBytes + pages * markBytes, pieces),
  };
}
