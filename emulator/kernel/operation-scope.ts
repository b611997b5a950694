// Models: one operation of one thread, what another thread does in its gaps, and threads that sleep (spec/trace-format §8).
import { PREEMPTION_POINTS } from './preemption.ts';
import type { PreemptionPoint, PreemptionPoints } from './preemption.ts';

/** A call that waits for the svm lock; resumed when the operation that holds it has ended. */
export interface SleepingCall {
  /** Goes on with the call; false while it still sleeps. */
  resume(): boolean;
}

/** Called at every preemption point passed, with how often the point was passed in this operation (from 1). */
export type PassHook = (point: PreemptionPoint, pass: number) => void;

/** Sees where other threads come in. */
export interface ScopeObserver {
  /** An operation begins at that preemption point of another one. */
  nestedBegin(point: PreemptionPoint, pass: number): void;
  nestedEnd(): void;
  /** A sleeping call goes on. */
  resumeBegin(): void;
  resumeEnd(): void;
  /** The outermost operation has ended, with everything that went on in it. */
  ended?(): void;
}

/** Brackets the operations of a machine; nested ones are those of another thread at a preemption point. */
export class OperationScope {
  readonly #points: PreemptionPoints;
  // Replaced, never changed: who walks the list is not disturbed.
  #hooks: readonly PassHook[] = [];
  readonly #passes = new Map<PreemptionPoint, number>();
  readonly #sleeping: SleepingCall[] = [];
  #depth = 0;
  // Whether what runs now is what another thread does.
  #otherThread = false;
  #hookDepth = 0;
  #hookErrors: unknown[] = [];
  readonly #observers: ScopeObserver[] = [];
  #point: PreemptionPoint = PREEMPTION_POINTS[0];
  #pass = 0;

  constructor(points: PreemptionPoints) {
    this.#points = points;
  }

  /** Whether an operation is running, so that a new one is nested. */
  get active(): boolean {
    return this.#depth > 0;
  }

  get sleepers(): number {
    return this.#sleeping.length;
  }

  /** Runs one operation; at the end of the outermost one the sleeping calls go on. */
  run<T>(operation: () => T): T {
    if (this.#depth === 0 && this.#hooks.length > 0) this.#passes.clear();
    // Only the first operation inside a hook begins something new there.
    const begins = this.#otherThread && this.#depth === this.#hookDepth && this.#observers.length > 0;
    this.#depth++;
    if (begins) for (const observer of this.#observers) observer.nestedBegin(this.#point, this.#pass);
    try {
      const result = operation();
      if (this.#depth === 1 && this.#sleeping.length > 0) this.#resumeSleepers();
      return result;
    } finally {
      if (begins) for (const observer of this.#observers) observer.nestedEnd();
      this.#depth--;
      if (this.#depth === 0 && this.#observers.length > 0) for (const observer of this.#observers) observer.ended?.();
      if (this.#depth === 0 && this.#hookErrors.length > 0) this.#throwHookErrors();
    }
  }

  /** Registers a call that sleeps. */
  addSleeper(call: SleepingCall): void {
    this.#sleeping.push(call);
  }

  /** An observer failed in the middle of an operation: the error is thrown when the operation has ended. */
  defer(error: unknown): void {
    if (this.#depth === 0) throw error;
    this.#hookErrors.push(error);
  }

  /** Adds a hook; the returned function takes it out. */
  addHook(hook: PassHook): () => void {
    this.#hooks = [...this.#hooks, hook];
    this.#points.listener = this.#onPoint;
    return () => {
      const index = this.#hooks.indexOf(hook);
      if (index >= 0) this.#hooks = this.#hooks.toSpliced(index, 1);
      if (this.#hooks.length === 0) this.#points.listener = null;
    };
  }

  /** Adds an observer; the returned function takes it out. */
  addObserver(observer: ScopeObserver): () => void {
    this.#observers.push(observer);
    return () => {
      const index = this.#observers.indexOf(observer);
      if (index >= 0) this.#observers.splice(index, 1);
    };
  }

  readonly #onPoint = (point: PreemptionPoint): void => {
    // What the other thread passes is not part of the interrupted operation.
    if (this.#otherThread) return;
    const pass = (this.#passes.get(point) ?? 0) + 1;
    this.#passes.set(point, pass);
    this.#otherThread = true;
    this.#hookDepth = this.#depth;
    this.#point = point;
    this.#pass = pass;
    for (const hook of this.#hooks) {
      // The modelled code holds locks here: it must run to its end before an error of a hook is seen.
      try {
        hook(point, pass);
      } catch (error) {
        this.#hookErrors.push(error);
      }
    }
    this.#otherThread = false;
  };

  #resumeSleepers(): void {
    while (this.#sleeping.length > 0) {
      const call = this.#sleeping[0]!;
      for (const observer of this.#observers) observer.resumeBegin();
      this.#otherThread = true;
      let ended: boolean;
      try {
        ended = call.resume();
      } finally {
        this.#otherThread = false;
      }
      for (const observer of this.#observers) observer.resumeEnd();
      if (!ended) throw new Error('a sleeping call was resumed while the svm lock is still held');
      this.#sleeping.shift();
    }
  }

  #throwHookErrors(): never {
    const errors = this.#hookErrors;
    this.#hookErrors = [];
    if (errors.length === 1) throw errors[0];
    throw new AggregateError(errors, 'several callbacks at preemption points failed');
  }
}
