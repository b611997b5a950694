// Models: SET_ATTR from V5 on - each segment is changed and applied under one hold of the svm lock (spec/revisions §4, V5 items 5 and 6, V7 item 2).
import { Errno } from '../../lib/uapi/errno.ts';
import type { AttributeEditKind } from '../kernel/effects.ts';
import { AttributeInterval, exclusiveEnd } from '../svm/attribute-interval.ts';
import {
  applyRequest,
  changeTrigger,
  copyRecord,
  defaultRecord,
  isValidRequest,
  recordsEqual,
  Trigger,
} from '../svm/attribute-record.ts';
import type { AttributeRecord, AttributeRequest } from '../svm/attribute-record.ts';
import type { SvmContext } from '../svm/context.ts';
import { SLEEPING } from '../svm/sleeping.ts';
import { resumeSegment } from './apply-segment.ts';
import { checkBufferObjects } from './buffer-object-check.ts';
import { checkVmas, mustSleepForCollector } from './entry-checks.ts';

/** Where a call goes on when it is resumed. */
const Step = { begin: 0, bufferObjects: 1, segments: 2, repeat: 3, applying: 4 } as const;
type Step = (typeof Step)[keyof typeof Step];

/** One SET_ATTR call; `run` is called again where it gave SLEEPING. */
export class SetAttributes {
  private context: SvmContext | null = null;
  private readonly request: AttributeRequest;
  private first = Number.NaN;
  private last = Number.NaN;
  private step: Step = Step.begin;
  private cursor = Number.NaN;
  private segmentEnd = Number.NaN;
  private again = false;
  // The change set of the segment at hand.
  private trigger = 0;
  private interval: AttributeInterval | null = null;
  // The record being built.
  private readonly target: AttributeRecord = defaultRecord(0, 0);

  /** `request` is that of each call; it must not change until that ends. */
  constructor(request: AttributeRequest) {
    this.request = request;
  }

  /** Begins a call for the pages `[first, last]`, both inclusive. */
  begin(context: SvmContext, first: number, last: number): void {
    this.context = context;
    this.first = first;
    this.last = last;
    this.step = Step.begin;
  }

  run(): number {
    const context = this.context!;
    if (this.step === Step.begin) {
      // mutant: race-v7-set-collects-under-lock
      if (mustSleepForCollector(context)) return SLEEPING;
      context.collector.waitIdle();
      const result = this.validate();
      if (result !== 0) return result;
      this.step = Step.bufferObjects;
    }
    if (this.step === Step.bufferObjects) {
      const result = checkBufferObjects(context, this.first, this.last);
      if (result !== 0) return result;
      this.beginPass();
    }
    while (true) {
      if (this.step === Step.repeat) {
        if (mustSleepForCollector(context)) return SLEEPING;
        context.collector.waitIdle();
        context.effects.current?.setRetried(this.first, this.last);
        this.beginPass();
      }
      let result: number;
      if (this.step === Step.applying) {
        result = resumeSegment(context);
      } else {
        context.points.reach('svm-lock');
        // mutant: race-v7-set-does-not-sleep
        if (context.svmLock.held) return SLEEPING;
        context.svmLock.acquire();
        context.tree.hold();
        result = this.editSegment();
        if (!context.revision.hasReservationPoint) context.points.reach('attr-edited');
        context.points.reach('tree-unlock');
        if (result === 0) result = this.apply();
      }
      if (result === SLEEPING) {
        this.step = Step.applying;
        return SLEEPING;
      }
      this.step = Step.segments;
      context.tree.release();
      context.svmLock.release();
      context.points.reach('svm-unlock');
      // mutant: v7-repeat-lost, race-v7-set-not-repeated
      if (result === -Errno.EAGAIN) this.again = true;
      else if (result !== 0) return result;
      if (this.segmentEnd < this.last) this.cursor = this.segmentEnd + 1;
      else if (this.again) this.step = Step.repeat;
      else return 0;
    }
  }

  private beginPass(): void {
    this.cursor = this.first;
    this.again = false;
    this.step = Step.segments;
  }

