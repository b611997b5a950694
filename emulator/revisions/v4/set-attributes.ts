// Models: SET_ATTR - validation, the pass over segments, effects and the retry rule (spec/02-attributes §4).
import type { AttributeEditKind } from '../../kernel/effects.ts';
import { Errno } from '../../../lib/uapi/errno.ts';
import { AttributeInterval, exclusiveEnd } from '../../svm/attribute-interval.ts';
import {
  applyRequest,
  changeTrigger,
  copyRecord,
  defaultRecord,
  isValidRequest,
  recordsEqual,
  Trigger,
} from '../../svm/attribute-record.ts';
import type { AttributeRecord, AttributeRequest } from '../../svm/attribute-record.ts';
import type { SvmContext } from '../../svm/context.ts';
import { splitInvalidate } from '../../svm/invalidate.ts';
import { mapInterval } from './map-interval.ts';
import { SLEEPING } from '../../svm/sleeping.ts';
import { walkVmas } from '../../svm/vma-walk.ts';

/** Where a call goes on when it is resumed. */
const Step = { begin: 0, edit: 1, apply: 2, retry: 3 } as const;
type Step = (typeof Step)[keyof typeof Step];

const { attributeOnly, rangeSplit, prefetch } = Trigger;
const HAS_EFFECT = rangeSplit | prefetch;
const { EAGAIN } = Errno;

/**
 * One SET_ATTR call. `run` returns its result, or `SLEEPING` where the call
 * waits for the svm lock that another thread holds; then `run` is to be called
 * again when the lock is free.
 */
export class SetAttributes {
  private readonly context: SvmContext;
  private readonly request: AttributeRequest;
  private first = Number.NaN;
  private last = Number.NaN;
  private step: Step = Step.begin;
  private cursor = Number.NaN;
  private segmentEnd = Number.NaN;
  private retry = false;
  // The change set of the segment at hand.
  private trigger = 0;
  private interval: AttributeInterval | null = null;
  // The record being built.
  private readonly target: AttributeRecord = defaultRecord(0, 0);

  /** `request` is that of each call; it must not change until that ends. */
  constructor(context: SvmContext, request: AttributeRequest) {
    this.context = context;
    this.request = request;
  }

  /** Begins a call for the pages `[first, last]`, both inclusive. */
  begin(first: number, last: number): this {
    this.first = first;
    this.last = last;
    this.step = Step.begin;
    this.interval = null;
    return this;
  }

  run(): number {
    const context = this.context;
    if (this.step === Step.begin) {
      if (this.mustSleepForCollector()) return SLEEPING;
      // mutant: set-does-not-wait
      context.collector.waitIdle();
      if (!isValidRequest(this.request, context.revision.uapi.lastAttributeType)) return -Errno.EINVAL;
      // mutant: wrap-accepted
      if (this.first > this.last) return -Errno.EINVAL;
      // As `checkVmas` of later revisions, which is not called: a SET takes 1.15 of the time with it (bench/README.md).
      const { process, points } = context;
      points.reach('mmap-lock');
      process.mmapLock.acquireRead();
      const result = walkVmas(process, this.first, this.last);
      process.mmapLock.releaseRead();
      points.reach('vma-checked');
      points.reach('mmap-unlock');
      if (result !== 0) return result;
      this.beginPass();
    }
    while (true) {
      if (this.step === Step.retry) {
        // Q15: the second pass finds equal records and repeats nothing.
        if (this.mustSleepForCollector()) return SLEEPING;
        context.collector.waitIdle();
        context.effects.current?.setRetried(this.first, this.last);
        this.beginPass();
      }
      if (this.step === Step.edit) {
        const failure = this.editSegment();
        if (failure !== 0) return failure;
        this.step = Step.apply;
      }
      // mutant: race-set-does-not-sleep
      if (context.svmLock.held) return SLEEPING;
      const hasEffect = (this.trigger & HAS_EFFECT) !== 0;
      const result = hasEffect || this.interval!.freed ? this.applyChange() : 0;
      context.tree.release();
      // mutant: race-set-not-retried
      if (result === -EAGAIN) this.retry = true;
      else if (result !== 0) return result;
      if (this.segmentEnd < this.last) {
        this.cursor = this.segmentEnd + 1;
        this.step = Step.edit;
      } else if (this.retry) {
        this.step = Step.retry;
      } else {
        return 0;
      }
    }
  }

  private beginPass(): void {
    this.cursor = this.first;
    this.retry = false;
    this.step = Step.edit;
  }

  private mustSleepForCollector(): boolean {
    // mutant: race-set-collects-under-lock
    return this.context.collector.work.pending && this.context.svmLock.held;
  }

