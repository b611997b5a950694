// Models: hmm_range_fault over the process's page tables (spec/03-gpu-ranges §A.8, spec/trace-format §4).
import { Errno } from '../../lib/uapi/errno.ts';
import { PAGES_PER_BLOCK } from '../kernel/page-number.ts';
import type { AddressSpace } from './address-space.ts';
import { PRESENT, WRITE_FAULTED } from './cpu-pages.ts';
import { isIoOrPfnMap, Protection } from './vma.ts';
import type { Vma } from './vma.ts';

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
    if (behind > page) faultMissing(space, vma, page, behind, write);
    if (behind < to) return -Errno.EFAULT;
    page = to;
  }
  return 0;
}

// Populating is idempotent; a block in which nothing is missing is only read.
function faultMissing(space: AddressSpace, vma: Vma, from: number, to: number, write: boolean): void {
  const wanted = write ? PRESENT | WRITE_FAULTED : PRESENT;
  let page = from;
  while (page < to) {
    const blockNumber = Math.floor(page / PAGES_PER_BLOCK);
    const upTo = Math.min(to, (blockNumber + 1) * PAGES_PER_BLOCK);
    const block = space.pages.blocks.get(blockNumber);
    let complete = block !== undefined && block.used > 0;
    if (complete) {
      const { marks } = block!;
      const offset = block!.base - blockNumber * PAGES_PER_BLOCK;
      for (let at = page; at < upTo; at++) {
        if ((marks[offset + at]! & wanted) !== wanted) {
          complete = false;
          break;
        }
      }
    }
    if (!complete) space.pages.populate(vma, page, upTo, write);
    page = upTo;
  }
}
