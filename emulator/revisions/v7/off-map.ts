// Models: mapping pages without retry faults - chunk by chunk, and the ranges that cross the bounds (spec/xnack-off §2).
import { SvmAccess, SvmFlag } from '../../../lib/uapi/constants.ts';
import { PteMemory } from '../../gpu/pte-format.ts';
import { exclusiveEnd } from '../../svm/attribute-interval.ts';
import type { AttributeInterval } from '../../svm/attribute-interval.ts';
import { Trigger } from '../../svm/attribute-record.ts';
import type { OperationMode, RangeRequest } from '../../gpusvm/chunk.ts';
import { commitRange, lockPageDirectory, zapPages } from '../../svm/commit.ts';
import type { SvmContext } from '../../svm/context.ts';
import { findOrInsertRange } from '../../svm/find-range.ts';
import { removeRange } from '../../svm/invalidate.ts';
import type { AmdgpuSvmRange } from '../../svm/svm-range.ts';
import { getRangePages } from '../get-range-pages.ts';
import type { OffQueues } from './off-evictions.ts';

/** Changes that have pages with access written again. */
// mutant: off-granularity-maps
const REMAPPING = Trigger.accessChange | Trigger.pteFlagChange | Trigger.mappingFlagChange | Trigger.locationChange;
const CHANGES = REMAPPING | Trigger.granularityChange | Trigger.prefetch;

export function hasAccess({ access }: AttributeInterval): boolean {
  // mutant: off-access-ignored
  return access !== SvmAccess.inaccessible;
}

/** The effect of SET_ATTR on the pages `[startPage, endPage)` of `interval`; 0 or a negative errno. */
export function applyWithoutRetryFaults(
  context: SvmContext,
  work: OffQueues,
  interval: AttributeInterval,
  startPage: number,
  endPage: number,
  trigger: number,
): number {
  const changes = trigger & CHANGES;
  const maps =
    (changes & Trigger.prefetch) !== 0 || (hasAccess(interval) && (changes === 0 || (changes & REMAPPING) !== 0));
  // mutant: off-set-maps-nothing
  if (!maps) return 0;
  const result = realignAndMap(context, work, interval, startPage, endPage);
  context.effects.current?.prefetched(startPage, endPage - 1, result);
  return result;
}

function realignAndMap(
  context: SvmContext,
  work: OffQueues,
  interval: AttributeInterval,
  startPage: number,
  endPage: number,
): number {
  const { framework } = context;
  let head = framework.findRange(startPage, startPage + 1);
  if (head !== undefined && head.startPage >= startPage) head = undefined;
  // One range over both bounds is only a head: its pages after the segment are forgotten.
  let tail = endPage > startPage ? framework.findRange(endPage - 1, endPage) : undefined;
  if (tail !== undefined && (tail === head || tail.endPage <= endPage)) tail = undefined;
  const evicts = head?.gpuMapped === true || tail?.gpuMapped === true;
  if (evicts) work.evictions.begin();
  let result = removeCrossing(context, head, tail);
  if (result === 0) {
    if (head !== undefined) addPlaceholders(context, work, head.startPage, startPage);
    if (head !== undefined && head.endPage > endPage && context.revision.repairs['keep-tail'])
      addPlaceholders(context, work, endPage, head.endPage);
    if (tail !== undefined) addPlaceholders(context, work, endPage, tail.endPage);
    result = mapChunks(context, interval, startPage, endPage);
  }
  if (evicts) work.makeRestoreDue();
  return result;
}

function removeCrossing(
  context: SvmContext,
  head: AmdgpuSvmRange | undefined,
  tail: AmdgpuSvmRange | undefined,
): number {
  if (head === undefined && tail === undefined) return 0;
  let result = lockPageDirectory(context, true);
  if (result !== 0) return result;
  let flush = false;
  for (const range of [head, tail]) {
    if (range === undefined) continue;
    if (range.gpuMapped) {
      result = zapPages(context, range, 0, range.pages);
      if (result !== 0) break;
      flush = true;
    }
    removeRange(context, range);
  }
  context.vm.pageDirectoryLock.release();
  if (result === 0 && flush) context.flushTlb();
  return result;
}

/** Makes ranges that are not mapped for the pages with access of `[startPage, endPage)`, and queues them. */
function addPlaceholders(context: SvmContext, work: OffQueues, startPage: number, endPage: number): void {
  const request: RangeRequest = { lowPage: startPage, highPage: endPage, readOnly: false };
  forEachAccessible(context, startPage, endPage, (interval, from, to) => {
    request.highPage = to;
    let page = from;
    while (page < to) {
      request.lowPage = page;
      request.readOnly = (interval.flags & SvmFlag.gpuReadOnly) !== 0;
      const range = findOrInsertRange(context, page, request, true);
      if (typeof range === 'number') return;
      page = range.endPage;
    }
  });
  enqueueUnmapped(context, work, startPage, endPage);
}

/** Queues every range of `[startPage, endPage)` that is not mapped for the restore worker. */
export function enqueueUnmapped(context: SvmContext, work: OffQueues, startPage: number, endPage: number): void {
  const { framework } = context;
  for (const range of framework.rangesIn(startPage, endPage)) {
    if (!range.gpuMapped) work.enqueueRestore(range, range.firstIndexIn(startPage), range.endIndexIn(endPage));
  }
}

/** Calls `visit` for each part `[from, to)` of `[startPage, endPage)` that lies in one interval with access. */
export function forEachAccessible(
  context: SvmContext,
  startPage: number,
  endPage: number,
  visit: (interval: AttributeInterval, from: number, to: number) => void,
): void {
  const { tree } = context;
  tree.hold();
  let page = startPage;
  while (page < endPage) {
    const interval = tree.findIntersecting(page, endPage - 1);
    context.points.reach('tree-unlock');
    if (interval === undefined) break;
    const from = Math.max(page, interval.first);
    const to = Math.min(endPage, exclusiveEnd(interval) || endPage);
    if (hasAccess(interval)) visit(interval, from, to);
    page = to;
  }
  tree.release();
}

/** Maps the pages `[startPage, endPage)`; ranges mapped before an error stay mapped. */
export function mapChunks(
  context: SvmContext,
  interval: AttributeInterval,
  startPage: number,
  endPage: number,
): number {
  const request: RangeRequest = { lowPage: startPage, highPage: endPage, readOnly: false };
  let page = startPage;
  while (page < endPage) {
    request.lowPage = page;
    request.readOnly = (interval.flags & SvmFlag.gpuReadOnly) !== 0;
    const range = findOrInsertRange(context, page, request);
    if (typeof range === 'number') return range;
    const result = mapRange(context, range, interval, request, false);
    if (result !== 0) return result;
    // mutant: off-map-stops-after-one
    page = range.endPage;
  }
  return 0;
}

/** Maps one range if it is not mapped for `interval`; `deviceOnly`: only pages in device memory are taken. */
export function mapRange(
  context: SvmContext,
  range: AmdgpuSvmRange,
  interval: AttributeInterval,
  mode: OperationMode,
  deviceOnly: boolean,
): number {
  if (range.isMappedFor(interval.flags)) return 0;
  // mutant: off-read-only-lost
  const result = getRangePages(context, range, mode, deviceOnly);
  if (result !== 0) return result;
  const flags = context.device.pteFlags.indexFor(interval.flags, mode.readOnly, PteMemory.system);
  return commitRange(context, range, flags, interval.flags, true);
}
