// Models: struct drm_gpusvm_range with its pages part (spec/03-gpu-ranges §A.1, §A.9, §A.13).
import type { Frames } from '../kernel/frame.ts';
import { PAGES_PER_BLOCK } from '../kernel/page-number.ts';
import type { GpuNotifier } from './notifier.ts';

/** State bits of a range. All but `inserted` are of the framework's pages part. */
export const RangeState = {
  /** An UNMAP event touched the range; never cleared. */
  unmapped: 0x01,
  /** ... and did not cover it; never cleared. */
  partiallyUnmapped: 0x02,
  /** The DMA array describes live DMA mappings. */
  dmaMapped: 0x04,
  /** The range is in its notifier's set. */
  inserted: 0x08,
  /** The DMA array is one entry: the CPU had the range as one huge mapping. */
  hugeEntry: 0x10,
  /** The DMA array describes pages in VRAM ("has_devmem_pages"). */
  devicePages: 0x20,
  /** The pages can go to VRAM ("migrate_devmem"); fixed when the range is made. */
  migrates: 0x40,
  /** The DMA array is allocated; it stays so. */
  dmaArray: 0x80,
} as const;

const { unmapped, partiallyUnmapped, dmaMapped, devicePages } = RangeState;
const PARTIALLY = unmapped | partiallyUnmapped;

/** First state bit that a driver may use for its own part of a range. */
export const DRIVER_STATE_SHIFT = 8;

/** A chunk of 2 MiB, 64 KiB or 4 KiB that is mapped on the GPU as a unit: the pages `[startPage, startPage + pages)`. */
export class GpuRange {
  // The first page in two small integers: a page number is a double, for which V8 keeps a box of its own, another cache line to wait for.
  /** The 2 MiB block in which the range lies. */
  readonly blockNumber: number;
  /** The first page, counted from the beginning of the block. */
  readonly indexInBlock: number;
  readonly pages: number;
  readonly notifier: GpuNotifier;
  /** Bits of `RangeState` and of the driver. */
  state: number;
  /** The DMA array: where the pages lay when they were collected. 0 while the range is not DMA-mapped. */
  frames: Frames = 0;

  constructor(blockNumber: number, indexInBlock: number, pages: number, notifier: GpuNotifier, state: number) {
    this.blockNumber = blockNumber;
    this.indexInBlock = indexInBlock;
    this.pages = pages;
    this.notifier = notifier;
    this.state = state;
  }

  get startPage(): number {
    return this.blockNumber * PAGES_PER_BLOCK + this.indexInBlock;
  }

  /** First page after the range. */
  get endPage(): number {
    return this.startPage + this.pages;
  }

  /** Index after its last page, counted from the beginning of the block. */
  get endInBlock(): number {
    return this.indexInBlock + this.pages;
  }

  get unmapped(): boolean {
    return (this.state & unmapped) !== 0;
  }

  get partiallyUnmapped(): boolean {
    return (this.state & partiallyUnmapped) !== 0;
  }

  /** "Has DMA mapping": valid pages (A.9; device pages do not exist in V4). */
  get pagesValid(): boolean {
    return (this.state & dmaMapped) !== 0;
  }

  get hasDevicePages(): boolean {
    return (this.state & devicePages) !== 0;
  }

  get migrates(): boolean {
    return (this.state & RangeState.migrates) !== 0;
  }

  /** Index of the first of its pages that an interval from `startPage` on has. */
  firstIndexIn(startPage: number): number {
    const index = startPage - this.startPage;
    return index > 0 ? index | 0 : 0;
  }

  /** Index after the last of its pages that an interval up to `endPage` (exclusive) has. */
  endIndexIn(endPage: number): number {
    const index = endPage - this.startPage;
    return index < this.pages ? index | 0 : this.pages;
  }

  /** As `endIndexIn`, for the end of an interval at page `index` of a block that is not before its own: nothing but small integers. */
  endIndexBefore(blockNumber: number, index: number): number {
    return this.blockNumber < blockNumber ? this.pages : Math.min(this.pages, index - this.indexInBlock);
  }

  /** Marks what an UNMAP event did that has the pages with the indices `[firstIndex, endIndex)`, as delivered (A.13). */
  setUnmapped(firstIndex: number, endIndex: number): void {
    this.state |= firstIndex > 0 || endIndex < this.pages ? PARTIALLY : unmapped;
  }
}
