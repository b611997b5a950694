// Models: nothing - it is what an observer sees of the modelled driver, in the order of the calls (trace format §5).

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
  hazard(quirk: string, detail: string, startPage: number, pages: number): void {
    for (const sink of this.#sinks) sink.hazard(quirk, detail, startPage, pages);
  }
}
