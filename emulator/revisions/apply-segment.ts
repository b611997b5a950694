// Models: what SET_ATTR from V7 on does with retry faults - PTEs are cleared, a prefetch maps (spec/revisions §4, V5 items 5 and 6).
import { PAGE_NUMBER_END } from '../kernel/page-number.ts';
import { SvmLocation } from '../../lib/uapi/constants.ts';
import { evictRange } from '../gpusvm/get-device-pages.ts';
import type { Sleepable } from '../kernel/sleepable.ts';
import { LOCATION_UNDEFINED, Trigger } from '../svm/attribute-record.ts';
import type { AttributeInterval } from '../svm/attribute-interval.ts';
import type { SvmContext } from '../svm/context.ts';
import { SLEEPING } from '../svm/sleeping.ts';
import { evictCrossing, splitInvalidate, splitInvalidateWithDevices } from '../svm/invalidate.ts';
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
  if (context.process.devices !== null) {
    if ((trigger & (INVALIDATING | Trigger.prefetch)) === 0) return 0;
    context.sleepingSegment = { steps: applyWithDevices(context, interval, startPage, endPage, trigger) };
    return resumeSegment(context);
  }
  // mutant: v7-no-invalidation
  if ((trigger & INVALIDATING) !== 0) {
    const result = splitInvalidate(context, startPage, endPage);
    if (result !== 0) return logged(context, result);
  }
  // mutant: v7-granularity-invalidates
  if ((trigger & Trigger.prefetch) === 0) return 0;
  return prefetched(context, startPage, endPage, mapInterval(context, interval, startPage, endPage));
}

/** As `applySegment`, where pages may lie in VRAM. */
function* applyWithDevices(
  context: SvmContext,
  interval: AttributeInterval,
  startPage: number,
  endPage: number,
  trigger: number,
): Sleepable<number> {
  if ((trigger & INVALIDATING) !== 0) {
    if (context.revision.repairs['evict-before-locking']) yield* evictCrossing(context, startPage, endPage);
    const result = yield* splitInvalidateWithDevices(context, startPage, endPage);
    if (result !== 0) return logged(context, result);
    if ((trigger & Trigger.locationChange) !== 0 && movesHome(context, interval))
      yield* bringPagesHome(context, startPage, endPage);
  }
  if ((trigger & Trigger.prefetch) === 0) return 0;
  const result = yield* mapIntervalWithDevices(context, interval, startPage, endPage);
  if (result === 0 && context.deviceMemory?.policies.oneShotPrefetch === true)
    interval.prefetchLocation = LOCATION_UNDEFINED;
  return prefetched(context, startPage, endPage, result);
}

function prefetched({ effects }: SvmContext, startPage: number, endPage: number, result: number): number {
  // The end may have wrapped to 0.
  effects.current?.prefetched(startPage, (endPage === 0 ? PAGE_NUMBER_END : endPage) - 1, result);
  return result;
}

/** Gives `result` back; the failure is written to the kernel log. */
function logged(context: SvmContext, result: number): number {
  context.device.counters.errorLines++;
  return result;
}

/** Goes on with what sleeps in the middle: its result, or SLEEPING again. The svm lock is held all the time. */
export function resumeSegment(context: SvmContext): number {
  const step = context.sleepingSegment!.steps.next();
  if (step.done !== true) return SLEEPING;
  context.sleepingSegment = null;
  return step.value;
}

/** A policy: whether a prefetch to system memory moves pages there. */
function movesHome({ deviceMemory }: SvmContext, { prefetchLocation }: AttributeInterval): boolean {
  return deviceMemory?.policies.systemPrefetchMoves === true && prefetchLocation === SvmLocation.system;
}

/** A policy: the pages of all ranges in `[startPage, endPage)` come home. */
function* bringPagesHome({ framework }: SvmContext, startPage: number, endPage: number): Sleepable<void> {
  let range = startPage < endPage ? framework.findRange(startPage, endPage) : undefined;
  for (; range !== undefined && range.startPage < endPage; range = framework.rangeAfter(range))
    yield* evictRange(framework, range);
}
