/** What moves to VRAM and home in a trace, and how full VRAM is meanwhile: a curve and arrows on the time line. */
import { pagesSize } from './format.ts';
import type { Step } from './step.ts';

const PAGE_BYTES = 4096;

/** VRAM of all GPUs together, by operation. */
export class VramFill {
  /** Whether there is VRAM. */
  readonly any: boolean;
  // Pages: all there is, and what was taken of it at the end of each operation.
  #total = 0;
  readonly #used: Float64Array;
  readonly #movedIn: Float64Array;
  readonly #movedHome: Float64Array;

  constructor(steps: readonly Step[]) {
    this.#used = new Float64Array(steps.length);
    this.#movedIn = new Float64Array(steps.length);
    this.#movedHome = new Float64Array(steps.length);
    // What others took, by GPU and first page.
    const taken = new Map<string, number>();
    let used = 0;
    let most = 0;
    steps.forEach(({ operation, answer, effects }, index) => {
      if (operation.name === 'config') {
        const { vram, gpus } = operation.config;
        this.#total =
          (typeof vram === 'number' ? vram * gpus : vram.reduce((sum, bytes) => sum + bytes, 0)) / PAGE_BYTES;
        used = 0;
        taken.clear();
      } else if (operation.name === 'vram' && answer.ret === 0) {
        const pages = Math.ceil(Number(operation.bytes) / PAGE_BYTES);
        taken.set(`${operation.gpu} ${Number(answer.offset)}`, pages);
        used += pages;
      } else if (operation.name === 'vramfree' && answer.ret === 0) {
        used -= taken.get(`${operation.gpu} ${operation.offset}`) ?? 0;
      }
      for (const [kind, , pages] of effects) {
        const count = Number(pages);
        if (kind === 'bo+') used += count;
        else if (kind === 'bo-') used -= count;
        else if (kind === 'tovram') this.#movedIn[index] = this.#movedIn[index]! + count;
        else if (kind === 'toram') this.#movedHome[index] = this.#movedHome[index]! + count;
      }
      this.#used[index] = used;
      most = Math.max(most, this.#total);
    });
    this.any = most > 0;
  }

  /** Part of VRAM that is taken after operation `step`, 0 to 1. */
  partAt(step: number): number {
    return this.#total === 0 ? 0 : Math.min(1, this.#used[step]! / this.#total);
  }

  /** What operation `step` moved, as arrows with sizes; empty if nothing. */
  arrowsAt(step: number): string {
    const arrows = [];
    if (this.#movedIn[step]! > 0) arrows.push(`→ VRAM ${pagesSize(this.#movedIn[step]!)}`);
    if (this.#movedHome[step]! > 0) arrows.push(`← VRAM ${pagesSize(this.#movedHome[step]!)}`);
    return arrows.join(', ');
  }

  /** Whether one of the operations `[from, to)` moved pages to VRAM, or home. */
  moves(from: number, to: number): { readonly in: boolean; readonly home: boolean } {
    let isIn = false;
    let home = false;
    for (let step = from; step < to; step++) {
      isIn ||= this.#movedIn[step]! > 0;
      home ||= this.#movedHome[step]! > 0;
    }
    return { in: isIn, home };
  }
}
