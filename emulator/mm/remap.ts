// Models: mremap of one mapping - shrinking, growing in place, moving (mm/mremap.c: move_vma, move_page_tables).
//
// MMU events: a move announces MMU_NOTIFY_UNMAP for the old addresses before the page tables change, and again when the old
// mapping is taken away; a huge page that cannot move as one is split before, with MMU_NOTIFY_CLEAR for its block.
import { Errno } from '../../lib/uapi/errno.ts';
import { SYSTEM_FRAMES_END } from '../kernel/frame.ts';
import { NotModelledError } from '../kernel/not-modelled.ts';
import { PAGES_PER_BLOCK } from '../kernel/page-number.ts';
import { TASK_SIZE_PAGES } from './address-space.ts';
import type { AddressSpace } from './address-space.ts';
import { NotifierEvent } from './interval-notifier.ts';
import { isAnonymous, isIoOrPfnMap } from './vma.ts';
import type { Vma } from './vma.ts';

/** What mremap is asked for, in pages. */
export interface RemapRequest {
  readonly startPage: number;
  readonly oldPages: number;
  readonly newPages: number;
  /** First page of the new place (MREMAP_FIXED); null: the mapping stays where it is. */
  readonly target: number | null;
  /** MREMAP_DONTUNMAP: the old addresses stay mapped, without pages. */
  readonly keepOld: boolean;
}

/**
 * 0 or a negative errno: EINVAL for no pages, places that overlap, and `keepOld` of another size or of memory that is not
 * private; EFAULT where the old pages are not in one mapping, and for device mappings that are to grow; ENOMEM where
 * there is no room to grow.
 */
export function remap(space: AddressSpace, request: RemapRequest): number {
  const { startPage, newPages, target, keepOld } = request;
  let { oldPages } = request;
  if (oldPages <= 0 || newPages <= 0) return -Errno.EINVAL;
  const vma = space.findVma(startPage);
  if (vma === undefined || startPage + oldPages > vma.endPage) return -Errno.EFAULT;
  if (vma.kind === 'hugetlb') throw new NotModelledError('mremap of huge pages of hugetlbfs');
  if (space.forks?.areShared(startPage, startPage + oldPages) === true)
    throw new NotModelledError('mremap of pages that a child shares');
  if (newPages > oldPages && isIoOrPfnMap(vma)) return -Errno.EFAULT;
  if (keepOld && (target === null || newPages !== oldPages || !isAnonymous(vma.kind))) return -Errno.EINVAL;
  if (target === null) {
    if (newPages < oldPages) return space.unmap(startPage + newPages, startPage + oldPages);
    return newPages === oldPages ? 0 : grow(space, vma, startPage + oldPages, startPage + newPages);
  }
  if (target === 0) return -Errno.EPERM;
  if (target + newPages > TASK_SIZE_PAGES) return -Errno.EINVAL;
  if (target < startPage + oldPages && startPage < target + newPages) return -Errno.EINVAL;
  space.unmap(target, target + newPages);
  if (newPages < oldPages) {
    space.unmap(startPage + newPages, startPage + oldPages);
    oldPages = newPages;
  }
  move(space, startPage, oldPages, target, newPages);
  // mutant: remap-unmaps-what-it-keeps
  if (!keepOld) space.unmap(startPage, startPage + oldPages);
  return 0;
}

function grow(space: AddressSpace, vma: Vma, oldEnd: number, newEnd: number): number {
  if (vma.endPage !== oldEnd || newEnd > TASK_SIZE_PAGES) return -Errno.ENOMEM;
  const next = space.findVmaFrom(oldEnd);
  if (next !== undefined && next.startPage < newEnd) return -Errno.ENOMEM;
  vma.endPage = newEnd;
  space.mergeAround(vma);
  space.observer?.memoryChanged('mapped', oldEnd, newEnd);
  return 0;
}

function move(space: AddressSpace, startPage: number, oldPages: number, target: number, newPages: number): void {
  const from = space.findVma(startPage)!;
  space.insertCopy(from, target, target + newPages, target - startPage);
  // mutant: remap-without-event
  space.notifiers.deliver(NotifierEvent.unmap, startPage, startPage + oldPages);
  const { pages, contents, devices } = space;
  const distance = target - startPage;
  const end = startPage + oldPages;
  const first = Math.floor(startPage / PAGES_PER_BLOCK);
  const last = Math.floor((end - 1) / PAGES_PER_BLOCK);
  for (const blockNumber of pages.blocks.blockNumbersBetween(first, last)) {
    const blockStart = blockNumber * PAGES_PER_BLOCK;
    const whole = blockStart >= startPage && blockStart + PAGES_PER_BLOCK <= end && distance % PAGES_PER_BLOCK === 0;
    if (!whole) space.splitHugeBlock(blockStart);
    if (whole && pages.isHuge(blockStart)) {
      pages.setHugeEntry(blockStart + distance, pages.frameOf(blockStart, true), pages.marksOf(blockStart));
    }
    const to = Math.min(end, blockStart + PAGES_PER_BLOCK);
    for (let page = Math.max(startPage, blockStart); page < to; page++) {
      const frame = pages.frameOf(page, true);
      if (frame === 0) continue;
      contents.pageLeaves(page, frame);
      if (!pages.isHuge(page + distance)) pages.setEntry(page + distance, frame, pages.marksOf(page));
      if (frame >= SYSTEM_FRAMES_END) {
        const allocation = devices!.allocationOf(frame);
        if (allocation !== undefined) allocation.cpuPages[frame - allocation.firstFrame] = page + distance;
      }
    }
    // What is there now is elsewhere, too: only these entries go.
    pages.forget(Math.max(startPage, blockStart), to);
  }
  // mutant: remap-leaves-contents
  contents.move(startPage, oldPages, target);
  space.observer?.memoryChanged('mapped', target, target + newPages);
}
