/** The `fx` list of an answer while it is made (spec/trace-format §5; spec/trace-format-v8 §6 for several GPUs). */

/** One entry of `fx`. */
export type TraceEffect = readonly (string | number)[];

/** Where an effect comes from. */
export interface EffectSource {
  /** Number of the GPU; null: the process. */
  readonly gpu: number | null;
  /** The 64-bit PTE flags of an index. */
  readonly flagValue: (index: number) => bigint;
}

/** Writes an entry that may stand for the effects of several calls; `flags` is an index of the source. */
export type RunWriter = (startPage: number, pages: number, flags: number, source: EffectSource) => TraceEffect;

/** Collects entries; neighbours of one kind that are contiguous become one. */
export class EffectList {
  #entries: TraceEffect[] = [];
  // The run that the next effect may lengthen.
  #writer: RunWriter | null = null;
  #start = 0;
  #pages = 0;
  #flags = 0;
  #source: EffectSource | null = null;
  // The GPU that entries are about until another one is named.
  #gpu = 0;
  readonly #clock: { readonly now: number } | null;
  #times: number[] = [];
  #takenTimes: readonly number[] = [];
  #end = 0;

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
    this.#flush();
    const entries = this.#entries;
    this.#entries = [];
    this.#gpu = 0;
    this.#takenTimes = this.#times;
    this.#times = [];
    return entries;
  }

  /** What comes is about GPU 0 again, until another one is named. */
  aboutFirst(): void {
    this.#about(0);
  }

  /** A mark of an injected operation. */
  mark(...entry: string[]): void {
    this.#about(0);
    this.#flush();
    this.#add(entry);
  }

  /** An entry of its own. */
  push(gpu: number | null, entry: TraceEffect): void {
    this.#about(gpu);
    this.#flush();
    this.#add(entry);
  }

  /** Pages that may go on the run before; `writer` stands for their kind. */
  run(source: EffectSource, writer: RunWriter, startPage: number, pages: number, flags: number): void {
    this.#about(source.gpu);
    if (this.#writer === writer && this.#start + this.#pages === startPage && this.#flags === flags) {
      this.#pages += pages;
      if (this.#clock !== null) this.#end = this.#clock.now;
      return;
    }
    this.#flush();
    this.#writer = writer;
    this.#source = source;
    this.#start = startPage;
    this.#pages = pages;
    this.#flags = flags;
    if (this.#clock !== null) this.#end = this.#clock.now;
  }

  #add(entry: TraceEffect): void {
    this.#entries.push(entry);
    if (this.#clock !== null) this.#times.push(this.#clock.now);
  }

  #about(gpu: number | null): void {
    if (gpu === this.#gpu || gpu === null) return;
    this.#flush();
    this.#gpu = gpu;
    this.#add(['@', gpu]);
  }

  #flush(): void {
    const writer = this.#writer;
    if (writer === null) return;
    this.#writer = null;
    this.#entries.push(writer(this.#start, this.#pages, this.#flags, this.#source!));
    if (this.#clock !== null) this.#times.push(this.#end);
  }
}
