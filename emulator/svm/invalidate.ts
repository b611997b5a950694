// Models: the invalidation callback in two phases, and the split invalidation (spec/04-invalidation-and-gc §3, §4; spec/03-gpu-ranges §B.10, §B.11).
import { NotifierEvent } from '../mm/interval-notifier.ts';
import { runAwake } from '../kernel/sleepable.ts';
import { evictRange } from '../gpusvm/get-device-pages.ts';
import { RangeState } from '../gpusvm/range.ts';
import type { GpuNotifier } from '../gpusvm/notifier.ts';
import { lockPageDirectory, zapPages } from './commit.ts';
import type { SvmContext } from './context.ts';
import type { AmdgpuSvmRange } from './svm-range.ts';

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
  if (event === NotifierEvent.release) return;
  // Q11: nothing is unmapped; the DMA arrays keep what they hold.
  // mutant: closing-invalidates
  if (context.closing) return;
  const first = framework.findRange(from, to);
  if (first === undefined) return;
  framework.notifierLock.acquireWrite();
  if (event === NotifierEvent.unmap) captureCheckpoint(context);
  let zapped = false;
  for (let range: AmdgpuSvmRange | undefined = first; range !== undefined && range.startPage < to;) {
    if (zapEventPart(context, range, startPage, endPage)) zapped = true;
    range = framework.rangeAfter(range);
  }
  // mutant: zap-without-flush
  if (zapped) context.flushTlb();
  // mutant: clear-event-queues
  const unmaps = event === NotifierEvent.unmap;
  for (let range: AmdgpuSvmRange | undefined = first; range !== undefined && range.startPage < to;) {
    // mutant: dma-mapping-stays
    framework.unmapPages(range);
    if (unmaps) {
      range.setUnmapped(startPage, endPage);
      const firstPage = Math.max(range.startPage, startPage);
      // mutant: unmap-not-queued
      context.collector.enqueue(range, firstPage, Math.min(range.endPage, endPage) - 1);
    }
    range = framework.rangeAfter(range);
  }
  framework.notifierLock.releaseWrite();
}

/** Phase 1: clears the PTEs of the event's part only, but marks the whole range not mapped (Q35). */
export function zapEventPart(context: SvmContext, range: AmdgpuSvmRange, startPage: number, endPage: number): boolean {
  if ((range.state & RangeState.unmapped) !== 0 || !range.gpuMapped) return false;
  const from = Math.max(range.startPage, startPage);
  const to = Math.min(range.endPage, endPage);
  // mutant: clear-without-zap, zap-whole-range
  if (from < to) zapPages(context, from, to); // Q39: the result is ignored
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
  const { framework, vm } = context;
  const failure = lockPageDirectory(context, true);
  if (failure !== 0) return failure;
  let flush = false;
  let range = startPage < endPage ? framework.findRange(startPage, endPage) : undefined;
  while (range !== undefined && range.startPage < endPage) {
    const next = framework.rangeAfter(range);
    if (range.gpuMapped) {
      const result = zapPages(context, range.startPage, range.endPage);
      if (result !== 0) {
        vm.pageDirectoryLock.release();
        return result;
      }
      flush = true;
    }
    // mutant: split-keeps-range
    if (startPage > range.startPage || endPage < range.endPage) removeRange(context, range);
    else range.clearGpuMapped();
    range = next;
  }
  vm.pageDirectoryLock.release();
  // mutant: split-without-flush
  if (flush) context.flushTlb();
  return 0;
}

/** Removes a range outside of collection; up to V7 whether it is queued is not looked at (Q44). */
export function removeRange(context: SvmContext, range: AmdgpuSvmRange): void {
  const { framework } = context;
  range.clearGpuMapped();
  // Also what goes wrong with it ends nothing.
  if (range.hasDevicePages) {
    const detail = 'the mmap lock is taken while the page directory is reserved';
    context.effects.current?.hazard('V8-D8', detail, range.startPage, range.pages);
    runAwake(evictRange(framework, range));
  }
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
