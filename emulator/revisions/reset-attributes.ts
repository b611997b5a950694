// Models: RESET_ATTR - cuts pages out of the attribute tree and touches nothing else (spec/revisions §4, V5 item 2).
import { clearAttributes } from '../svm/attribute-clear.ts';
import type { SvmContext } from '../svm/context.ts';
import { runAwake } from '../kernel/sleepable.ts';
import { evictCrossing, splitInvalidate, splitInvalidateWithDevices } from '../svm/invalidate.ts';
import { SLEEPING } from '../svm/sleeping.ts';
import { mustSleepForCollector } from './entry-checks.ts';

/** One RESET_ATTR call; `run` is called again where it gave SLEEPING. */
export class ResetAttributes {
  private context: SvmContext | null = null;
  private first = Number.NaN;
  private last = Number.NaN;

  /** Begins a call for the pages `[first, last]`, both inclusive. */
  begin(context: SvmContext, first: number, last: number): void {
    this.context = context;
    this.first = first;
    this.last = last;
  }

  run(): number {
    const context = this.context!;
    // mutant: race-reset-collects-under-lock
    if (mustSleepForCollector(context)) return SLEEPING;
    // mutant: v7-reset-does-not-wait
    context.collector.waitIdle();
    const { repairs } = context.revision;
    if (repairs['reset-under-lock'] || repairs['reset-clears-ptes'])
      return this.runLocked(repairs['reset-clears-ptes']);
    // GPU ranges and their PTEs stay: they may lie over pages with different attributes from now on.
    // mutant: v7-reset-misses-last-page
    return clearAttributes(context, this.first, this.last, 'allocate-interval');
  }

  private clearPtes(): number {
    const context = this.context!;
    const endPage = this.last + 1;
    if (context.process.devices === null) return splitInvalidate(context, this.first, endPage);
    runAwake(evictCrossing(context, this.first, endPage));
    return runAwake(splitInvalidateWithDevices(context, this.first, endPage));
  }

  /** A repaired call, which waits for who works with the intervals. */
  private runLocked(clearsPtes: boolean): number {
    const context = this.context!;
    context.points.reach('svm-lock');
    if (context.svmLock.held) return SLEEPING;
    context.svmLock.acquire();
    let result = clearAttributes(context, this.first, this.last, 'allocate-interval');
    if (result === 0 && clearsPtes) result = this.clearPtes();
    context.svmLock.release();
    context.points.reach('svm-unlock');
    return result;
  }
}
