/** The `fx` list of an answer while it is made (spec/trace-format §5; spec/trace-format-v8 §6 for several GPUs). */
import { Fragment } from '../format/answer-text.ts';
import type { RecordedAnswer } from '../format/answer-text.ts';
import type { EffectSource, EntryForm, TraceEffect } from './form.ts';

/** An effect that was told, of which no entry is made yet, unless it came as one. */
class ToldEffect {
  form: EntryForm | null = null;
  entry: TraceEffect | null = null;
  startPage = 0;
  pages = 0;
  flags = 0;
  source: EffectSource = NO_SOURCE;
  /** Whether pages after it may lengthen it. */
  joins = false;
  /** When it was told or lengthened last, in ns. */
  time = 0;
}

const NO_SOURCE: EffectSource = { gpu: null, flagValue: () => 0n };

const FX = new Fragment(',"fx":[');
const COMMA = new Fragment(',');
const END = new Fragment(']}');

/** Collects effects; neighbours of one kind that are contiguous become one. Entries are made when somebody takes them. */
export class EffectList {
  // Used again for the effects of the next operation: the first `#count` are told.
  readonly #told: ToldEffect[] = [];
  #count = 0;
  // The GPU that entries are about until another one is named.
  #gpu = 0;
  readonly #clock: { readonly now: number } | null;
  #takenTimes: readonly number[] = [];

  /** `clock`: when each entry was made is kept, too. */
  constructor(clock: { readonly now: number } | null = null) {
    this.#clock = clock;
  }

  /** When the entries of the last `take` were made, or lengthened last, in ns; empty without a clock. */
  get times(): readonly number[] {
    return this.#takenTimes;
  }

  /** The effects since the last call, in order. */
  take(): TraceEffect[] {
    const told = this.#told.slice(0, this.#count);
    const entries = told.map((each) => each.entry ?? each.form!.entry(each));
    this.#takenTimes = this.#clock === null ? [] : told.map(({ time }) => time);
    this.#clear();
    return entries;
  }

  /** Takes the effects if `answer`, completed by them, is the recorded one; says whether it is. */
  takeIfSame(answer: object, recorded: RecordedAnswer): boolean {
    recorded.restart();
    recorded.opened(answer);
    return this.#takeIfRest(recorded);
  }

  /** As `takeIfSame`, of what `write` writes, an answer without its closing bracket. */
  takeIfWritten(write: (output: RecordedAnswer) => void, recorded: RecordedAnswer): boolean {
    recorded.restart();
    write(recorded);
    return this.#takeIfRest(recorded);
  }

  /** Takes the effects if they are what is left of the recorded answer. */
  #takeIfRest(recorded: RecordedAnswer): boolean {
    recorded.raw(FX);
    for (let index = 0; index < this.#count && recorded.isSameSoFar; index++) {
      if (index > 0) recorded.raw(COMMA);
      const each = this.#told[index]!;
      if (each.entry !== null) recorded.value(each.entry);
      else each.form!.write(each, recorded);
    }
    recorded.raw(END);
    if (!recorded.isSame) return false;
    this.#clear();
    return true;
  }

  /** What comes is about GPU 0 again, until another one is named. */
  aboutFirst(): void {
    this.#about(0);
  }

  /** A mark of an injected operation. */
  mark(...entry: string[]): void {
    this.push(0, entry);
  }

  /** An entry of its own, as it is. */
  push(gpu: number | null, entry: TraceEffect): void {
    this.#about(gpu);
    this.#next().entry = entry;
  }

  /** An entry of its own. */
  add(source: EffectSource, form: EntryForm, startPage: number, pages: number): void {
    this.#about(source.gpu);
    const told = this.#next();
    told.form = form;
    told.startPage = startPage;
    told.pages = pages;
    told.source = source;
  }

  /** Pages that may go on the run before. */
  run(source: EffectSource, form: EntryForm, startPage: number, pages: number, flags: number): void {
    this.#about(source.gpu);
    if (this.#count > 0) {
      const last = this.#told[this.#count - 1]!;
      if (last.joins && last.form === form && last.startPage + last.pages === startPage && last.flags === flags) {
        last.pages += pages;
        if (this.#clock !== null) last.time = this.#clock.now;
        return;
      }
    }
    const told = this.#next();
    told.form = form;
    told.startPage = startPage;
    told.pages = pages;
    told.flags = flags;
    told.source = source;
    told.joins = true;
  }

  #about(gpu: number | null): void {
    if (gpu === this.#gpu || gpu === null) return;
    this.#gpu = gpu;
    this.#next().entry = ['@', gpu];
  }

  #next(): ToldEffect {
    if (this.#count === this.#told.length) this.#told.push(new ToldEffect());
    const told = this.#told[this.#count++]!;
    told.form = null;
    told.entry = null;
    told.joins = false;
    if (this.#clock !== null) told.time = this.#clock.now;
    return told;
  }

  #clear(): void {
    this.#count = 0;
    this.#gpu = 0;
    if (this.#told.length > MOST_KEPT) this.#told.length = MOST_KEPT;
  }
}

/** Effects that are kept for the next operation. */
const MOST_KEPT = 4096;