  private validate(): number {
    const context = this.context!;
    // mutant: v8-records-not-validated
    if (!isValidRequest(this.request, context.revision.uapi.lastAttributeType)) return -Errno.EINVAL;
    // mutant: v8-set-wraps
    if (this.first > this.last) return -Errno.EINVAL;
    // mutant: v7-set-skips-memory
    return checkVmas(context, this.first, this.last);
  }

  /** The tree change of the segment at the cursor; leaves the change set behind. Returns 0 or -ENOMEM. */
  private editSegment(): number {
    const { tree } = this.context!;
    const interval = tree.found.find(this.cursor) ?? tree.findAndNote(this.cursor);
    if (interval !== undefined) {
      this.segmentEnd = Math.min(this.last, interval.last);
      return this.editExisting(interval);
    }
    const end = tree.endOfHole(this.cursor);
    // mutant: v8-segment-skips-hole
    this.segmentEnd = Math.min(this.last, end - 1);
    return this.editHole(end);
  }

  private editHole(end: number): number {
    const { defaults, failures, tree } = this.context!;
    const target = this.target;
    const failure = failures.take('allocate-interval');
    if (failure !== 0) return failure;
    copyRecord(target, defaults);
    applyRequest(target, this.request);
    this.trigger = triggerOf(defaults, target);
    this.interval = new AttributeInterval(this.cursor, this.segmentEnd, target);
    tree.insertIntoHole(this.interval, end);
    this.tell('inserted', this.cursor, this.segmentEnd);
    return 0;
  }

  private editExisting(interval: AttributeInterval): number {
    const { failures, tree } = this.context!;
    const target = this.target;
    copyRecord(target, interval);
    applyRequest(target, this.request);
    this.interval = interval;
    // A prefetch location that was set before maps again, also where nothing changes.
    this.trigger = triggerOf(interval, target);
    const { first, last } = interval;
    // mutant: v7-prefetch-only-on-change
    if (recordsEqual(target, interval)) {
      this.tell('unchanged', first, last);
      return 0;
    }
    if (this.cursor === first && this.segmentEnd === last) {
      copyRecord(interval, target);
      this.tell('changed', first, last);
      return 0;
    }
    let failure = this.cursor > first ? failures.take('allocate-interval') : 0;
    if (failure === 0 && this.segmentEnd < last) failure = failures.take('allocate-interval');
    if (failure !== 0) return failure;
    tree.split(interval, this.cursor, this.segmentEnd);
    copyRecord(interval, target);
    this.tell('split', first, last);
    return 0;
  }

  /** Tells who listens what was done to the segment at the cursor of an interval that was `[oldFirst, oldLast]`. */
  private tell(kind: AttributeEditKind, oldFirst: number, oldLast: number): void {
    const effects = this.context!.effects.current;
    if (effects === null) return;
    const { types, count } = this.request;
    let mask = 0;
    for (let index = 0; index < count; index++) mask |= 1 << types[index]!;
    effects.attributesEdited(kind, this.cursor, this.segmentEnd, oldFirst, oldLast, this.trigger, mask);
  }

  /** The effect of the change on the pages of the segment. */
  private apply(): number {
    const context = this.context!;
    const interval = this.interval!;
    const end = this.segmentEnd === interval.last ? exclusiveEnd(interval) : this.segmentEnd + 1;
    const result = context.mode.applySegment!(context, interval, this.cursor, end, this.trigger);
    // RESET_ATTR does not take the svm lock: it may have come since the change.
    if (interval.freed) {
      const { first, last } = interval;
      const detail = 'SET_ATTR applies its effect to an interval that RESET_ATTR freed';
      context.effects.current?.hazard('V7-B2', detail, first, last - first + 1);
    }
    return result;
  }
}

/** From V5 on the location of a prefetch is one, too. */
function triggerOf(before: AttributeRecord, after: AttributeRecord): number {
  const trigger = changeTrigger(before, after);
  return before.prefetchLocation === after.prefetchLocation ? trigger : trigger | Trigger.locationChange;
}
