// Models: GET_ATTR from V5 on - it waits for the collector and asks what lies there before it answers (spec/revisions §4, V5 item 4).
import { Errno } from '../../lib/uapi/errno.ts';
import { getAttributes } from '../svm/attribute-get.ts';
import type { AttributeRequest } from '../svm/attribute-record.ts';
import type { SvmContext } from '../svm/context.ts';
import { SLEEPING } from '../svm/sleeping.ts';
import { checkBufferObjects } from './buffer-object-check.ts';
import { checkVmas, mustSleepForCollector } from './entry-checks.ts';

/** One GET_ATTR call; `run` is called again where it gave SLEEPING. */
export class GetAttributes {
  private context: SvmContext | null = null;
  private readonly request: AttributeRequest;
  private first = Number.NaN;
  private last = Number.NaN;
  private vmasChecked = false;

  /** `request` is that of each call; it must not change until that ends. */
  constructor(request: AttributeRequest) {
    this.request = request;
  }

  /** Begins a call for the pages `[first, last]`, both inclusive. */
  begin(context: SvmContext, first: number, last: number): void {
    this.context = context;
    this.first = first;
    this.last = last;
    this.vmasChecked = false;
  }

  run(): number {
    const context = this.context!;
    if (!this.vmasChecked) {
      // mutant: race-v7-get-collects-under-lock
      if (mustSleepForCollector(context)) return SLEEPING;
      // mutant: v7-get-does-not-wait
      context.collector.waitIdle();
      // mutant: v7-get-wraps
      if (this.first > this.last) return -Errno.EINVAL;
      const result = checkVmas(context, this.first, this.last);
      // mutant: v7-get-ignores-memory
      if (result !== 0) return result;
      this.vmasChecked = true;
    }
    const taken = checkBufferObjects(context, this.first, this.last);
    // mutant: v7-get-over-buffer-object
    return taken !== 0 ? taken : getAttributes(context, this.first, this.last, this.request);
  }
}
