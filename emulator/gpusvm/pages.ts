// Models: struct drm_gpusvm_pages, the DMA array of a range - where its pages lay when they were collected (spec/03-gpu-ranges §A.8).
import { Errno } from '../../lib/uapi/errno.ts';
import { frameAt, locationOfFrame, SYSTEM_FRAMES_END } from '../kernel/frame.ts';
import type { FrameLocation } from '../kernel/frame.ts';
import { PAGES_PER_BLOCK } from '../kernel/page-number.ts';
import type { AddressSpace } from '../mm/address-space.ts';
import type { DeviceAllocation } from '../mm/device-pages.ts';
import type { CpuPages } from '../mm/cpu-pages.ts';
import { RangeState } from './range.ts';
import type { GpuRange } from './range.ts';

/** Pages whose frames follow one another in one memory. */
export interface PageRun {
  readonly startPage: number;
  readonly pages: number;
  readonly firstFrame: number;
  readonly location: FrameLocation;
}

const { dmaMapped, dmaArray, hugeEntry, devicePages } = RangeState;
const COLLECTED = dmaMapped | dmaArray;
const COLLECTED_HUGE = COLLECTED | hugeEntry;

/** Fills the DMA array of `range` with what the CPU maps now; every page of it must be there. */
export function collectPages(range: GpuRange, cpu: CpuPages): void {
  const block = cpu.blocks.getPacked(range.blockNumber);
  if (block === undefined) throw missingPages(range);
  range.frames = block.framesFrom(range.indexInBlock, range.pages);
  range.state |= block.huge && range.pages === PAGES_PER_BLOCK ? COLLECTED_HUGE : COLLECTED;
}

function missingPages({ startPage }: GpuRange): Error {
  return Object.assign(
    new Error(`pages of a range that the CPU does not map (page ${startPage}): the model is inconsistent`),
    { code: 'ERR_SVM_INTERNAL' },
  );
}

/** What the first pages of a range are, as far as they can be mapped together. */
export interface CollectedMix {
  /** 0, or the negative errno that the page at `pages` gives. */
  readonly result: number;
  /** Pages in system memory that were DMA-mapped before. */
  readonly mapped: number;
  /** Whether the pages lie in VRAM. */
  readonly inVram: boolean;
}

/**
 * Looks at the pages of `range` in turn as the DMA mapping does: all of them lie in system memory, or all in one
 * allocation of the VRAM of GPU `gpu` (-1: of none). `deviceOnly`: in VRAM only.
 */
export function judgePages(range: GpuRange, space: AddressSpace, gpu: number, deviceOnly: boolean): CollectedMix {
  let allocation: DeviceAllocation | undefined;
  for (let index = 0; index < range.pages; index++) {
    const frame = space.pages.frameOf(range.startPage + index, true);
    if (frame < SYSTEM_FRAMES_END) {
      // mutant: mixed-pages-mapped
      if (allocation !== undefined) return { result: -Errno.EOPNOTSUPP, mapped: 0, inVram: true };
      // mutant: system-counts-as-vram
      if (deviceOnly) return { result: -Errno.EFAULT, mapped: 0, inVram: false };
      continue;
    }
    const own = space.devices!.allocationOf(frame)!;
    // mutant: two-buffers-mapped
    if (index > 0 && own !== allocation) {
      return { result: -Errno.EOPNOTSUPP, mapped: allocation === undefined ? index : 0, inVram: true };
    }
    allocation = own;
    // There is no way to a peer's memory.
    // mutant: peer-mapped
    if (own.map.gpu !== gpu) return { result: -Errno.EFAULT, mapped: 0, inVram: true };
  }
  return { result: 0, mapped: 0, inVram: allocation !== undefined };
}

/** The DMA mappings are gone. */
export function forgetPages(range: GpuRange): void {
  range.state &= ~(COLLECTED_HUGE | devicePages);
  range.frames = 0;
}

/** Entries of the DMA array of a mapped range: one for a huge mapping, else one for each page. */
export function dmaEntries(range: GpuRange): number {
  return (range.state & hugeEntry) !== 0 ? 1 : range.pages;
}

/** The collected pages of a DMA-mapped range as the fewest runs, ascending. */
export function pageRuns(range: GpuRange): PageRun[] {
  const runs: PageRun[] = [];
  const { frames, startPage, pages } = range;
  let from = 0;
  for (let index = 1; index <= pages; index++) {
    const firstFrame = frameAt(frames, from);
    const location = locationOfFrame(firstFrame);
    if (index < pages) {
      const frame = frameAt(frames, index);
      if (frame === firstFrame + (index - from) && locationOfFrame(frame) === location) continue;
    }
    runs.push({ startPage: startPage + from, pages: index - from, firstFrame, location });
    from = index;
  }
  return runs;
}
