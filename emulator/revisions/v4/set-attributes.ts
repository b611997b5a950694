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

/**
 * One SET_ATTR call. `run` returns its result, or `SLEEPING` where the call
 * waits for the svm lock that another thread holds; then `run` is to be called
 * again when the lock is free.
 */
export class SetAttributes {
  readonly #context: SvmContext;
  #request!: AttributeRequest;
  #first = 0;
  #last = 0;
  #step: Step = Step.begin;
  #cursor = 0;
  #segmentEnd = 0;
  #retry = false;
  // The change set of the segment at hand.
  #trigger = 0;
  #interval: AttributeInterval | null = null;
  // The record being built.
  readonly #target: AttributeRecord = defaultRecord(0, 0);

  constructor(context: SvmContext) {
    this.#context = context;
  }

  /** Begins a call for the pages `[first, last]`, both inclusive; `request` must not change until it ends. */
  begin(first: number, last: number, request: AttributeRequest): this {
    this.#first = first;
    this.#last = last;
    this.#request = request;
    this.#step = Step.begin;
    this.#interval = null;
    return this;
  }

  run(): number {
    const context = this.#context;
    if (this.#step === Step.begin) {
      if (this.#mustSleepForCollector()) return SLEEPING;
      // mutant: set-does-not-wait
      context.collector.waitIdle();
      const result = this.#validate();
      if (result !== 0) return result;
      this.#beginPass();
    }
    while (true) {
      if (this.#step === Step.retry) {
        // Q15: the second pass finds equal records and repeats nothing.
        if (this.#mustSleepForCollector()) return SLEEPING;
        context.collector.waitIdle();
        context.effects.current?.setRetried(this.#first, this.#last);
        this.#beginPass();
      }
      if (this.#step === Step.edit) {
        // The interval is kept until the change is applied.
        context.tree.hold();
        const failure = this.#editSegment();
        context.points.reach('attr-edited');
        context.points.reach('tree-unlock');
        if (failure !== 0) {
          context.tree.release();
          return failure;
        }
        this.#step = Step.apply;
      }
      // mutant: race-set-does-not-sleep
      if (context.svmLock.held) return SLEEPING;
      const result = this.#applyChange();
      context.tree.release();
      // mutant: race-set-not-retried
      if (result === -Errno.EAGAIN) this.#retry = true;
      else if (result !== 0) return result;
      if (this.#segmentEnd < this.#last) {
        this.#cursor = this.#segmentEnd + 1;
        this.#step = Step.edit;
      } else if (this.#retry) {
        this.#step = Step.retry;
      } else {
        return 0;
      }
    }
  }

  #beginPass(): void {
    this.#cursor = this.#first;
    this.#retry = false;
    this.#step = Step.edit;
  }

  #mustSleepForCollector(): boolean {
    // mutant: race-set-collects-under-lock
    return this.#context.collector.work.pending && this.#context.svmLock.held;
  }

  #validate(): number {
    if (!isValidRequest(this.#request, this.#context.revision.uapi.lastAttributeType)) return -Errno.EINVAL;
    // mutant: wrap-accepted
    if (this.#first > this.#last) return -Errno.EINVAL;
    const { process, points } = this.#context;
    points.reach('mmap-lock');
    process.mmapLock.acquireRead();
    const result = walkVmas(process, this.#first, this.#last);
    process.mmapLock.releaseRead();
    points.reach('vma-checked');
    points.reach('mmap-unlock');
    return result;
  }

  /** The tree change of the segment at the cursor; leaves the change set behind. Returns 0 or -ENOMEM. */
  #editSegment(): number {
    const { tree } = this.#context;
    const interval = tree.found.find(this.#cursor) ?? tree.findAndNote(this.#cursor);
    if (interval !== undefined) {
      this.#segmentEnd = Math.min(this.#last, interval.last);
      return this.#editExisting(interval);
    }
    const next = tree.afterHole(this.#cursor);
    // mutant: segment-skips-hole
    this.#segmentEnd = next === undefined ? this.#last : Math.min(this.#last, next.first - 1);
    return this.#editHole();
  }

  #editHole(): number {
    // The default snapshot of spec/02-attributes §4.3: with XNACK on, the defaults of a context never change.
    const { defaults } = this.#context;
    const target = this.#target;
    const failure = this.#context.failures.take('allocate-interval');
    if (failure !== 0) return failure;
    copyRecord(target, defaults);
    applyRequest(target, this.#request);
    this.#trigger = triggerOf(defaults, target);
    this.#interval = new AttributeInterval(this.#cursor, this.#segmentEnd, target);
    this.#context.tree.insert(this.#interval);
    if (this.#context.effects.current !== null) this.#tell('inserted', this.#cursor, this.#segmentEnd);
    return 0;
  }

  #editExisting(interval: AttributeInterval): number {
    const target = this.#target;
    copyRecord(target, interval);
    applyRequest(target, this.#request);
    this.#interval = interval;
    if (recordsEqual(target, interval)) {
      // mutant: equal-set-has-effects
      this.#trigger = 0;
      if (this.#context.effects.current !== null) this.#tell('unchanged', interval.first, interval.last);
      return 0;
    }
    this.#trigger = triggerOf(interval, target);
    if (this.#cursor !== interval.first || this.#segmentEnd !== interval.last) {
      const failure = this.#context.failures.take('allocate-interval');
      if (failure !== 0) return failure;
      // mutant: no-split-invalidation
      this.#trigger |= Trigger.rangeSplit;
      const { first, last } = interval;
      this.#context.tree.split(interval, this.#cursor, this.#segmentEnd);
      copyRecord(interval, target);
      if (this.#context.effects.current !== null) this.#tell('split', first, last);
      return 0;
    }
    copyRecord(interval, target);
    if (this.#context.effects.current !== null) this.#tell('changed', interval.first, interval.last);
    return 0;
  }

  /** Tells who listens what was done to the segment at the cursor of an interval that was `[oldFirst, oldLast]`. */
  #tell(kind: AttributeEditKind, oldFirst: number, oldLast: number): void {
    const { types, count } = this.#request;
    let mask = 0;
    for (let index = 0; index < count; index++) mask |= 1 << types[index]!;
    this.#context.effects.current?.attributesEdited(
      kind,
      this.#cursor,
      this.#segmentEnd,
      oldFirst,
      oldLast,
      this.#trigger,
      mask,
    );
  }

  /** The effect of the change set on the interval as it is now (spec/02-attributes §4.8, §5.2). */
  #applyChange(): number {
    const trigger = this.#trigger;
    if (trigger === 0 || trigger === Trigger.attributeOnly) return 0;
    const context = this.#context;
    const interval = this.#interval!;
    const hasEffect = (trigger & (Trigger.rangeSplit | Trigger.prefetch)) !== 0;
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
    } else if (hasEffect && (interval.first !== this.#cursor || interval.last !== this.#segmentEnd)) {
      context.effects.current?.hazard(
        'Q34',
        'SET_ATTR applies its effect to an interval that another SET_ATTR has reshaped',
        this.#cursor,
        this.#segmentEnd - this.#cursor + 1,
      );
    }
    if (!hasEffect) return 0;
    context.svmLock.acquire();
    let result = 0;
    if ((trigger & Trigger.rangeSplit) !== 0) {
      result = splitInvalidate(context, interval.first, exclusiveEnd(interval));
      if (result !== 0) context.device.counters.errorLines++;
    }
    if (result === 0 && (trigger & Trigger.prefetch) !== 0) {
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
  return trigger === 0 ? Trigger.attributeOnly : trigger;
}
