// Models: the invalidation callback in two phases, and the split invalidation (spec/04-invalidation-and-gc §3, §4; spec/03-gpu-ranges §B.10, §B.11).
import { PAGES_PER_BLOCK } from '../kernel/page-number.ts';
import { NotifierEvent } from '../mm/interval-notifier.ts';
import type { Sleepable } from '../kernel/sleepable.ts';
import { evictRange } from '../gpusvm/get-device-pages.ts';
import { RangeState } from '../gpusvm/range.ts';
import type { GpuNotifier } from '../gpusvm/notifier.ts';
import { clearPtes, lockPageDirectory, zapPages } from './commit.ts';
import type { SvmContext } from './context.ts';
import type { AmdgpuSvmRange } from './svm-range.ts';

const { unmapped } = RangeState;
const { unmap, release } = NotifierEvent;

/** The process's memory `[startPage, endPage)` changes: what the callback of one notifier does. */
export function invalidate(
  context: SvmContext,
  notifier: GpuNotifier,
  event: NotifierEvent,
  startPage: number,
  endPage: number,
): void {
  const { framework } = context;
  const from = Math.max(notifier.startPage, startPage);
  const to = Math.min(notifier.endPage, endPage);
  context.effects.current?.notifierCalled(event, from, to);
  if (event === release) return;
  // Q11: nothing is unmapped; the DMA arrays keep what they hold.
  // mutant: closing-invalidates
  if (context.closing) return;
  const range = framework.findRange(from, to);
  if (range === undefined) return;
  framework.notifierLock.acquireWrite();
  if (event === unmap) captureCheckpoint(context);
  // mutant: clear-event-queues
  const unmaps = event === unmap;
  if (range.endPage < to) {
    invalidateSeveral(context, range, startPage, endPage, unmaps);
  } else {
    const firstIndex = range.firstIndexIn(startPage);
    const endIndex = range.endIndexIn(endPage);
    flushAfter(context, zapEventPart(context, range, firstIndex, endIndex));
    dropPages(context, range, firstIndex, endIndex, unmaps);
  }
  framework.notifierLock.releaseWrite();
}

/** Both phases for `first` and the ranges after it. */
function invalidateSeveral(
  context: SvmContext,
  first: AmdgpuSvmRange,
  startPage: number,
  endPage: number,
  unmaps: boolean,
): void {
  const { framework } = context;
  const to = Math.min(first.notifier.endPage, endPage);
  const firstIndex = first.firstIndexIn(startPage);
  const endBlock = Math.floor(endPage / PAGES_PER_BLOCK);
  const endInBlock = endPage - endBlock * PAGES_PER_BLOCK;
  // Where nobody sees the order of the phases, each range is looked at once: to fetch it takes longer than all that is done to it.
  const atOnce = context.effects.current === null;
  let zapped = zapEventPart(context, first, firstIndex, first.pages);
  if (atOnce) dropPages(context, first, firstIndex, first.pages, unmaps);
  for (let other = framework.otherIn(first, to); other !== undefined; other = framework.nextOther()) {
    const endIndex = other.endIndexBefore(endBlock, endInBlock);
    if (zapEventPart(context, other, 0, endIndex)) zapped = true;
    if (atOnce) dropPages(context, other, 0, endIndex, unmaps);
  }
  flushAfter(context, zapped);
  if (atOnce) return;
  dropPages(context, first, firstIndex, first.pages, unmaps);
  for (let other = framework.otherIn(first, to); other !== undefined; other = framework.nextOther())
    dropPages(context, other, 0, other.endIndexBefore(endBlock, endInBlock), unmaps);
}

function flushAfter(context: SvmContext, zapped: boolean): void {
  // mutant: zap-without-flush
  if (zapped) context.flushTlb();
}

/** Phase 2: the DMA mapping of a range ends, and with an UNMAP event the range is left to the collector. */
function dropPages(
  context: SvmContext,
  range: AmdgpuSvmRange,
  firstIndex: number,
  endIndex: number,
  unmaps: boolean,
): void {
  // mutant: dma-mapping-stays
  context.framework.unmapPages(range);
  if (!unmaps) return;
  range.setUnmapped(firstIndex, endIndex);
  // mutant: unmap-not-queued
  context.collector.enqueue(range, firstIndex, endIndex);
}

/** As `invalidate` in a repaired driver: no PTE stays of a range that the event touches. */
export function invalidateWholeRanges(
  context: SvmContext,
  notifier: GpuNotifier,
  event: NotifierEvent,
  startPage: number,
  endPage: number,
): void {
  invalidate(context, notifier, event, startPage, endPage);
  if (event !== release && !context.closing) clearWholeRanges(context, notifier, startPage, endPage);
}

/** Clears all PTEs of the ranges of `notifier` that have pages in `[startPage, endPage)`. */
export function clearWholeRanges(context: SvmContext, notifier: GpuNotifier, startPage: number, endPage: number): void {
  const { framework, vm } = context;
  const from = Math.max(notifier.startPage, startPage);
  const to = Math.min(notifier.endPage, endPage);
  // Evictions have an event for each page, and the first one has cleared them all.
  const first = Math.floor(from / PAGES_PER_BLOCK);
  if (first === Math.floor((to - 1) / PAGES_PER_BLOCK) && vm.pageTable.blocks.getPacked(first) === undefined) return;
  for (const range of framework.rangesIn(from, to)) clearPtes(context, range);
}