  /**
   * The tree change of the segment at the cursor; leaves the change set and, as the interval is kept until the change is
   * applied, the tree held. Returns 0, or -ENOMEM without holding it.
   *
   * Holes and intervals have a function each: V8 counts the calls in a function to choose which it puts there, and in one for
   * both, those of a change would stay calls where many intervals were made before. `run` is longer than what V8 puts into its
   * callers (`test/function-sizes.test.ts`), so that the handler has room for what a GET calls.
   */
  private editSegment(): number {
    const { tree, points } = this.context;
    tree.hold();
    // Asked first because that is short enough to become part of this function.
    const interval = tree.found.find(this.cursor) ?? tree.findAndNote(this.cursor);
    const failure = interval === undefined ? this.editHole() : this.editInterval(interval);
    points.reach('attr-edited');
    points.reach('tree-unlock');
    if (failure !== 0) tree.release();
    return failure;
  }

  private editHole(): number {
    const { tree, effects, failures, defaults } = this.context;
    const { cursor, target } = this;
    const end = tree.endOfHole(cursor);
    // mutant: segment-skips-hole
    this.segmentEnd = Math.min(this.last, end - 1);
    const failure = failures.take('allocate-interval');
    if (failure !== 0) return failure;
    // The default snapshot of spec/02-attributes §4.3: with XNACK on, the defaults of a context never change.
    copyRecord(target, defaults);
    applyRequest(target, this.request);
    this.trigger = triggerOf(defaults, target);
    this.interval = new AttributeInterval(cursor, this.segmentEnd, target);
    tree.insertIntoHole(this.interval, end);
    if (effects.current !== null) this.tell('inserted', cursor, this.segmentEnd);
    return 0;
  }

  private editInterval(interval: AttributeInterval): number {
    const { tree, effects, failures } = this.context;
    const { cursor, target } = this;
    const { first, last } = interval;
    const end = last < this.last ? last : this.last;
    this.segmentEnd = end;
    this.interval = interval;
    copyRecord(target, interval);
    applyRequest(target, this.request);
    if (recordsEqual(target, interval)) {
      // mutant: equal-set-has-effects
      this.trigger = 0;
      if (effects.current !== null) this.tell('unchanged', first, last);
      return 0;
    }
    this.trigger = triggerOf(interval, target);
    const isWhole = cursor === first && end === last;
    if (!isWhole) {
      const failure = failures.take('allocate-interval');
      // mutant: no-split-invalidation
      this.trigger |= rangeSplit;
      if (failure !== 0) return failure;
      tree.split(interval, cursor, end);
    }
    copyRecord(interval, target);
    if (effects.current !== null) this.tell(isWhole ? 'changed' : 'split', first, last);
    return 0;
  }

  /** Tells who listens what was done to the segment at the cursor of an interval that was `[oldFirst, oldLast]`. */
  private tell(kind: AttributeEditKind, oldFirst: number, oldLast: number): void {
    const { types, count } = this.request;
    let mask = 0;
    for (let index = 0; index < count; index++) mask |= 1 << types[index]!;
    this.context.effects.current?.attributesEdited(
      kind,
      this.cursor,
      this.segmentEnd,
      oldFirst,
      oldLast,
      this.trigger,
      mask,
    );
  }

  /** The effect of the change set on the interval as it is now (spec/02-attributes §4.8, §5.2). */
  private applyChange(): number {
    const trigger = this.trigger;
    if (trigger === 0 || trigger === attributeOnly) return 0;
    const context = this.context;
    const interval = this.interval!;
    const hasEffect = (trigger & HAS_EFFECT) !== 0;
    if (interval.freed) {
      // Its bounds and record are read before the trigger is looked at: also where nothing is to be done.
      context.effects.current?.hazard(
        'Q34',
        hasEffect
          ? 'SET_ATTR applies its effect to an interval that the collector freed'
          : 'SET_ATTR reads an interval that the collector freed',
        interval.first,
        interval.last - interval.first + 1,
      );
    } else if (hasEffect && (interval.first !== this.cursor || interval.last !== this.segmentEnd)) {
      context.effects.current?.hazard(
        'Q34',
        'SET_ATTR applies its effect to an interval that another SET_ATTR has reshaped',
        this.cursor,
        this.segmentEnd - this.cursor + 1,
      );
    }
    if (!hasEffect) return 0;
    context.svmLock.acquire();
    let result = 0;
    if ((trigger & rangeSplit) !== 0) {
      result = splitInvalidate(context, interval.first, exclusiveEnd(interval));
      if (result !== 0) context.device.counters.errorLines++;
    }
    if (result === 0 && (trigger & prefetch) !== 0) {
      result = mapInterval(context, interval);
      context.effects.current?.prefetched(interval.first, interval.last, result);
    }
    context.svmLock.release();
    return result;
  }
}

/** The trigger of V4 names the change that has no other name, too. */
function triggerOf(before: AttributeRecord, after: AttributeRecord): number {
  const trigger = changeTrigger(before, after);
  return trigger === 0 ? attributeOnly : trigger;
}
