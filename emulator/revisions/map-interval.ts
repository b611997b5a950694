// Models: mapping pages of an attribute interval on the GPU, each chunk by itself writable or not (spec/revisions §4, V7 item 1).
import { SvmFlag } from '../../lib/uapi/constants.ts';
import { Errno } from '../../lib/uapi/errno.ts';
import { PteMemory } from '../gpu/pte-format.ts';
import type { Sleepable } from '../kernel/sleepable.ts';
import type { AttributeInterval } from '../svm/attribute-interval.ts';
import type { RangeRequest } from '../gpusvm/chunk.ts';
import { commitRange } from '../svm/commit.ts';
import type { SvmContext } from '../svm/context.ts';
import { findOrInsertRange } from '../svm/find-range.ts';
import { needsVram } from '../svm/migrate-range.ts';
import { getRangePages, memoryOf, placePages } from './get-range-pages.ts';

/**
 * Maps the pages `[startPage, endPage)` of `interval`; the svm lock must be held. Ranges mapped before an error stay
 * mapped. `endPage` 0 is an end that wrapped: nothing is done.
 */
export function mapInterval(
  context: SvmContext,
  interval: AttributeInterval,
  startPage: number,
  endPage: number,
): number {
  const { pteFlags } = context.device;
  const request: RangeRequest = { lowPage: startPage, highPage: endPage, readOnly: false };
  let page = startPage;
  while (page < endPage) {
    // mutant: v7-read-only-sticks
    request.readOnly = (interval.flags & SvmFlag.gpuReadOnly) !== 0;
    const range = findOrInsertRange(context, page, request);
    if (typeof range === 'number') return logged(context, range);
    if (!range.isMappedFor(interval.flags)) {
      let result = getRangePages(context, range, request);
      if (result !== 0) return logged(context, result, result === -Errno.EOPNOTSUPP ? 2 : 1);
      const flags = pteFlags.indexFor(interval.flags, request.readOnly, PteMemory.system);
      result = commitRange(context, range, flags, interval.flags, true);
      if (result !== 0) return logged(context, result);
    }
    page = range.startPage + range.pages;
  }
  return 0;
}

/** As `mapInterval`, where pages may lie in VRAM: those that are to go there are moved, valid or not (spec/migration §6). */
export function* mapIntervalWithDevices(
  context: SvmContext,
  interval: AttributeInterval,
  startPage: number,
  endPage: number,
): Sleepable<number> {
  const request: RangeRequest = { lowPage: startPage, highPage: endPage, readOnly: false };
  const toVram = needsVram(context, interval);
  let page = startPage;
  while (page < endPage) {
    request.readOnly = (interval.flags & SvmFlag.gpuReadOnly) !== 0;
    const range = findOrInsertRange(context, page, request);
    if (typeof range === 'number') return logged(context, range);
    // mutant: vram-not-written-again
    const isDone = !toVram && range.isMappedFor(interval.flags);
    if (!isDone) {
      const placed = yield* placePages(context, range, request, toVram);
      let { result } = placed;
      if (result !== 0) return logged(context, result, placed.moved && result === -Errno.EOPNOTSUPP ? 2 : 1);
      const flags = context.device.pteFlags.indexFor(interval.flags, request.readOnly, memoryOf(range));
      result = commitRange(context, range, flags, interval.flags, true);
      if (result !== 0) return logged(context, result);
    }
    page = range.startPage + range.pages;
  }
  return 0;
}

/** Gives `result` back; the failure is written to the kernel log, twice for EOPNOTSUPP of the page collection. */
function logged(context: SvmContext, result: number, lines = 1): number {
  context.device.counters.errorLines += lines;
  return result;
}
