// Models: struct drm_gpusvm_range with its pages part (spec/03-gpu-ranges §A.1, §A.9, §A.13).
import type { Frames } from '../kernel/frame.ts';
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

/** First state bit that a driver may use for its own part of a range. */
export const DRIVER_STATE_SHIFT = 8;

/** A chunk of 2 MiB, 64 KiB or 4 KiB that is mapped on the GPU as a unit: the pages `[startPage, startPage + pages)`. */
export class GpuRange {
  readonly startPage: number;
  readonly pages: number;
  readonly notifier: GpuNotifier;
  /** Bits of `RangeState` and of the driver. */
  state = 0;
  /** The DMA array: where the pages lay when they were collected. 0 while the range is not DMA-mapped. */
  frames: Frames = 0;

  constructor(startPage: number, pages: number, notifier: GpuNotifier) {
    this.startPage = startPage;
    this.pages = pages;
    this.notifier = notifier;
  }

  /** First page after the range. */
  get endPage(): number {
    return this.startPage + this.pages;
  }

  get unmapped(): boolean {
    return (this.state & RangeState.unmapped) !== 0;
  }

  get partiallyUnmapped(): boolean {
    return (this.state & RangeState.partiallyUnmapped) !== 0;
  }

  /** "Has DMA mapping": valid pages (A.9; device pages do not exist in V4). */
  get pagesValid(): boolean {
    return (this.state & RangeState.dmaMapped) !== 0;
  }

  get hasDevicePages(): boolean {
    return (this.state & RangeState.devicePages) !== 0;
  }

  get migrates(): boolean {
    return (this.state & RangeState.migrates) !== 0;
  }

  /** Marks what an UNMAP event for `[startPage, endPage)`, as delivered, did to the range (A.13). */
  setUnmapped(startPage: number, endPage: number): void {
    this.state |= RangeState.unmapped;
    if (this.startPage < startPage || this.endPage > endPage) this.state |= RangeState.partiallyUnmapped;
  }
}
