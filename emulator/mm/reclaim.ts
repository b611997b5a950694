// Models: what the kernel does to pages unasked, or when it is asked to - mlock, swap-out, khugepaged.
//
// MMU events: reclaim unmaps page by page, each announced with MMU_NOTIFY_CLEAR (try_to_unmap); khugepaged announces
// MMU_NOTIFY_CLEAR for the 2 MiB that it replaces (collapse_huge_page); mlock announces nothing.
import { Errno } from '../../lib/uapi/errno.ts';
import { SYSTEM_FRAMES_END } from '../kernel/frame.ts';
import { PAGES_PER_BLOCK } from '../kernel/page-number.ts';
import type { AddressSpace } from './address-space.ts';
import { PRESENT, WRITE_FAULTED } from './cpu-pages.ts';
import { NotifierEvent } from './interval-notifier.ts';
import { isAnonymous, isIoOrPfnMap, keepsPagesCached, Protection } from './vma.ts';
import type { Vma } from './vma.ts';

/** mlock and munlock: marks the mappings, VMA by VMA; a hole ends it with ENOMEM. mlock then brings every page in. */
export function setLocked(space: AddressSpace, startPage: number, endPage: number, locked: boolean): number {
  let page = startPage;
  while (page < endPage) {
    const vma = space.findVma(page);
    if (vma === undefined) return -Errno.ENOMEM;
    const to = Math.min(endPage, vma.endPage);
    // mutant: munlock-unlocks-nothing
    if (vma.locked !== locked && !isIoOrPfnMap(vma)) {
      space.splitAt(page);
      space.splitAt(to);
      const piece = space.findVma(page)!;
      // mutant: mlock-locks-nothing
      piece.locked = locked;
      space.mergeAround(piece);
    }
    page = to;
  }
  if (!locked) return 0;
  for (page = startPage; page < endPage;) {
    const vma = space.findVma(page)!;
    const to = Math.min(endPage, vma.endPage);
    const writes = isAnonymous(vma.kind) && (vma.protection & Protection.write) !== 0;
    if (!isIoOrPfnMap(vma) && space.touch(page, to, writes).result !== 0) return -Errno.ENOMEM;
    page = to;
  }
  return 0;
}

/** What came of a swap-out. */
export interface SwapResult {
  readonly result: number;
  /** Pages that left memory. */
  readonly pages: number;
}

/**
 * MADV_PAGEOUT, or reclaim that meets these pages: those of system memory leave it, their contents are kept, and the next
 * access brings them back in other frames (of a file: in the same). Pinned pages and those in VRAM stay. EINVAL at a
 * mapping that is locked, of hugetlbfs or of a device; holes are skipped and answered with ENOMEM at the end.
 */
export function swapOut(space: AddressSpace, startPage: number, endPage: number): SwapResult {
  let pages = 0;
  let result = 0;
  for (let page = startPage; page < endPage;) {
    const vma = space.findVmaFrom(page);
    if (vma === undefined || vma.startPage >= endPage) return { result: -Errno.ENOMEM, pages };
    if (vma.startPage > page) result = -Errno.ENOMEM;
    if (vma.locked || vma.kind === 'hugetlb' || isIoOrPfnMap(vma)) return { result: -Errno.EINVAL, pages };
    const to = Math.min(endPage, vma.endPage);
    for (let at = Math.max(page, vma.startPage); at < to; at++) if (swapOne(space, vma, at)) pages++;
    page = to;
  }
  return { result, pages };
}

function swapOne(space: AddressSpace, vma: Vma, page: number): boolean {
  const { pages, contents, pins, notifiers } = space;
  const frame = pages.frameOf(page);
  if (frame === 0 || frame >= SYSTEM_FRAMES_END || pins.count(frame) > 0) return false;
  if (pages.isHuge(page)) space.splitHugeBlock(Math.floor(page / PAGES_PER_BLOCK) * PAGES_PER_BLOCK);
  notifiers.deliver(NotifierEvent.clear, page, page + 1);
  if (keepsPagesCached(vma.kind)) {
    pages.setMarks(page, 0);
    return true;
  }
  contents.pageLeaves(page, frame);
  // The frame that the page will have when it is back.
  pages.setEntry(page, pages.takeFrames(1), 0);
  return true;
}

/**
 * MADV_COLLAPSE, or khugepaged: each whole block of 2 MiB becomes one huge page, of new frames. EINVAL for memory that is
 * not private or in which no block has a page, EBUSY for pinned pages and pages in VRAM, ENOMEM at a hole; what came
 * before stays done.
 */
export function collapse(space: AddressSpace, startPage: number, endPage: number): number {
  const first = Math.ceil(startPage / PAGES_PER_BLOCK) * PAGES_PER_BLOCK;
  let collapsed = 0;
  for (let block = first; block + PAGES_PER_BLOCK <= endPage; block += PAGES_PER_BLOCK) {
    const vma = space.findVma(block);
    if (vma === undefined || vma.endPage < block + PAGES_PER_BLOCK) return -Errno.ENOMEM;
    if (!isAnonymous(vma.kind)) return -Errno.EINVAL;
    const result = collapseBlock(space, vma, block);
    if (result < 0) return result;
    collapsed += result;
  }
  return collapsed > 0 ? 0 : -Errno.EINVAL;
}

/** 1, 0 where there was no page, or a negative errno. */
function collapseBlock(space: AddressSpace, vma: Vma, block: number): number {
  const { pages, contents, pins, notifiers } = space;
  if (pages.isHuge(block)) return 1;
  let present = 0;
  for (let page = block; page < block + PAGES_PER_BLOCK; page++) {
    const frame = pages.frameOf(page, true);
    if (frame >= SYSTEM_FRAMES_END || (frame !== 0 && pins.count(frame) > 0)) return -Errno.EBUSY;
    if (frame !== 0) present++;
  }
  if (present === 0) return 0;
  notifiers.deliver(NotifierEvent.clear, block, block + PAGES_PER_BLOCK);
  space.forks?.leave(block, block + PAGES_PER_BLOCK);
  for (let page = block; page < block + PAGES_PER_BLOCK; page++) {
    const frame = pages.frameOf(page);
    if (frame !== 0) contents.pageLeaves(page, frame);
  }
  const writable = (vma.protection & Protection.write) !== 0 ? WRITE_FAULTED : 0;
  pages.setHugeEntry(block, pages.takeHugeFrames(), PRESENT | writable);
  space.hasHugePages = true;
  return 1;
}
