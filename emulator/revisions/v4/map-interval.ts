// Models: mapping an attribute interval on the GPU, the effect of a prefetch (spec/03-gpu-ranges §B.4, §B.8).
import { SvmFlag } from '../../../lib/uapi/constants.ts';
import { Errno } from '../../../lib/uapi/errno.ts';
import type { RangeRequest } from '../../gpusvm/chunk.ts';
import { getPages } from '../../gpusvm/get-pages.ts';
import { PteMemory } from '../../gpu/pte-format.ts';
import { exclusiveEnd } from '../../svm/attribute-interval.ts';
import type { AttributeInterval } from '../../svm/attribute-interval.ts';
import { commitRange } from '../../svm/commit.ts';
import type { SvmContext } from '../../svm/context.ts';
import { findOrInsertRange } from '../../svm/find-range.ts';

/**
 * Maps every page of `interval`; the svm lock must be held. Ranges mapped before an error stay mapped, and one
 * read-only VMA makes the rest of the interval read-only (Q49).
 */
export function mapInterval(context: SvmContext, interval: AttributeInterval): number {
  const { pteFlags } = context.device;
  const end = exclusiveEnd(interval);
  let page = interval.first;
  const request: RangeRequest = {
    lowPage: page,
    highPage: end,
    readOnly: (interval.flags & SvmFlag.gpuReadOnly) !== 0,
  };
  while (page < end) {
    // Others may trim the interval meanwhile.
    request.lowPage = interval.first;
    request.highPage = exclusiveEnd(interval);
    const range = findOrInsertRange(context, page, request);
    if (typeof range === 'number') return logged(context, range);
    const flags = pteFlags.indexFor(interval.flags, request.readOnly, PteMemory.system);
    if (!range.isFullyValid(flags, interval.flags)) {
      let result = getPages(context.framework, range, request.readOnly);
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
