// Models: the check that memory of a process can be mirrored (spec/02-attributes §4.2).
import { Errno } from '../../lib/uapi/errno.ts';
import { PAGE_NUMBER_END } from '../kernel/page-number.ts';
import type { AddressSpace } from '../mm/address-space.ts';
import { isSpecialVma } from '../mm/vma.ts';

/**
 * Walks the VMAs of the pages `[first, last]`, both inclusive; the mmap lock must be held. Returns 0, -EFAULT at a
 * hole or -EOPNOTSUPP at device memory.
 */
export function walkVmas(process: AddressSpace, first: number, last: number): number {
  const end = last + 1;
  if (end === PAGE_NUMBER_END) return 0; // Q22: the end address wraps to 0
  let page = first;
  while (page < end) {
    const vma = process.findVma(page);
    // mutant: hole-errno
    if (vma === undefined) return -Errno.EFAULT;
    // mutant: special-vma-accepted
    if (isSpecialVma(vma)) return -Errno.EOPNOTSUPP;
    // mutant: hole-behind-first-vma
    page = vma.endPage;
  }
  return 0;
}
