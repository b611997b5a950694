// Models: what SET_ATTR from V7 on does with retry faults - PTEs are cleared, a prefetch maps (spec/revisions §4, V5 items 5 and 6).
import { PAGE_NUMBER_END } from '../kernel/page-number.ts';
import { Trigger } from '../svm/attribute-record.ts';
import type { AttributeInterval } from '../svm/attribute-tree.ts';
import type { SvmContext } from '../svm/context.ts';
import { SLEEPING } from '../svm/sleeping.ts';
import { splitInvalidate } from '../svm/invalidate.ts';
import { mapInterval, mapIntervalWithDevices } from './map-interval.ts';

/** Changes after which PTEs are cleared, so that the next fault brings new ones. */
// mutant: v7-location-keeps-ptes
const INVALIDATING = Trigger.accessChange | Trigger.pteFlagChange | Trigger.mappingFlagChange | Trigger.locationChange;

/** The effect of the change set `trigger` on the pages `[startPage, endPage)` of `interval`; 0 or a negative errno. */
export function applySegment(
  context: SvmContext,
  interval: AttributeInterval,
  startPage: number,
  endPage: number,
  trigger: number,
): number {
  // mutant: v7-no-invalidation
  if ((trigger & INVALIDATING) !== 0) {
    const result = splitInvalidate(context, startPage, endPage);
    if (result !== 0) {
      context.device.counters.errorLines++;
      return result;
    }
  }
  // mutant: v7-granularity-invalidates
  if ((trigger & Trigger.prefetch) === 0) return 0;
  if (context.process.devices !== null) {
    const steps = mapIntervalWithDevices(context, interval, startPage, endPage);
    context.sleepingSegment = { steps, startPage, endPage };
    return resumeSegment(context);
  }
  const result = mapInterval(context, interval, startPage, endPage);
  // The end may have wrapped to 0.
  context.effects.current?.prefetched(startPage, (endPage === 0 ? PAGE_NUMBER_END : endPage) - 1, result);
  return result;
}

/** Goes on with what sleeps in the middle: its result, or SLEEPING again. The svm lock is held all the time. */
export function resumeSegment(context: SvmContext): number {
  const { steps, startPage, endPage } = context.sleepingSegment!;
  const step = steps.next();
  if (step.done !== true) return SLEEPING;
  context.sleepingSegment = null;
  context.effects.current?.prefetched(startPage, (endPage === 0 ? PAGE_NUMBER_END : endPage) - 1, step.value);
  return step.value;
}
