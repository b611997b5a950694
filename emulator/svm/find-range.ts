// Models: finding or making the GPU range of a page within an attribute interval, with the read-only fallback (spec/03-gpu-ranges §B.3).
import { Errno } from '../../lib/uapi/errno.ts';
import type { RangeRequest } from '../gpusvm/chunk.ts';
import type { SvmContext } from './context.ts';
import type { AmdgpuSvmRange } from './svm-range.ts';

const { EPERM } = Errno;

/**
 * Finds or makes the range at `page`. If the VMA is not writable, `request` becomes read-only, and nothing clears that in the rest of the
 * operation (Q49). `presentOnly`: a new one of more than a page only where the CPU has them. Returns the range or a negative errno.
 */
export function findOrInsertRange(
  context: SvmContext,
  page: number,
  request: RangeRequest,
  presentOnly = false,
): AmdgpuSvmRange | number {
  const found = context.framework.findOrInsert(page, request, presentOnly);
  return found === -EPERM && !request.readOnly ? findForReading(context, page, request, presentOnly) : found;
}

function findForReading(
  context: SvmContext,
  page: number,
  request: RangeRequest,
  presentOnly: boolean,
): AmdgpuSvmRange | number {
  request.readOnly = true;
  const readable = context.framework.findOrInsert(page, request, presentOnly);
  // mutant: read-only-not-sticky
  return readable;
}
