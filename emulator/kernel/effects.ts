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
  | 'no-retry-faults';

/**
 * Receives the effects of one SVM context. Page intervals are given as first
 * page and number of pages; `flags` is an index of the device's `PteFlagTable`.
 */
export interface EffectSink {
  notifierInserted(startPage: number, pages: number): void;
  notifierRemoved(startPage: number, pages: number): void;
  rangeInserted(startPage: number, pages: number): void;
  rangeRemoved(startPage: number, pages: number): void;
  ptesWritten(startPage: number, pages: number, flags: number): void;
  ptesZapped(startPage: number, pages: number): void;
  tlbFlushed(): void;
  dmaMapped(startPage: number, pages: number): void;
  dmaUnmapped(startPage: number, pages: number): void;
  /** A range is queued for the garbage collector with the pages `[firstPage, lastPage]` of this event. */
  collectionQueued(firstPage: number, lastPage: number): void;
  /** A range went to the list of the restore worker with the pages `[firstPage, lastPage]` of this event. */
  restoreQueued(firstPage: number, lastPage: number): void;
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
  /** A defect of the modelled code was met whose outcome on a real kernel is undefined (07-quirks). */
  hazard(quirk: string, detail: string, startPage: number, pages: number): void;
}

/** Passes effects on to any number of sinks; `current` is null while nobody listens. */
export class EffectHub {
  /** What the modelled code calls, or null. */
  current: EffectSink | null = null;
  readonly #sinks: EffectSink[] = [];

  /** Adds a sink; the returned function takes it out again. */
  add(sink: EffectSink): () => void {
    this.#sinks.push(sink);
    this.#update();
    return () => {
      const index = this.#sinks.indexOf(sink);
      if (index >= 0) this.#sinks.splice(index, 1);
      this.#update();
    };
  }

  #update(): void {
    const sinks = this.#sinks;
    this.current = sinks.length === 0 ? null : sinks.length === 1 ? sinks[0]! : new FanOut([...sinks]);
  }
}

class FanOut implements EffectSink {
  readonly #sinks: readonly EffectSink[];

  constructor(sinks: readonly EffectSink[]) {
    this.#sinks = sinks;
  }

