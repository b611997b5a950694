// Models: taking the attributes of pages away - by the collector where unmapping clears them, or by RESET_ATTR (spec/02-attributes §6).
import { Errno } from '../../lib/uapi/errno.ts';
import type { FailurePoint } from '../kernel/failures.ts';
import { AttributeInterval } from './attribute-interval.ts';
import type { SvmContext } from './context.ts';

/**
 * Removes the attributes of the pages `[first, last]`, both inclusive. Returns 0, -EINVAL or -ENOMEM; `allocation` is
 * where an injected failure makes that of the split piece fail.
 */
export function clearAttributes(
  context: SvmContext,
  first: number,
  last: number,
  allocation: FailurePoint = 'clear-split',
): number {
  if (first > last) return -Errno.EINVAL;
  context.tree.hold();
  const result = clearLocked(context, first, last, allocation);
  context.tree.release();
  context.points.reach('tree-unlock');
  return result;
}

function clearLocked(context: SvmContext, first: number, last: number, allocation: FailurePoint): number {
  const { tree } = context;
  let interval = tree.findIntersecting(first, last);
  while (interval !== undefined && interval.first <= last) {
    // The successor is determined before the interval is changed.
    // Those of one that goes on after the pages lie outside of them, unless a race has made intervals overlap.
    const next = interval.last >= last && !tree.overlapping ? undefined : tree.after(interval);
    if (interval.last >= first) {
      const keepsFront = interval.first < first;
      const keepsBack = interval.last > last;
      if (keepsFront && keepsBack) {
        const failure = context.failures.take(allocation);
        if (failure !== 0) return failure;
        const tail = new AttributeInterval(last + 1, interval.last, interval);
        tree.trimBack(interval, first - 1);
        // mutant: clear-middle-loses-tail
        tree.insert(tail);
      } else if (keepsFront) {
        tree.trimBack(interval, first - 1);
      } else if (keepsBack) {
        // mutant: clear-keeps-tail
        tree.trimFront(interval, last + 1);
      } else {
        tree.remove(interval);
      }
    }
    interval = next;
  }
  return 0;
}
