// Models: nothing - it is what an observer sees of the modelled driver, in the order of the calls (spec/trace-format §5).
import type { SvmArguments } from '../../lib/uapi/call.ts';
import type { Frames } from './frame.ts';

/**
 * How an attribute interval was edited: made by SET_ATTR in a hole ('inserted') or by a
 * fault ('faulted-in'), changed as a whole, split, or left alone because nothing differs.
 */
export type AttributeEditKind = 'inserted' | 'faulted-in' | 'changed' | 'split' | 'unchanged';

/** What decided the answer of the fault handler (spec/05-faults §7). */
export type FaultReason =
  | 'mapped'
  | 'already-valid'
  | 'recently-mapped'
  | 'stale'
  | 'no-vma'
  | 'pages-unavailable'
  | 'closing'
  | 'no-context'
  | 'vma-refused'
  | 'no-permission'
  | 'no-range'
  | 'no-memory'
  | 'collector-failed'
  | 'pages-not-writable'
  | 'commit-failed'
  | 'buffer-object'
  | 'retry-exhausted'
  | 'reservation-failed'
  | 'in-reset'
  | 'migration-failed'
  | 'no-retry-faults';

/**
 * Receives the effects of one SVM context. Page intervals are given as first
 * page and number of pages; `flags` is an index of the device's `PteFlagTable`.
 */
export interface EffectSink {
  /** A notifier now watches these pages. */
  notifierInserted(startPage: number, pages: number): void;
  /** A notifier is gone. */
  notifierRemoved(startPage: number, pages: number): void;
  /** A GPU range was made. */
  rangeInserted(startPage: number, pages: number): void;
  /** A GPU range is gone. */
  rangeRemoved(startPage: number, pages: number): void;
  /** PTEs of these pages were written. */
  ptesWritten(startPage: number, pages: number, flags: number): void;
  /** PTEs of these pages were cleared. */
  ptesZapped(startPage: number, pages: number): void;
  /** The TLB of the VM was flushed. */
  tlbFlushed(): void;
  /** Pages were mapped for DMA. */
  dmaMapped(startPage: number, pages: number): void;
  /** Pages are mapped for DMA no longer. */
  dmaUnmapped(startPage: number, pages: number): void;
  /** A range is queued for the garbage collector with the pages `[firstPage, lastPage]` of this event. */
  collectionQueued(firstPage: number, lastPage: number): void;
  /** A range went to the list of the restore worker with the pages `[firstPage, lastPage]` of this event. */
  restoreQueued(firstPage: number, lastPage: number): void;
  /** The restore worker gave up a range of these pages for good: they are not mapped, the queues keep running without them. */
  restoreDropped(startPage: number, pages: number, result: number): void;
  /** The restore worker has ended; it comes `again` where something is left or has come meanwhile. */
  restoreEnded(again: boolean): void;
  /** The compute queues of the process were stopped, or could not be (a negative errno). */
  queuesQuiesced(result: number): void;
  /** The compute queues of the process were resumed, or could not be (a negative errno). */
  queuesResumed(result: number): void;
  /** An SVM ioctl was answered; `records` is the caller's memory behind the attribute pointer, if it could be read. */
  ioctlAnswered(call: SvmArguments, records: Uint8Array | null, result: number): void;
  /** The VM got an SVM context, by an ioctl or by its conversion to a compute VM. */
  contextCreated(byIoctl: boolean): void;
  /** The context is gone; its PTEs are as they were. */
  contextFinalised(): void;
  /**
   * The attributes of the pages `[firstPage, lastPage]` were edited: see `AttributeEditKind`.
   * `oldFirst` and `oldLast` bound the interval as it was, `trigger` is the change
   * trigger (spec/02-attributes §5.1), bit t of `types` says that type t was asked for.
   */
  attributesEdited(
    kind: AttributeEditKind,
    firstPage: number,
    lastPage: number,
    oldFirst: number,
    oldLast: number,
    trigger: number,
    types: number,
  ): void;
  /** SET_ATTR begins another pass over its pages because the last one met EAGAIN. */
  setRetried(firstPage: number, lastPage: number): void;
  /** SET_ATTR has mapped an attribute interval on the GPU, or failed to. */
  prefetched(firstPage: number, lastPage: number, result: number): void;
  /** The fault handler has answered; `reason` decided it, `cause` is the error behind it (0: none). */
  faultEnded(page: number, write: boolean, result: number, reason: FaultReason, cause: number): void;
  /** The fault handler tries again after `cause`; `restart`: from the lookup, with a fresh budget. */
  faultRetried(page: number, cause: number, restart: boolean): void;
  /** The fault handler wrote error lines about `page` to the kernel log, before it answers. */
  faultLogged(page: number, lines: number): void;
  /** A fault was dropped as stale. */
  faultDropped(page: number, timestamp: number, checkpoint: number): void;
  /** The VM layer answered a fault; `asked` is the handler that it asked. */
  vmFaultEnded(page: number, asked: 'svm' | 'kfd-svm' | 'none', handled: boolean): void;
  /** A notifier of this context is told that `[startPage, endPage)` of its window changes; `event` is the kernel's code. */
  notifierCalled(event: number, startPage: number, endPage: number): void;
  /** The collector begins with a range: the attributes of `[firstPage, lastPage]` go, then the range. */
  collecting(startPage: number, pages: number, firstPage: number, lastPage: number): void;
  /** ... and has ended with it; an error leaves the range neither removed nor queued. */
  collected(startPage: number, pages: number, result: number): void;
  /** The PTEs of a range are about to be written for the physical pages `frames`. */
  ptesReplacing(startPage: number, pages: number, flags: number, frames: Frames): void;
  /** A commit failed; -EAGAIN: refused because the pages became invalid. PTEs written so far stay. */
  commitFailed(startPage: number, pages: number, result: number): void;
  /** The page-table layer refused to clear the PTEs `[startPage, endPage)`. */
  zapFailed(startPage: number, endPage: number, result: number): void;
  /** A buffer takes the pages `[offset, offset + pages)` of VRAM. */
  bufferAllocated(offset: number, pages: number): void;
  /** ... and gives them back. */
  bufferFreed(offset: number, pages: number): void;
  /** A buffer is to leave VRAM, so that others have room. */
  evictionBegan(offset: number, pages: number): void;
  /** ... and has left it, or could not (a negative errno). */
  evictionEnded(offset: number, result: number): void;
  /** Pages were copied from system memory to the VRAM from `offset` on, or from there. */
  copied(toVram: boolean, offset: number, pages: number): void;
  /** Migration tells the notifiers of an event (the kernel's code) on `[startPage, endPage)`. */
  migrationAnnounced(event: number, startPage: number, endPage: number): void;
  /** The CPU's pages lie in the VRAM of a GPU now. */
  movedToVram(startPage: number, pages: number, gpu: number): void;
  /** The CPU's pages lie in system memory now, and were in the VRAM of a GPU before. */
  movedToRam(startPage: number, pages: number, gpu: number): void;
  /** A defect of the modelled code was met whose outcome on a real kernel is undefined (07-quirks). */
  hazard(quirk: string, detail: string, startPage: number, pages: number): void;
}