  notifierInserted(startPage: number, pages: number): void {
    for (const sink of this.#sinks) sink.notifierInserted(startPage, pages);
  }
  notifierRemoved(startPage: number, pages: number): void {
    for (const sink of this.#sinks) sink.notifierRemoved(startPage, pages);
  }
  rangeInserted(startPage: number, pages: number): void {
    for (const sink of this.#sinks) sink.rangeInserted(startPage, pages);
  }
  rangeRemoved(startPage: number, pages: number): void {
    for (const sink of this.#sinks) sink.rangeRemoved(startPage, pages);
  }
  ptesWritten(startPage: number, pages: number, flags: number): void {
    for (const sink of this.#sinks) sink.ptesWritten(startPage, pages, flags);
  }
  ptesZapped(startPage: number, pages: number): void {
    for (const sink of this.#sinks) sink.ptesZapped(startPage, pages);
  }
  tlbFlushed(): void {
    for (const sink of this.#sinks) sink.tlbFlushed();
  }
  dmaMapped(startPage: number, pages: number): void {
    for (const sink of this.#sinks) sink.dmaMapped(startPage, pages);
  }
  dmaUnmapped(startPage: number, pages: number): void {
    for (const sink of this.#sinks) sink.dmaUnmapped(startPage, pages);
  }
  collectionQueued(firstPage: number, lastPage: number): void {
    for (const sink of this.#sinks) sink.collectionQueued(firstPage, lastPage);
  }
  restoreQueued(firstPage: number, lastPage: number): void {
    for (const sink of this.#sinks) sink.restoreQueued(firstPage, lastPage);
  }
  queuesQuiesced(result: number): void {
    for (const sink of this.#sinks) sink.queuesQuiesced(result);
  }
  queuesResumed(result: number): void {
    for (const sink of this.#sinks) sink.queuesResumed(result);
  }
  ioctlAnswered(call: SvmArguments, records: Uint8Array | null, result: number): void {
    for (const sink of this.#sinks) sink.ioctlAnswered(call, records, result);
  }
  contextCreated(byIoctl: boolean): void {
    for (const sink of this.#sinks) sink.contextCreated(byIoctl);
  }
  contextFinalised(): void {
    for (const sink of this.#sinks) sink.contextFinalised();
  }
  attributesEdited(
    kind: AttributeEditKind,
    firstPage: number,
    lastPage: number,
    oldFirst: number,
    oldLast: number,
    trigger: number,
    types: number,
  ): void {
    for (const sink of this.#sinks) sink.attributesEdited(kind, firstPage, lastPage, oldFirst, oldLast, trigger, types);
  }
  setRetried(firstPage: number, lastPage: number): void {
    for (const sink of this.#sinks) sink.setRetried(firstPage, lastPage);
  }
  prefetched(firstPage: number, lastPage: number, result: number): void {
    for (const sink of this.#sinks) sink.prefetched(firstPage, lastPage, result);
  }
  faultEnded(page: number, write: boolean, result: number, reason: FaultReason, cause: number): void {
    for (const sink of this.#sinks) sink.faultEnded(page, write, result, reason, cause);
  }
  faultRetried(page: number, cause: number, restart: boolean): void {
    for (const sink of this.#sinks) sink.faultRetried(page, cause, restart);
  }
  faultLogged(page: number, lines: number): void {
    for (const sink of this.#sinks) sink.faultLogged(page, lines);
  }
  faultDropped(page: number, timestamp: number, checkpoint: number): void {
    for (const sink of this.#sinks) sink.faultDropped(page, timestamp, checkpoint);
  }
  vmFaultEnded(page: number, asked: 'svm' | 'kfd-svm' | 'none', handled: boolean): void {
    for (const sink of this.#sinks) sink.vmFaultEnded(page, asked, handled);
  }
  notifierCalled(event: number, startPage: number, endPage: number): void {
    for (const sink of this.#sinks) sink.notifierCalled(event, startPage, endPage);
  }
  collecting(startPage: number, pages: number, firstPage: number, lastPage: number): void {
    for (const sink of this.#sinks) sink.collecting(startPage, pages, firstPage, lastPage);
  }
  collected(startPage: number, pages: number, result: number): void {
    for (const sink of this.#sinks) sink.collected(startPage, pages, result);
  }
  ptesReplacing(startPage: number, pages: number, flags: number, frames: Frames): void {
    for (const sink of this.#sinks) sink.ptesReplacing(startPage, pages, flags, frames);
  }
  commitFailed(startPage: number, pages: number, result: number): void {
    for (const sink of this.#sinks) sink.commitFailed(startPage, pages, result);
  }
  zapFailed(startPage: number, endPage: number, result: number): void {
    for (const sink of this.#sinks) sink.zapFailed(startPage, endPage, result);
  }
  hazard(quirk: string, detail: string, startPage: number, pages: number): void {
    for (const sink of this.#sinks) sink.hazard(quirk, detail, startPage, pages);
  }
}

/** A sink that ignores everything; subclasses listen to what they want. */
export class QuietEffects implements EffectSink {
  notifierInserted(_startPage: number, _pages: number): void {}
  notifierRemoved(_startPage: number, _pages: number): void {}
  rangeInserted(_startPage: number, _pages: number): void {}
  rangeRemoved(_startPage: number, _pages: number): void {}
  ptesWritten(_startPage: number, _pages: number, _flags: number): void {}
  ptesZapped(_startPage: number, _pages: number): void {}
  tlbFlushed(): void {}
  dmaMapped(_startPage: number, _pages: number): void {}
  dmaUnmapped(_startPage: number, _pages: number): void {}
  collectionQueued(_firstPage: number, _lastPage: number): void {}
  restoreQueued(_firstPage: number, _lastPage: number): void {}
  queuesQuiesced(_result: number): void {}
  queuesResumed(_result: number): void {}
  ioctlAnswered(_call: SvmArguments, _records: Uint8Array | null, _result: number): void {}
  contextCreated(_byIoctl: boolean): void {}
  contextFinalised(): void {}
  attributesEdited(
    _kind: AttributeEditKind,
    _firstPage: number,
    _lastPage: number,
    _oldFirst: number,
    _oldLast: number,
    _trigger: number,
    _types: number,
  ): void {}
  setRetried(_firstPage: number, _lastPage: number): void {}
  prefetched(_firstPage: number, _lastPage: number, _result: number): void {}
  faultEnded(_page: number, _write: boolean, _result: number, _reason: FaultReason, _cause: number): void {}
  faultRetried(_page: number, _cause: number, _restart: boolean): void {}
  faultLogged(_page: number, _lines: number): void {}
  faultDropped(_page: number, _timestamp: number, _checkpoint: number): void {}
  vmFaultEnded(_page: number, _asked: 'svm' | 'kfd-svm' | 'none', _handled: boolean): void {}
  notifierCalled(_event: number, _startPage: number, _endPage: number): void {}
  collecting(_startPage: number, _pages: number, _firstPage: number, _lastPage: number): void {}
  collected(_startPage: number, _pages: number, _result: number): void {}
  ptesReplacing(_startPage: number, _pages: number, _flags: number, _frames: Frames): void {}
  commitFailed(_startPage: number, _pages: number, _result: number): void {}
  zapFailed(_startPage: number, _endPage: number, _result: number): void {}
  hazard(_quirk: string, _detail: string, _startPage: number, _pages: number): void {}
}
