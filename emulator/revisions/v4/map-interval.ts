// Models: mapping an attribute interval on the GPU, the effect of a prefetch (spec/03-gpu-ranges §B.3, §B.4, §B.8).
import { SvmFlag } from '../../../lib/uapi/constants.ts';
import { Errno } from '../../../lib/uapi/errno.ts';
import { PAGE_NUMBER_END } from '../../kernel/page-number.ts';
import { getPages } from '../../gpusvm/get-pages.ts';
import type { AttributeInterval } from '../../svm/attribute-tree.ts';
import { commitRange } from '../../svm/commit.ts';
import type { SvmContext } from '../../svm/context.ts';
import type { SvmRange } from '../../svm/svm-range.ts';

/** The read-only bit of one operation; the fallback sets it and nothing clears it (Q49). */
export interface OperationMode {
  readOnly: boolean;
}

/**
 * Finds or makes the range at `page` within `interval`. If the VMA is not
 * writable, `mode` becomes read-only for the rest of the operation. Returns the
 * range or a negative errno.
 */
export function findOrInsertRange(
  context: SvmContext,
  page: number,
  interval: AttributeInterval,
  mode: OperationMode,
): SvmRange | number {
  // Bounds are read once: a SET between the two calls reshapes the interval but not them.
  const low = interval.first;
  const high = exclusiveEnd(interval);
  const found = context.framework.findOrInsert(page, low, high, mode.readOnly);
  if (found !== -Errno.EPERM || mode.readOnly) return found;
  // mutant: read-only-not-sticky
  mode.readOnly = true;
  return context.framework.findOrInsert(page, low, high, true);
}

/** First page behind an interval, or 0 where the byte address wraps past 2^64 (spec/02-attributes §10). */
export function exclusiveEnd(interval: AttributeInterval): number {
  const end = interval.last + 1;
  return end === PAGE_NUMBER_END ? 0 : end;
}

/** Maps every page of `interval`; the svm lock must be held. Ranges mapped before an error stay mapped. */
export function mapInterval(context: SvmContext, interval: AttributeInterval): number {
  const { pteFlags } = context.device;
  const mode: OperationMode = { readOnly: (interval.flags & SvmFlag.gpuReadOnly) !== 0 };
  const end = exclusiveEnd(interval);
  let page = interval.first;
  while (page < end) {
    const range = findOrInsertRange(context, page, interval, mode);
    if (typeof range === 'number') return logged(context, range);
    const flags = pteFlags.indexFor(interval.flags, mode.readOnly);
    if (!range.isFullyValid(flags, interval.flags)) {
      let result = getPages(context.framework, range, mode.readOnly);
      if (result !== 0) return logged(context, result, result === -Errno.EOPNOTSUPP ? 2 : 1);
      result = commitRange(context, range, flags, interval.flags, true);
      if (result !== 0) return logged(context, result);
    }
    // mutant: prefetch-skips-second-range
    page = range.startPage + range.pages;
  }
  return 0;
}

/** Gives `result` back; the failure is written to the kernel log (spec/06-lifecycle §11), twice for EOPNOTSUPP of the page collection. */
function logged(context: SvmContext, result: number, lines = 1): number {
  context.device.counters.errorLines += lines;
  return result;
}
