// Models: hmm_range_fault where pages may lie in VRAM (spec/trace-format-v8 §3: what counts as present, and what is faulted with it).
import { Errno } from '../../lib/uapi/errno.ts';
import type { FailureInjection } from '../kernel/failures.ts';
import { alignDown, PAGES_PER_BLOCK } from '../kernel/page-number.ts';
import type { AddressSpace } from './address-space.ts';
import { faultPage, faultSystemPage, isSystemFault } from './cpu-fault.ts';
import { DEVICE_PRIVATE, PRESENT, WRITE_FAULTED } from './cpu-pages.ts';
import type { Sleepable } from '../kernel/sleepable.ts';
import { isIoOrPfnMap, Protection } from './vma.ts';
import type { Vma } from './vma.ts';

/** Rounds after which a walk that gets nowhere has run out of time. */
const MOST_ROUNDS = 1000;

/** One walk: what is asked of the pages. */
export interface RangeFault {
  readonly startPage: number;
  readonly endPage: number;
  readonly write: boolean;
  /** Pages in VRAM with this owner count as present; null: none do. */
  readonly owner: object | null;
  /** Whether the sequence of the notifier has moved since it was read: the walk ends then. */
  isStale(): boolean;
  readonly failures: FailureInjection;
}

/** Faults in the pages; 0, -EBUSY if the sequence moved, or the errors of `hmmRangeFault`. */
export function* deviceRangeFault(space: AddressSpace, fault: RangeFault): Sleepable<number> {
  let page = fault.startPage;
  for (let rounds = 0; page < fault.endPage; rounds++) {
    if (fault.isStale() || rounds > MOST_ROUNDS) return -Errno.EBUSY;
    const vma = space.findVma(page);
    if (vma === undefined || isIoOrPfnMap(vma) || (vma.protection & Protection.read) === 0) return -Errno.EFAULT;
    const vmaEnd = Math.min(fault.endPage, vma.endPage);
    while (page < vmaEnd) {
      const to = Math.min(vmaEnd, alignDown(page, PAGES_PER_BLOCK) + PAGES_PER_BLOCK);
      const missing = firstMissing(space, fault, page, to);
      if (missing === to) {
        page = to;
        continue;
      }
      page = missing;
      // mutant: hole-alone-faulted
      const result = yield* faultAll(space, fault, vma, missing, to);
      if (result !== 0) return result;
      break;
    }
  }
  return fault.isStale() && fault.startPage === fault.endPage ? -Errno.EBUSY : 0;
}

/** The first of the pages `[from, to)` of one block that is to be faulted, `to` if none is. */
function firstMissing({ pages, devices }: AddressSpace, fault: RangeFault, from: number, to: number): number {
  const needed = fault.write ? PRESENT | WRITE_FAULTED : PRESENT;
  for (let page = from; page < to; page++) {
    const marks = pages.marksOf(page);
    if ((marks & needed) === needed) continue;
    // mutant: read-only-vram-faulted
    const isOwn =
      (marks & DEVICE_PRIVATE) !== 0 &&
      fault.owner !== null &&
      devices!.mapOf(pages.frameOf(page, true)).owner === fault.owner;
    if (!isOwn) return page;
  }
  return to;
}

function* faultAll(space: AddressSpace, fault: RangeFault, vma: Vma, from: number, to: number): Sleepable<number> {
  if (fault.write && (vma.protection & Protection.write) === 0) return -Errno.EPERM;
  for (let page = from; page < to; page++) {
    const result = isSystemFault(space, page)
      ? faultSystemPage(space, vma, page, fault.write, fault.failures)
      : yield* faultPage(space, vma, page, fault.write, fault.failures);
    if (result !== 0) return -Errno.EFAULT;
  }
  return 0;
}

/** Whether every page of `[startPage, endPage)` is there for who has `owner`: a walk that asks for no page. */
export function arePagesPresent(
  space: AddressSpace,
  startPage: number,
  endPage: number,
  owner: object | null,
): boolean {
  const { pages, devices } = space;
  // Chunks lie in one VMA. Where it cannot be read, nothing is looked at.
  if (((space.findVma(startPage)?.protection ?? 0) & Protection.read) === 0) return false;
  for (let page = startPage; page < endPage; page++) {
    const marks = pages.marksOf(page);
    if ((marks & PRESENT) !== 0) continue;
    if ((marks & DEVICE_PRIVATE) === 0 || owner === null) return false;
    if (devices!.mapOf(pages.frameOf(page, true)).owner !== owner) return false;
  }
  return true;
}
