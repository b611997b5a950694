/** What is particular about one kind of effect: how it is written down, and told. */
import type { EffectSink, EventMap } from '../../../emulator/index.ts';
import type { EffectSource, TraceEffect } from './form.ts';
import type { EffectList } from './list.ts';

/** Pages with PTE flags, 0 where flags are not meant. */
export interface FlaggedPages {
  readonly startPage: number;
  readonly pages: number;
  readonly flags: bigint;
}

/** A sink whose effects go to a list. */
export interface ListeningSink extends EffectSource {
  readonly list: EffectList;
}

/** Methods of an `EffectSink` that write entries. */
type Listener = Partial<{
  readonly [Name in keyof EffectSink]: (this: ListeningSink, ...values: Parameters<EffectSink[Name]>) => void;
}>;

/** Effects that happened to some pages, told in one sentence. */
export interface ToldPages {
  readonly address: bigint;
  /** Bytes. */
  readonly size: bigint;
  readonly count: number;
}

/** One kind of entry of `fx`. */
export interface EffectDescriptor {
  readonly kind: string;
  /** The words of the kernel for it. */
  readonly title: string;
  /** Whether it shows what happens to the page table, else to the driver. */
  readonly onPageTable?: boolean;
  /** Of an effect on the VRAM of a GPU: where in an entry the first page there stands, and after it how many if it has that. */
  readonly vramAt?: 1 | 2;
  /** The method of the sink that hears of it. A literal of its own for each kind, so that each stays fast. */
  readonly listen: Listener;
  /** The pages of an entry; undefined for an effect without any. */
  readonly pages?: (entry: TraceEffect) => FlaggedPages;
  /** The event that tells the same, and its sentence; neighbours become one. */
  readonly event: keyof EventMap;
  readonly sentence: (told: ToldPages) => string;
}
