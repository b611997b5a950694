// Models: hmm_range_fault over the process's page tables (spec/03-gpu-ranges §A.8, spec/trace-format §4).
import { Errno } from '../../lib/uapi/errno.ts';
import type { AddressSpace } from './address-space.ts';
import { isIoOrPfnMap, Protection } from './vma.ts';

/**
 * Faults in every page of `[startPage, endPage)`, for writing if `write`, in
 * ascending order; the mmap lock must be held. Returns 0, or the first error:
 * EFAULT (hole, VM_IO or VM_PFNMAP VMA, no VM_READ, after the end of a file) or EPERM (`write` in a VMA
 * without VM_WRITE), ENOMEM at the page limit of the machine. Pages before the error stay faulted in.
 */
export function hmmRangeFault(space: AddressSpace, startPage: number, endPage: number, write: boolean): number {
  if (!space.pages.blocks.budget.allows()) return -Errno.ENOMEM;
  let page = startPage;
  while (page < endPage) {
    const vma = space.findVma(page);
    // mutant: hmm-read-permission
    if (vma === undefined || isIoOrPfnMap(vma) || (vma.protection & Protection.read) === 0) return -Errno.EFAULT;
    if (write && (vma.protection & Protection.write) === 0) return -Errno.EPERM;
    const to = Math.min(endPage, vma.endPage);
    // Behind the end of a file there is a mapping and no page: the fault ends with SIGBUS.
    const { foreign } = space.contents;
    const mapped = foreign !== null && vma.kind === 'file' ? foreign.endOfFile(page, to) : to;
    const behind = Math.min(mapped, vma.fileEndPage);
    if (write && space.forks !== null) for (let at = page; at < behind; at++) space.forks.breakSharing(at);
    if (behind > page) space.pages.populate(vma, page, behind, write);
    if (behind < to) return -Errno.EFAULT;
    page = to;
  }
  return 0;
}