/** A repaired driver: ranges in VRAM that cross the bounds of `[startPage, endPage)` come home. The svm lock must be held. */
export function* evictCrossing(context: SvmContext, startPage: number, endPage: number): Sleepable<void> {
  const { framework } = context;
  for (const page of [startPage, endPage - 1]) {
    const range = startPage < endPage ? framework.findRange(page, page + 1) : undefined;
    if (range === undefined || !range.hasDevicePages) continue;
    if (crosses(range, startPage, endPage)) yield* evictRange(framework, range);
  }
}

/** Phase 1: clears the PTEs of the event's part only, but marks the whole range not mapped (Q35). */
export function zapEventPart(
  context: SvmContext,
  range: AmdgpuSvmRange,
  firstIndex: number,
  endIndex: number,
): boolean {
  if ((range.state & unmapped) !== 0 || !range.gpuMapped) return false;
  // mutant: clear-without-zap, zap-whole-range
  if (firstIndex < endIndex) zapPages(context, range, firstIndex, endIndex); // Q39: the result is ignored
  range.clearGpuMapped();
  return true;
}

/** Remembers the timestamp of the youngest interrupt in the ring, to drop older faults later (spec/04-invalidation-and-gc §4). */
export function captureCheckpoint(context: SvmContext): void {
  const { ring1, softwareRing, model } = context.device;
  const ring = !model.retryCam && ring1.exists && ring1.pending ? ring1 : softwareRing;
  // mutant: checkpoint-from-soft-ring
  if (ring.pending) context.checkpoint = ring.youngestTimestamp;
}

/**
 * Invalidates the pages `[startPage, endPage)` because an interval was split;
 * the svm lock must be held. `endPage` 0 is an end that wrapped: nothing is done.
 * Ranges that cross the bounds are removed, zapped or not (Q38, Q47).
 */
export function splitInvalidate(context: SvmContext, startPage: number, endPage: number): number {
  const failure = lockPageDirectory(context, true);
  if (failure !== 0) return failure;
  let zapped = 0;
  let range = firstOf(context, startPage, endPage);
  while (range !== undefined && range.startPage < endPage) {
    const next = context.framework.rangeAfter(range);
    const result = zapRange(context, range);
    if (result < 0) return endSplit(context, result);
    zapped += result;
    if (crosses(range, startPage, endPage)) removeRange(context, range);
    else range.clearGpuMapped();
    range = next;
  }
  return endSplit(context, zapped);
}

/** As `splitInvalidate`, where pages may lie in VRAM: those of a removed range come home, which sleeps while others move them. */
export function* splitInvalidateWithDevices(
  context: SvmContext,
  startPage: number,
  endPage: number,
): Sleepable<number> {
  const failure = lockPageDirectory(context, true);
  if (failure !== 0) return failure;
  let zapped = 0;
  let range = firstOf(context, startPage, endPage);
  while (range !== undefined && range.startPage < endPage) {
    const next = context.framework.rangeAfter(range);
    const result = zapRange(context, range);
    if (result < 0) return endSplit(context, result);
    zapped += result;
    range.clearGpuMapped();
    if (crosses(range, startPage, endPage)) {
      if (range.hasDevicePages) {
        const detail = 'the mmap lock is taken while the page directory is reserved';
        context.effects.current?.hazard('V8-D8', detail, range.startPage, range.pages);
        // Also what goes wrong with it ends nothing.
        yield* evictRange(context.framework, range);
      }
      removeRange(context, range);
    }
    range = next;
  }
  return endSplit(context, zapped);
}

function firstOf({ framework }: SvmContext, startPage: number, endPage: number): AmdgpuSvmRange | undefined {
  return startPage < endPage ? framework.findRange(startPage, endPage) : undefined;
}

function crosses(range: AmdgpuSvmRange, startPage: number, endPage: number): boolean {
  // mutant: split-keeps-range
  return startPage > range.startPage || endPage < range.endPage;
}

/** Clears the PTEs of a range: 1 if it was mapped, 0, or a negative errno. */
function zapRange(context: SvmContext, range: AmdgpuSvmRange): number {
  return range.gpuMapped ? zapPages(context, range, 0, range.pages) || 1 : 0;
}

/** `zapped`: ranges that were cleared, or a negative errno. Returns 0 or that. */
function endSplit(context: SvmContext, zapped: number): number {
  context.vm.pageDirectoryLock.release();
  if (zapped < 0) return zapped;
  // mutant: split-without-flush
  if (zapped > 0) context.flushTlb();
  return 0;
}

/** Removes a range outside of collection; up to V7 whether it is queued is not looked at (Q44). */
export function removeRange(context: SvmContext, range: AmdgpuSvmRange): void {
  const { framework } = context;
  range.clearGpuMapped();
  if (range.untouchedByUnmap) {
    framework.notifierLock.acquireRead();
    framework.unmapPages(range);
    framework.notifierLock.releaseRead();
  }
  if (!context.revision.dequeuesRemovedRanges && range.queued) {
    context.effects.current?.hazard('Q44', 'a queued range was removed by a split', range.startPage, range.pages);
  }
  framework.removeRange(range);
  if (context.revision.dequeuesRemovedRanges) {
    context.collector.dequeue(range);
    context.points.reach('work-unlock');
  }
}
