// Models: writing the PTEs of a range - "update mapping" (spec/03-gpu-ranges §B.5, §B.6, §B.7).
import { Errno } from '../../lib/uapi/errno.ts';
import { dmaEntries } from '../gpusvm/pages.ts';
import type { EffectSink } from '../kernel/effects.ts';
import type { SvmContext } from './context.ts';
import type { AmdgpuSvmRange } from './svm-range.ts';

/** Wait for the page-directory lock; returns 0 or -EINTR. Every wait counts. */
export function lockPageDirectory(context: SvmContext, interruptible: boolean): number {
  context.device.counters.lockPd++;
  const failure = interruptible ? context.failures.take('lock-page-directory') : 0;
  if (failure === 0) context.vm.pageDirectoryLock.acquire();
  return failure;
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
  result = range.committable ? writeRange(context, range, pteFlags) : refuseCommit(context, range);
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
    range.markMapped(pteFlags, attributeFlags, context.clock.now);
    if (!range.committable) markedTooLate(context, range);
  } else {
    endFailedCommit(context, range, result);
  }
  context.vm.pageDirectoryLock.release();
  return result;
}

/** The pages of `range` became invalid since they were collected: -EAGAIN. */
function refuseCommit(context: SvmContext, range: AmdgpuSvmRange): number {
  range.clearGpuMapped();
  // Q40: PTEs that are live stay so.
  if (context.revision.repairs['mark-under-notifier-lock']) clearPtes(context, range);
  return -Errno.EAGAIN;
}

function endFailedCommit(context: SvmContext, range: AmdgpuSvmRange, result: number): void {
  if (context.revision.repairs['undo-failed-commits']) clearPtes(context, range);
  context.effects.current?.commitFailed(range.startPage, range.pages, result);
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
  const failure = context.failures.none ? 0 : failToWrite(context, range, pteFlags);
  if (failure !== 0) return failure;
  const effects = context.effects.current;
  if (effects === null) writePtes(context, range, pteFlags);
  else writeAndTell(context, range, pteFlags, effects);
  return 0;
}

function writeAndTell(context: SvmContext, range: AmdgpuSvmRange, pteFlags: number, effects: EffectSink): void {
  effects.ptesReplacing(range.startPage, range.pages, pteFlags, range.frames);
  writePtes(context, range, pteFlags);
  effects.ptesWritten(range.startPage, range.pages, pteFlags);
}

function writePtes({ vm, device }: SvmContext, range: AmdgpuSvmRange, pteFlags: number): void {
  vm.pageTable.writeInBlock(range.blockNumber, range.indexInBlock, range.pages, pteFlags, range.frames);
  // One call for each DMA entry.
  device.counters.mapCalls += dmaEntries(range);
}

/** What makes a write fail, as planned: 0, or a negative errno, and the DMA entries before it are written. */
function failToWrite(context: SvmContext, range: AmdgpuSvmRange, pteFlags: number): number {
  const failure = context.failures.take('write-ptes');
  if (failure !== 0) return failure;
  const entries = context.failures.takeAmong('write-dma-entry', dmaEntries(range));
  if (entries.failure !== 0 && entries.passed > 0) writeEntries(context, range, entries.passed, pteFlags);
  return entries.failure;
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
  if (failure !== 0) return endFailedZap(context, range, firstIndex, endIndex, failure);
  context.device.counters.clearCalls++;
  const { blockNumber, indexInBlock } = range;
  context.vm.pageTable.zapInBlock(blockNumber, indexInBlock + firstIndex, indexInBlock + endIndex);
  if (context.effects.current !== null) tellZapped(context, range, firstIndex, endIndex);
  return 0;
}

function tellZapped({ effects }: SvmContext, range: AmdgpuSvmRange, firstIndex: number, endIndex: number): void {
  effects.current?.ptesZapped(range.startPage + firstIndex, endIndex - firstIndex);
}

function endFailedZap(
  context: SvmContext,
  range: AmdgpuSvmRange,
  firstIndex: number,
  endIndex: number,
  failure: number,
): number {
  if (context.revision.countsFailedZaps) context.device.counters.clearCalls++;
  context.effects.current?.zapFailed(range.startPage + firstIndex, range.startPage + endIndex, failure);
  return failure;
}