/** A sink that ignores everything; subclasses listen to what they want. */
export const QuietEffects: new () => EffectSink = class QuietEffects implements EffectSink {
  notifierInserted(): void {}
  notifierRemoved(): void {}
  rangeInserted(): void {}
  rangeRemoved(): void {}
  ptesWritten(): void {}
  ptesZapped(): void {}
  tlbFlushed(): void {}
  dmaMapped(): void {}
  dmaUnmapped(): void {}
  collectionQueued(): void {}
  restoreQueued(): void {}
  restoreDropped(): void {}
  restoreEnded(): void {}
  queuesQuiesced(): void {}
  queuesResumed(): void {}
  ioctlAnswered(): void {}
  contextCreated(): void {}
  contextFinalised(): void {}
  attributesEdited(): void {}
  setRetried(): void {}
  prefetched(): void {}
  faultEnded(): void {}
  faultRetried(): void {}
  faultLogged(): void {}
  faultDropped(): void {}
  vmFaultEnded(): void {}
  notifierCalled(): void {}
  collecting(): void {}
  collected(): void {}
  ptesReplacing(): void {}
  commitFailed(): void {}
  zapFailed(): void {}
  bufferAllocated(): void {}
  bufferFreed(): void {}
  evictionBegan(): void {}
  evictionEnded(): void {}
  copied(): void {}
  migrationAnnounced(): void {}
  movedToVram(): void {}
  movedToRam(): void {}
  hazard(): void {}
};
