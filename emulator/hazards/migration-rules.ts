// Models: nothing - the rules about pages that move between system memory and VRAM (spec/findings-v8 §3, spec/migration §9).
import { QuietEffects } from '../kernel/effects.ts';
import type { EffectHub } from '../kernel/effect-hub.ts';
import { PAGES_PER_BLOCK } from '../kernel/page-number.ts';
import { LateMap } from '../kernel/late-map.ts';

/** Returns of one block to system memory, after which it went to VRAM again, from which on it is a ping-pong or a thrash. */
const MOST_RETURNS = 4;
/** Blocks that are remembered. */
const MOST_BLOCKS = 1 << 16;

/** How a block of 2 MiB came and went. */
interface Journey {
  /** Whether pages of it lie in VRAM as far as is known. */
  inVram: boolean;
  /** Whether it was evicted when it left last. */
  evicted: boolean;
  /** Times that it came again after the CPU or another GPU had it, and after an eviction. */
  bounced: number;
  evictions: number;
}

/** Where findings go; `device`: number of the GPU. */
export type MigrationReport = (device: number, quirk: string, detail: string, startPage: number, pages: number) => void;

/** Follows the moving pages of one machine. */
export class MigrationRules {
  readonly #report: MigrationReport;
  readonly #journeys = new LateMap<number, Journey>();
  /** Evictions under way. */
  #evictions = 0;
  // Neighbouring pages that an operation meets the same hazard at are one hazard.
  #run: { device: number; quirk: string; detail: string; startPage: number; pages: number } | undefined;

  constructor(report: MigrationReport) {
    this.#report = report;
  }

  /** Whether a buffer is leaving VRAM for others. */
  get evicting(): boolean {
    return this.#evictions > 0;
  }

  /** Listens to the VRAM of GPU `device`; the returned function stops it. */
  watchVram(device: number, effects: EffectHub): () => void {
    return effects.add(new VramSink(this, device));
  }

  /** Listens to the memory of the process. */
  watchPages(effects: EffectHub): () => void {
    return effects.add(new PagesSink(this));
  }

  /** The memory there is gone: what is mapped there next has a journey of its own. */
  memoryUnmapped(startPage: number, endPage: number): void {
    if (this.#journeys.size === 0) return;
    const last = Math.floor((endPage - 1) / PAGES_PER_BLOCK);
    for (const block of this.#journeys.keys())
      if (block >= Math.floor(startPage / PAGES_PER_BLOCK) && block <= last) this.#journeys.delete(block);
  }

  operationEnded(): void {
    if (this.#run !== undefined) this.#flushRun();
  }

  evictionBegan(): void {
    this.#evictions++;
  }

  evictionEnded(): void {
    this.#evictions--;
  }

  /** Something that the modelled code met. */
  say(device: number, quirk: string, detail: string, startPage: number, pages: number): void {
    const run = this.#run;
    if (
      run !== undefined &&
      run.quirk === quirk &&
      run.device === device &&
      run.detail === detail &&
      run.startPage + run.pages === startPage
    ) {
      run.pages += pages;
      return;
    }
    this.#flushRun();
    this.#run = { device, quirk, detail, startPage, pages };
  }

  movedToRam(startPage: number): void {
    const journey = this.#journeyOf(startPage);
    if (!journey.inVram) return;
    journey.inVram = false;
    journey.evicted = this.evicting;
  }

  movedToVram(startPage: number, gpu: number): void {
    const journey = this.#journeyOf(startPage);
    if (journey.inVram) return;
    journey.inVram = true;
    const block = Math.floor(startPage / PAGES_PER_BLOCK) * PAGES_PER_BLOCK;
    if (journey.evicted) {
      if (++journey.evictions === MOST_RETURNS)
        this.say(gpu, 'thrash', `${MOST_RETURNS} times evicted and moved to VRAM again`, block, PAGES_PER_BLOCK);
    } else if (++journey.bounced === MOST_RETURNS + 1) {
      this.say(gpu, 'ping-pong', `${MOST_RETURNS} times back and to VRAM again`, block, PAGES_PER_BLOCK);
    }
  }

  #journeyOf(page: number): Journey {
    const block = Math.floor(page / PAGES_PER_BLOCK);
    const known = this.#journeys.get(block);
    if (known !== undefined) return known;
    if (this.#journeys.size >= MOST_BLOCKS) this.#journeys.clear();
    const journey: Journey = { inVram: false, evicted: false, bounced: 0, evictions: 0 };
    this.#journeys.set(block, journey);
    return journey;
  }

  #flushRun(): void {
    const run = this.#run;
    this.#run = undefined;
    if (run !== undefined) this.#report(run.device, run.quirk, run.detail, run.startPage, run.pages);
  }
}

/** Listens to the VRAM of one GPU. */
class VramSink extends QuietEffects {
  readonly #rules: MigrationRules;
  readonly #device: number;

  constructor(rules: MigrationRules, device: number) {
    super();
    this.#rules = rules;
    this.#device = device;
  }

  override evictionBegan(): void {
    this.#rules.evictionBegan();
  }
  override evictionEnded(): void {
    this.#rules.evictionEnded();
  }
  override hazard(quirk: string, detail: string, startPage: number, pages: number): void {
    this.#rules.say(this.#device, quirk, detail, startPage, pages);
  }
}

/** Listens to the memory of the process. */
class PagesSink extends QuietEffects {
  readonly #rules: MigrationRules;

  constructor(rules: MigrationRules) {
    super();
    this.#rules = rules;
  }

  override movedToVram(startPage: number, _pages: number, gpu: number): void {
    this.#rules.movedToVram(startPage, gpu);
  }
  override movedToRam(startPage: number): void {
    this.#rules.movedToRam(startPage);
  }
  override hazard(quirk: string, detail: string, startPage: number, pages: number): void {
    this.#rules.say(0, quirk, detail, startPage, pages);
  }
}
