// Models: hmm_range_fault over the process's page tables (spec/03-gpu-ranges §A.8, spec/trace-format §4).
import { Errno } from '../../lib/uapi/errno.ts';
import { PAGES_PER_BLOCK } from '../kernel/page-number.ts';
import type { AddressSpace } from './address-space.ts';
import { isIoOrPfnMap, Protection } from './vma.ts';
import type { Vma } from './vma.ts';

const { EFAULT, EPERM, ENOMEM } = Errno;
const { read, write: writable } = Protection;

/**
 * Faults in the pages with the indices `[firstIndex, endIndex)` of a block of 2 MiB, for writing if `write`, in
 * ascending order; the mmap lock must be held. Returns 0, or the first error:
 * EFAULT (hole, VM_IO or VM_PFNMAP VMA, no VM_READ, after the end of a file) or EPERM (`write` in a VMA
 * without VM_WRITE), ENOMEM at the page limit of the machine. Pages before the error stay faulted in.
 */
export function hmmRangeFault(
  space: AddressSpace,
  blockNumber: number,
  firstIndex: number,
  endIndex: number,
  write: boolean,
): number {
  if (!space.pages.blocks.budget.allows()) return -ENOMEM;
  const blockStart = blockNumber * PAGES_PER_BLOCK;
  let index = firstIndex;
  while (index < endIndex) {
    const vma = space.findVma(blockStart + index);
    // mutant: hmm-read-permission
    if (vma === undefined || isIoOrPfnMap(vma) || (vma.protection & read) === 0) return -EFAULT;
    if (write && (vma.protection & writable) === 0) return -EPERM;
    const to = indexUpTo(vma.endPage - blockStart, endIndex);
    const backed =
      space.contents.foreign === null ? to : indexUpTo(endOfForeign(space, vma, blockStart, index, to), to);
    const mapped = indexUpTo(vma.fileEndPage - blockStart, backed);
    if (write && space.forks !== null)
      for (let at = index; at < mapped; at++) space.forks.breakSharing(blockStart + at);
    if (mapped > index) space.pages.populateInBlock(vma, blockNumber, index, mapped, write);
    if (mapped < to) return -EFAULT;
    index = to;
  }
  return 0;
}

/** Index in a block at which a file of another process ends before `to`: after that there is a mapping and no page, and a fault ends with SIGBUS. */
function endOfForeign({ contents }: AddressSpace, vma: Vma, blockStart: number, index: number, to: number): number {
  return vma.kind === 'file' ? contents.foreign!.endOfFile(blockStart + index, blockStart + to) - blockStart : to;
}

/** The index in a block that is `pages` from its beginning, held to `[0, most]`: a small integer. */
function indexUpTo(pages: number, most: number): number {
  if (pages >= most) return most;
  return pages > 0 ? pages | 0 : 0;
}
