// Models: finding or making the GPU range of a page within an attribute interval, with the read-only fallback (spec/03-gpu-ranges §B.3).
import { Errno } from '../../lib/uapi/errno.ts';
import type { SvmContext } from './context.ts';
import type { AmdgpuSvmRange } from './svm-range.ts';

/** The read-only bit of one operation; the fallback sets it and nothing clears it (Q49). */
export interface OperationMode {
  readOnly: boolean;
}

/**
 * Finds or makes the range at `page` within the pages `[low, high)` (`high` 0 if it wrapped). If the VMA is not
 * writable, `mode` becomes read-only for the rest of the operation. `presentOnly`: a new one of more than a page only where the CPU has them. Returns the
 * range or a negative errno.
 */
export function findOrInsertRange(
  context: SvmContext,
  page: number,
  low: number,
  high: number,
  mode: OperationMode,
  presentOnly = false,
): AmdgpuSvmRange | number {
  const found = context.framework.findOrInsert(page, low, high, mode.readOnly, presentOnly);
  if (found !== -Errno.EPERM || mode.readOnly) return found;
  // mutant: read-only-not-sticky
  mode.readOnly = true;
  return context.framework.findOrInsert(page, low, high, true, presentOnly);
}
