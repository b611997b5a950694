/**
 * What the inspector's page works, in units that hardly depend on the machine and on what else it does: processor time
 * of its thread by that of a fixed computation in the same page, and counts of layouts. When a frame is shown the rest of
 * the machine decides too, so nothing is said of that.
 */
import type { CDPSession, Page } from 'playwright-core';

/** Sorts what takes about 10 ms on a core of 2024. */
const COMPUTATION = `(() => {
  let state = 1;
  const numbers = new Float64Array(60_000);
  for (let round = 0; round < 2; round++) {
    for (let index = 0; index < numbers.length; index++) {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      numbers[index] = state;
    }
    numbers.sort();
  }
  return numbers[0];
})()`;

/** Work of a page. */
export interface PageWork {
  /** Milliseconds of processor time; beside other programs the same work counts up to twice of them. */
  readonly ms: number;
  /** By the fixed computation, which takes about 10 ms on an idle machine. */
  readonly units: number;
  /** How often the page was laid out. */
  readonly layouts: number;
}

/** Measures a page from now on; `detach` ends that. */
export class PageMeter {
  readonly #page: Page;
  readonly #session: CDPSession;

  private constructor(page: Page, session: CDPSession) {
    this.#page = page;
    this.#session = session;
  }

  static async of(page: Page): Promise<PageMeter> {
    const session = await page.context().newCDPSession(page);
    await session.send('Performance.enable', { timeDomain: 'threadTicks' });
    return new PageMeter(page, session);
  }

  /** What the page does for something. */
  async measure<T>(something: () => Promise<T>): Promise<PageWork & { readonly value: T }> {
    const before = await this.now();
    const value = await something();
    const after = await this.now();
    const ms = after.ms - before.ms;
    return { value, ms, units: ms / (await this.unit()), layouts: after.layouts - before.layouts };
  }

  /** All work of the page's process so far. */
  async now(): Promise<{ readonly ms: number; readonly layouts: number }> {
    const { metrics } = await this.#session.send('Performance.getMetrics');
    const of = (wanted: string): number => metrics.find(({ name }) => name === wanted)!.value;
    return { ms: of('TaskDuration') * 1000, layouts: of('LayoutCount') };
  }

  /** Milliseconds of the fixed computation, now. */
  async unit(): Promise<number> {
    const times: number[] = [];
    for (let round = 0; round < 3; round++) {
      const before = await this.now();
      await this.#page.evaluate(COMPUTATION);
      times.push((await this.now()).ms - before.ms);
    }
    return times.sort((one, other) => one - other)[1]!;
  }

  detach(): Promise<void> {
    return this.#session.detach();
  }
}
