// Models: the notifier callback without retry faults - queues are stopped, PTEs cleared by UNMAP events only (spec/xnack-off §3).
import { NotifierEvent } from '../../mm/interval-notifier.ts';
import type { GpuNotifier } from '../../gpusvm/notifier.ts';
import type { SvmContext } from '../../svm/context.ts';
import { captureCheckpoint, clearWholeRanges, zapEventPart } from '../../svm/invalidate.ts';
import type { AmdgpuSvmRange } from '../../svm/svm-range.ts';
import type { OffWork } from './off-work.ts';

/** The process's memory `[startPage, endPage)` changes: what the callback of one notifier does. */
export function invalidateWithoutRetryFaults(
  context: SvmContext,
  work: OffWork,
  notifier: GpuNotifier,
  event: NotifierEvent,
  startPage: number,
  endPage: number,
): void {
  const { framework } = context;
  const from = Math.max(notifier.startPage, startPage);
  const to = Math.min(notifier.endPage, endPage);
  context.effects.current?.notifierCalled(event, from, to);
  if (event === NotifierEvent.release || context.closing) return;
  // What is done to them takes none out.
  const ranges = framework.rangesIn(from, to);
  if (ranges.length === 0) return;
  framework.notifierLock.acquireWrite();
  const unmaps = event === NotifierEvent.unmap;
  // mutant: off-queues-run
  if (unmaps) zapEvent(context, work, ranges, startPage, endPage);
  else work.evictions.begin();
  for (const range of ranges) {
    const firstIndex = range.firstIndexIn(startPage);
    const endIndex = range.endIndexIn(endPage);
    // mutant: off-event-keeps-mapped
    if (!unmaps) range.clearGpuMapped(); // The PTEs stay: nothing but the stopped queues keeps the GPU from them.
    framework.unmapPages(range);
    if (unmaps) {
      range.setUnmapped(firstIndex, endIndex);
      work.enqueue(range, firstIndex, endIndex);
    } else {
      // mutant: off-no-restore
      work.enqueueRestore(range, firstIndex, endIndex);
    }
  }
  framework.notifierLock.releaseWrite();
}

/** As `invalidateWithoutRetryFaults` in a repaired driver: no PTE stays of a range that the event touches. */
export function invalidateWholeWithoutRetryFaults(
  context: SvmContext,
  work: OffWork,
  notifier: GpuNotifier,
  event: NotifierEvent,
  startPage: number,
  endPage: number,
): void {
  invalidateWithoutRetryFaults(context, work, notifier, event, startPage, endPage);
  // The queues are stopped by now, if they can be.
  if (event !== NotifierEvent.release && !context.closing) clearWholeRanges(context, notifier, startPage, endPage);
}

/** Clears PTEs of the event's pages; a mapped range that loses only a part stops the queues first. */
function zapEvent(
  context: SvmContext,
  work: OffWork,
  ranges: readonly AmdgpuSvmRange[],
  startPage: number,
  endPage: number,
): void {
  captureCheckpoint(context);
  let stopped = false;
  let zapped = false;
  for (const range of ranges) {
    if (!stopped && range.gpuMapped && (range.startPage < startPage || range.endPage > endPage)) {
      work.evictions.begin();
      stopped = true;
    }
    // mutant: off-unmap-keeps-ptes
    if (zapEventPart(context, range, range.firstIndexIn(startPage), range.endIndexIn(endPage))) zapped = true;
  }
  if (zapped) context.flushTlb();
}
