// Models: nothing - who hears the effects.
import type { SvmArguments } from '../../lib/uapi/call.ts';
import type { AttributeEditKind, EffectSink, FaultReason } from './effects.ts';
import type { Frames } from './frame.ts';

/** Passes each effect on to all of its sinks. Each method is written out: a common one would call what each sink does by way of a function that V8 can't inline. */
class FanOut implements EffectSink {
  private readonly sinks: readonly EffectSink[];

  constructor(sinks: readonly EffectSink[]) {
    this.sinks = sinks;
  }

  notifierInserted(startPage: number, pages: number): void {
    for (const sink of this.sinks) sink.notifierInserted(startPage, pages);
  }

  notifierRemoved(startPage: number, pages: number): void {
    for (const sink of this.sinks) sink.notifierRemoved(startPage, pages);
  }

  rangeInserted(startPage: number, pages: number): void {
    for (const sink of this.sinks) sink.rangeInserted(startPage, pages);
  }

  rangeRemoved(startPage: number, pages: number): void {
    for (const sink of this.sinks) sink.rangeRemoved(startPage, pages);
  }

  ptesWritten(startPage: number, pages: number, flags: number): void {
    for (const sink of this.sinks) sink.ptesWritten(startPage, pages, flags);
  }

  ptesZapped(startPage: number, pages: number): void {
    for (const sink of this.sinks) sink.ptesZapped(startPage, pages);
  }

  tlbFlushed(): void {
    for (const sink of this.sinks) sink.tlbFlushed();
  }

  dmaMapped(startPage: number, pages: number): void {
    for (const sink of this.sinks) sink.dmaMapped(startPage, pages);
  }

  dmaUnmapped(startPage: number, pages: number): void {
    for (const sink of this.sinks) sink.dmaUnmapped(startPage, pages);
  }

  collectionQueued(firstPage: number, lastPage: number): void {
    for (const sink of this.sinks) sink.collectionQueued(firstPage, lastPage);
  }

  restoreQueued(firstPage: number, lastPage: number): void {
    for (const sink of this.sinks) sink.restoreQueued(firstPage, lastPage);
  }

  restoreDropped(startPage: number, pages: number, result: number): void {
    for (const sink of this.sinks) sink.restoreDropped(startPage, pages, result);
  }

  restoreEnded(again: boolean): void {
    for (const sink of this.sinks) sink.restoreEnded(again);
  }

  queuesQuiesced(result: number): void {
    for (const sink of this.sinks) sink.queuesQuiesced(result);
  }

  queuesResumed(result: number): void {
    for (const sink of this.sinks) sink.queuesResumed(result);
  }

  ioctlAnswered(call: SvmArguments, records: Uint8Array | null, result: number): void {
    for (const sink of this.sinks) sink.ioctlAnswered(call, records, result);
  }

  contextCreated(byIoctl: boolean): void {
    for (const sink of this.sinks) sink.contextCreated(byIoctl);
  }

  contextFinalised(): void {
    for (const sink of this.sinks) sink.contextFinalised();
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
    for (const sink of this.sinks) sink.attributesEdited(kind, firstPage, lastPage, oldFirst, oldLast, trigger, types);
  }

  setRetried(firstPage: number, lastPage: number): void {
    for (const sink of this.sinks) sink.setRetried(firstPage, lastPage);
  }

  prefetched(firstPage: number, lastPage: number, result: number): void {
    for (const sink of this.sinks) sink.prefetched(firstPage, lastPage, result);
  }

  faultEnded(page: number, write: boolean, result: number, reason: FaultReason, cause: number): void {
    for (const sink of this.sinks) sink.faultEnded(page, write, result, reason, cause);
  }

  faultRetried(page: number, cause: number, restart: boolean): void {
    for (const sink of this.sinks) sink.faultRetried(page, cause, restart);
  }

  faultLogged(page: number, lines: number): void {
    for (const sink of this.sinks) sink.faultLogged(page, lines);
  }

  faultDropped(page: number, timestamp: number, checkpoint: number): void {
    for (const sink of this.sinks) sink.faultDropped(page, timestamp, checkpoint);
  }

  vmFaultEnded(page: number, asked: 'svm' | 'kfd-svm' | 'none', handled: boolean): void {
    for (const sink of this.sinks) sink.vmFaultEnded(page, asked, handled);
  }

  notifierCalled(event: number, startPage: number, endPage: number): void {
    for (const sink of this.sinks) sink.notifierCalled(event, startPage, endPage);
  }

  collecting(startPage: number, pages: number, firstPage: number, lastPage: number): void {
    for (const sink of this.sinks) sink.collecting(startPage, pages, firstPage, lastPage);
  }

  collected(startPage: number, pages: number, result: number): void {
    for (const sink of this.sinks) sink.collected(startPage, pages, result);
  }

  ptesReplacing(startPage: number, pages: number, flags: number, frames: Frames): void {
    for (const sink of this.sinks) sink.ptesReplacing(startPage, pages, flags, frames);
  }

  commitFailed(startPage: number, pages: number, result: number): void {
    for (const sink of this.sinks) sink.commitFailed(startPage, pages, result);
  }

  zapFailed(startPage: number, endPage: number, result: number): void {
    for (const sink of this.sinks) sink.zapFailed(startPage, endPage, result);
  }

  bufferAllocated(offset: number, pages: number): void {
    for (const sink of this.sinks) sink.bufferAllocated(offset, pages);
  }

  bufferFreed(offset: number, pages: number): void {
    for (const sink of this.sinks) sink.bufferFreed(offset, pages);
  }

  evictionBegan(offset: number, pages: number): void {
    for (const sink of this.sinks) sink.evictionBegan(offset, pages);
  }

  evictionEnded(offset: number, result: number): void {
    for (const sink of this.sinks) sink.evictionEnded(offset, result);
  }

  copied(toVram: boolean, offset: number, pages: number): void {
    for (const sink of this.sinks) sink.copied(toVram, offset, pages);
  }

  migrationAnnounced(event: number, startPage: number, endPage: number): void {
    for (const sink of this.sinks) sink.migrationAnnounced(event, startPage, endPage);
  }

  movedToVram(startPage: number, pages: number, gpu: number): void {
    for (const sink of this.sinks) sink.movedToVram(startPage, pages, gpu);
  }

  movedToRam(startPage: number, pages: number, gpu: number): void {
    for (const sink of this.sinks) sink.movedToRam(startPage, pages, gpu);
  }

  hazard(quirk: string, detail: string, startPage: number, pages: number): void {
    for (const sink of this.sinks) sink.hazard(quirk, detail, startPage, pages);
  }
}

/** Passes effects on to any number of sinks; `current` is null while nobody listens. */
export class EffectHub {
  /** What the modelled code calls, or null. */
  current: EffectSink | null = null;
  private readonly sinks: EffectSink[] = [];

  /** Adds a sink; the returned function takes it out again. */
  add(sink: EffectSink): () => void {
    this.sinks.push(sink);
    this.update();
    return () => {
      const index = this.sinks.indexOf(sink);
      if (index >= 0) this.sinks.splice(index, 1);
      this.update();
    };
  }

  private update(): void {
    const sinks = this.sinks;
    this.current = sinks.length === 0 ? null : sinks.length === 1 ? sinks[0]! : new FanOut([...sinks]);
  }
}
