// Models: writing the PTEs of a range - "update mapping" (spec/03-gpu-ranges §B.5, §B.6, §B.7).
import { Errno } from '../../lib/uapi/errno.ts';
import { dmaEntries } from '../gpusvm/pages.ts';
import type { SvmContext } from './context.ts';
import { SvmRangeState } from './svm-range.ts';
import type { AmdgpuSvmRange } from './svm-range.ts';

/** Wait for the page-directory lock; returns 0 or -EINTR. Every wait counts. */
export function lockPageDirectory(context: SvmContext, interruptible: boolean): number {
  context.device.counters.lockPd++;
  if (interruptible) {
    const failure = context.failures.take('lock-page-directory');
    if (failure !== 0) return failure;
  }
  context.vm.pageDirectoryLock.acquire();
  return 0;
}

/**
 * Commits `range` with the PTE flags of index `pteFlags` for an interval with
 * the flag mask `attributeFlags`. A prefetch flushes the TLB, a fault does not (Q42);
 * `interruptible`: the wait for the page directory may fail. Returns 0, -EAGAIN when the pages became
 * invalid since they were collected, or another negative errno.
 */
export function commitRange(
  context: SvmContext,
  range: AmdgpuSvmRange,
  pteFlags: number,
  attributeFlags: number,
  forPrefetch: boolean,
  interruptible: boolean = forPrefetch,
): number {
  let result = lockPageDirectory(context, interruptible);
  if (result !== 0) return result;
  context.points.reach('pages-got');
  context.framework.notifierLock.acquireRead();
  // mutant: race-commit-unchecked
  if (range.committable) {
    result = writeRange(context, range, pteFlags);
  } else {
    range.clearGpuMapped();
    result = -Errno.EAGAIN; // Q40: PTEs that are live stay so
    if (context.revision.repairs['mark-under-notifier-lock']) clearPtes(context, range);
  }
  context.framework.notifierLock.releaseRead();
  if (result === 0) {
    context.device.counters.pdes++;
    result = context.failures.take('update-directories');
  }
  if (result === 0) {
    context.points.reach('pte-committed');
    // mutant: prefetch-without-flush, fault-flushes
    if (forPrefetch) context.flushTlb();
    // Q40: set although an event may have come since the notifier lock was dropped.
    range.pteFlags = pteFlags;
    range.attributeFlags = attributeFlags;
    range.state |= SvmRangeState.gpuMapped;
    range.validationTime = context.clock.now;
    if (!range.committable) markedTooLate(context, range);
  } else {
    if (context.revision.repairs['undo-failed-commits']) clearPtes(context, range);
    context.effects.current?.commitFailed(range.startPage, range.pages, result);
  }
  context.vm.pageDirectoryLock.release();
  return result;
}

/** The pages of `range` became invalid before it was marked mapped. */
function markedTooLate(context: SvmContext, range: AmdgpuSvmRange): void {
  if (context.revision.repairs['mark-under-notifier-lock']) {
    range.clearGpuMapped();
    clearPtes(context, range);
    return;
  }
  context.effects.current?.hazard(
    'Q40',
    'a range was marked mapped although its pages were invalidated meanwhile',
    range.startPage,
    range.pages,
  );
}

/** Clears what PTEs of `range` there are, and flushes the TLB; says whether there were any. */
export function clearPtes(context: SvmContext, range: AmdgpuSvmRange): boolean {
  // Ranges lie in one block.
  const block = context.vm.pageTable.blocks.getPacked(range.blockNumber);
  if (block === undefined || block.used === 0) return false;
  const result = zapPages(context, range, 0, range.pages);
  context.flushTlb();
  return result === 0;
}

/** Writes the PTEs of the whole range, also when only one page faulted (spec/03-gpu-ranges §B.7.1). */
function writeRange(context: SvmContext, range: AmdgpuSvmRange, pteFlags: number): number {
  const { vm, device } = context;
  if (!context.failures.none) {
    const failure = context.failures.take('write-ptes');
    if (failure !== 0) return failure;
    const entries = context.failures.takeAmong('write-dma-entry', dmaEntries(range));
    if (entries.failure !== 0) {
      if (entries.passed > 0) writeEntries(context, range, entries.passed, pteFlags);
      return entries.failure;
    }
  }
  const effects = context.effects.current;
  effects?.ptesReplacing(range.startPage, range.pages, pteFlags, range.frames);
  vm.pageTable.writeInBlock(range.blockNumber, range.indexInBlock, range.pages, pteFlags, range.frames);
  // One call for each DMA entry.
  device.counters.mapCalls += dmaEntries(range);
  effects?.ptesWritten(range.startPage, range.pages, pteFlags);
  return 0;
}

/** Writes the PTEs of the first `pages` pages of a range with an entry for each page. */
function writeEntries(context: SvmContext, range: AmdgpuSvmRange, pages: number, pteFlags: number): void {
  const { vm, device, effects } = context;
  const frames = typeof range.frames === 'number' ? range.frames : range.frames.slice(0, pages);
  effects.current?.ptesReplacing(range.startPage, pages, pteFlags, frames);
  vm.pageTable.writeInBlock(range.blockNumber, range.indexInBlock, pages, pteFlags, frames);
  device.counters.mapCalls += pages;
  effects.current?.ptesWritten(range.startPage, pages, pteFlags);
}

/** Clears the PTEs of the pages of `range` with the indices `[firstIndex, endIndex)`; returns 0 or the page-table layer's error. */
export function zapPages(context: SvmContext, range: AmdgpuSvmRange, firstIndex: number, endIndex: number): number {
  const failure = context.failures.take('zap-ptes');
  if (failure !== 0) {
    if (context.revision.countsFailedZaps) context.device.counters.clearCalls++;
    context.effects.current?.zapFailed(range.startPage + firstIndex, range.startPage + endIndex, failure);
    return failure;
  }
  context.device.counters.clearCalls++;
  const { blockNumber, indexInBlock } = range;
  context.vm.pageTable.zapInBlock(blockNumber, indexInBlock + firstIndex, indexInBlock + endIndex);
  context.effects.current?.ptesZapped(range.startPage + firstIndex, endIndex - firstIndex);
  return 0;
}
