/** Effects as the `fx` list of an answer (spec/trace-format §5). */
import { QuietEffects } from '../../emulator/index.ts';
import { hex, hexAddress } from './hex.ts';

/** One entry of `fx`. */
export type TraceEffect = readonly (string | number)[];

type MergingKind = 'pte' | 'zap' | 'dma+' | 'dma-';

/** Collects the effects that the format knows; neighbours of one kind that are contiguous become one entry. */
export class EffectRecorder extends QuietEffects {
  readonly #flagValue: (index: number) => bigint;
  #entries: TraceEffect[] = [];
  // The run that the next effect may lengthen.
  #kind: MergingKind | null = null;
  #start = 0;
  #pages = 0;
  #flags = 0;

  /** `flagValue` gives the 64-bit PTE flags of an index. */
  constructor(flagValue: (index: number) => bigint) {
    super();
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

  override notifierInserted(startPage: number, pages: number): void {
    this.#push(['notifier+', hexAddress(startPage), hexAddress(startPage + pages)]);
  }
  override notifierRemoved(startPage: number, pages: number): void {
    this.#push(['notifier-', hexAddress(startPage), hexAddress(startPage + pages)]);
  }
  override rangeInserted(startPage: number, pages: number): void {
    this.#push(['range+', hexAddress(startPage), hexAddress(startPage + pages)]);
  }
  override rangeRemoved(startPage: number, pages: number): void {
    this.#push(['range-', hexAddress(startPage), hexAddress(startPage + pages)]);
  }
  override ptesWritten(startPage: number, pages: number, flags: number): void {
    this.#run('pte', startPage, pages, flags);
  }
  override ptesZapped(startPage: number, pages: number): void {
    this.#run('zap', startPage, pages, 0);
  }
  override tlbFlushed(): void {
    this.#push(['tlb']);
  }
  override dmaMapped(startPage: number, pages: number): void {
    this.#run('dma+', startPage, pages, 0);
  }
  override dmaUnmapped(startPage: number, pages: number): void {
    this.#run('dma-', startPage, pages, 0);
  }
  override collectionQueued(firstPage: number, lastPage: number): void {
    this.#push(['gc+', hex(firstPage), hex(lastPage)]);
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
