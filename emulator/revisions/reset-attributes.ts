// Models: RESET_ATTR - cuts pages out of the attribute tree and touches nothing else (spec/revisions §4, V5 item 2).
import { clearAttributes } from '../svm/attribute-clear.ts';
import type { SvmContext } from '../svm/context.ts';
import { SLEEPING } from '../svm/sleeping.ts';
import { mustSleepForCollector } from './entry-checks.ts';

/** One RESET_ATTR call; `run` is called again where it gave SLEEPING. */
export class ResetAttributes {
  #context!: SvmContext;
  #first = 0;
  #last = 0;

  /** Begins a call for the pages `[first, last]`, both inclusive. */
  begin(context: SvmContext, first: number, last: number): void {
    this.#context = context;
    this.#first = first;
    this.#last = last;
  }

  run(): number {
    const context = this.#context;
    if (mustSleepForCollector(context)) return SLEEPING;
    // mutant: v7-reset-does-not-wait
    context.collector.waitIdle();
    // GPU ranges and their PTEs stay: they may lie over pages with different attributes from now on.
    // mutant: v7-reset-misses-last-page
    return clearAttributes(context, this.#first, this.#last, 'allocate-interval');
  }
}
