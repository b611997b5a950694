/** Effects as the `fx` list of an answer (trace format §5). */
import type { EffectSink } from '../../emulator/index.ts';
import { hex, hexAddress } from './hex.ts';

/** One entry of `fx`. */
export type TraceEffect = readonly (string | number)[];

type MergingKind = 'pte' | 'zap' | 'dma+' | 'dma-';

/** Collects effects; neighbours of one kind that are contiguous become one entry. */
export class EffectRecorder implements EffectSink {
  readonly #flagValue: (index: number) => bigint;
  #entries: TraceEffect[] = [];
  // The run that the next effect may lengthen.
  #kind: MergingKind | null = null;
  #start = 0;
  #pages = 0;
  #flags = 0;

  /** `flagValue` gives the 64-bit PTE flags of an index. */
  constructor(flagValue: (index: number) => bigint) {
    this.#flagValue = flagValue;
  }

  /** The effects since the last call, in order. */
  take(): TraceEffect[] {
    this.#flush();
    const entries = this.#entries;
    this.#entries = [];
    return entries;
  }

  /** A mark in the list, for injected operations. */
  mark(...entry: string[]): void {
    this.#push(entry);
  }

  notifierInserted(startPage: number, pages: number): void {
    this.#push(['notifier+', hexAddress(startPage), hexAddress(startPage + pages)]);
  }
  notifierRemoved(startPage: number, pages: number): void {
    this.#push(['notifier-', hexAddress(startPage), hexAddress(startPage + pages)]);
  }
  rangeInserted(startPage: number, pages: number): void {
    this.#push(['range+', hexAddress(startPage), hexAddress(startPage + pages)]);
  }
  rangeRemoved(startPage: number, pages: number): void {
    this.#push(['range-', hexAddress(startPage), hexAddress(startPage + pages)]);
  }
  ptesWritten(startPage: number, pages: number, flags: number): void {
    this.#run('pte', startPage, pages, flags);
  }
  ptesZapped(startPage: number, pages: number): void {
    this.#run('zap', startPage, pages, 0);
  }
  tlbFlushed(): void {
    this.#push(['tlb']);
  }
  dmaMapped(startPage: number, pages: number): void {
    this.#run('dma+', startPage, pages, 0);
  }
  dmaUnmapped(startPage: number, pages: number): void {
    this.#run('dma-', startPage, pages, 0);
  }
  collectionQueued(firstPage: number, lastPage: number): void {
    this.#push(['gc+', hex(firstPage), hex(lastPage)]);
  }
  hazard(): void {
    // Not part of the format: the real code does not notice either.
  }

  #run(kind: MergingKind, startPage: number, pages: number, flags: number): void {
    if (this.#kind === kind && this.#start + this.#pages === startPage && this.#flags === flags) {
      this.#pages += pages;
      return;
    }
    this.#flush();
    this.#kind = kind;
    this.#start = startPage;
    this.#pages = pages;
    this.#flags = flags;
  }

  #push(entry: TraceEffect): void {
    this.#flush();
    this.#entries.push(entry);
  }

  #flush(): void {
    const kind = this.#kind;
    if (kind === null) return;
    this.#kind = null;
    const pages = hex(this.#pages);
    if (kind === 'pte') this.#entries.push(['pte', hex(this.#start), pages, hex(this.#flagValue(this.#flags))]);
    else if (kind === 'zap') this.#entries.push(['zap', hex(this.#start), pages]);
    else this.#entries.push([kind, hexAddress(this.#start), pages]);
  }
}
