// Models: one operation of one thread, what another thread does in its gaps, and threads that sleep (spec/trace-format §8).
import { PREEMPTION_POINTS } from './preemption.ts';
import type { PointListener, PreemptionPoint, PreemptionPoints } from './preemption.ts';

/** A call that waits for a lock; resumed when the outermost operation has ended. */
export interface SleepingCall {
  /** Goes on with the call; false while it still sleeps. */
  resume(): boolean;
}

/**
 * Called at every preemption point passed, with how often the point was passed in this operation (from 1), and how
 * many other threads' operations that one is nested in (0: none). Operations that it runs are those of a further thread.
 */
export type PassHook = (point: PreemptionPoint, pass: number, level: number) => void;

interface Hook {
  readonly run: PassHook;
  readonly depth: number;
}

/** How often each point was passed in the operation at hand. An operation passes few: they are looked through. */
class PassCounts {
  private readonly points: PreemptionPoint[] = [];
  private readonly passes: number[] = [];
  private length = 0;

  clear(): void {
    this.length = 0;
  }

  /** Counts a pass, and says which one it is, from 1. */
  count(point: PreemptionPoint): number {
    for (let at = 0; at < this.length; at++) if (this.points[at] === point) return ++this.passes[at]!;
    const at = this.length++;
    this.points[at] = point;
    this.passes[at] = 1;
    return 1;
  }
}

/** One thread in the middle of an operation, or about to begin one at a point of the thread below it. */
class Frame {
  readonly passes = new PassCounts();
  /** Operations that were running when the thread came in. */
  depth = 0;
  /** The point of the thread below, and its pass. */
  point: PreemptionPoint = PREEMPTION_POINTS[0];
  pass = 0;
}

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

/**
 * Brackets the operations of a machine; nested ones are those of another thread at a preemption point. Threads are a
 * stack: each has its own pass counts, and can be interrupted itself as deep as whoever interrupts asks for.
 */
export class OperationScope implements PointListener {
  private readonly points: PreemptionPoints;
  // Replaced, never changed: who walks the list is not disturbed.
  private hooks: readonly Hook[] = [];
  /** Threads by level; those above the present level are kept for the next time. */
  private readonly frames: Frame[] = [new Frame()];
  private level = 0;
  private frame = this.frames[0]!;
  /** Points of threads at this level and above it are nobody's concern. */
  private deepest = 0;
  private readonly sleeping: SleepingCall[] = [];
  private depth = 0;
  private hookErrors: unknown[] = [];
  private readonly observers: ScopeObserver[] = [];

  constructor(points: PreemptionPoints) {
    this.points = points;
  }

  /** Whether an operation is running, so that a new one is nested. */
  get active(): boolean {
    return this.depth > 0;
  }

  get sleepers(): number {
    return this.sleeping.length;
  }

  /** Runs one operation; at the end of the outermost one the sleeping calls go on. */
  run<T>(operation: () => T): T {
    const nested = this.begin();
    try {
      const result = operation();
      this.succeed();
      return result;
    } finally {
      this.end(nested);
    }
  }

  /**
   * As `run`, for what is called most: V8 does not put a function that is handed over into the code that calls it. An operation begins;
   * `succeed` follows it unless it throws, and `end` with what this returns in any case.
   */
  begin(): boolean {
    const isFirst = this.depth++ === this.frame.depth;
    return isFirst && (this.level > 0 || this.deepest > 0) && this.beginThread();
  }

  /** The operation that began last has a result: the sleeping calls go on after the outermost one. */
  succeed(): void {
    if (this.sleeping.length > 0 && this.depth === 1) this.resumeSleepers();
  }

  /** The end of what `begin` began. */
  end(nested: boolean): void {
    if (nested) this.tellNestedEnd();
    if (--this.depth === 0 && (this.observers.length > 0 || this.hookErrors.length > 0)) this.endOutermost();
  }

  private tellNestedEnd(): void {
    for (const observer of this.observers) observer.nestedEnd();
  }

  /** The first operation of a thread, for which points are counted; says whether observers were told. */
  private beginThread(): boolean {
    const frame = this.frame;
    if (this.level < this.deepest) frame.passes.clear();
    if (this.level === 0 || this.observers.length === 0) return false;
    for (const observer of this.observers) observer.nestedBegin(frame.point, frame.pass);
    return true;
  }

  private endOutermost(): void {
    for (const observer of this.observers) observer.ended?.();
    if (this.hookErrors.length > 0) this.throwHookErrors();
  }

  /** Registers a call that sleeps. */
  addSleeper(call: SleepingCall): void {
    this.sleeping.push(call);
  }

  /** An observer failed in the middle of an operation: the error is thrown when the operation has ended. */
  defer(error: unknown): void {
    if (this.depth === 0) throw error;
    this.hookErrors.push(error);
  }

  /**
   * Adds a hook; the returned function takes it out. With `depth` 1 it is called at the points of outermost operations
   * only; with `depth` n also at those of operations that are nested in up to n - 1 others.
   */
  addHook(hook: PassHook, depth = 1): () => void {
    const entry: Hook = { run: hook, depth };
    this.setHooks([...this.hooks, entry]);
    return () => this.setHooks(this.hooks.filter((each) => each !== entry));
  }

  /** Adds an observer; the returned function takes it out. */
  addObserver(observer: ScopeObserver): () => void {
    this.observers.push(observer);
    return () => {
      const index = this.observers.indexOf(observer);
      if (index >= 0) this.observers.splice(index, 1);
    };
  }

  private setHooks(hooks: readonly Hook[]): void {
    this.hooks = hooks;
    this.deepest = 0;
    for (const { depth } of hooks) if (depth > this.deepest) this.deepest = depth;
    this.points.listener = hooks.length === 0 ? null : this;
  }

  /** Of the points of the machine. */
  pointReached(point: PreemptionPoint): void {
    const level = this.level;
    if (level >= this.deepest) return;
    const pass = this.frame.passes.count(point);
    const inner = this.enter();
    inner.point = point;
    inner.pass = pass;
    for (const { run, depth } of this.hooks) {
      if (level >= depth) continue;
      // The modelled code holds locks here: it must run to its end before an error of a hook is seen.
      try {
        run(point, pass, level);
      } catch (error) {
        this.hookErrors.push(error);
      }
    }
    this.leave(level);
  }

  /** Another thread comes in. */
  private enter(): Frame {
    const level = ++this.level;
    const frame = (this.frames[level] ??= new Frame());
    frame.depth = this.depth;
    if (level < this.deepest) frame.passes.clear();
    this.frame = frame;
    return frame;
  }

  private leave(level: number): void {
    this.level = level;
    this.frame = this.frames[level]!;
  }

  /** In the order in which they went to sleep; who still finds its lock held lets the others go first. */
  private resumeSleepers(): void {
    let inVain = 0;
    while (this.sleeping.length > 0) {
      if (inVain === this.sleeping.length)
        throw Object.assign(
          new Error('every sleeping call waits for a lock that is still held, and nobody is left to release it'),
          { code: 'ERR_SVM_LOCK' },
        );
      // It counts as asleep until it has ended.
      const call = this.sleeping[0]!;
      for (const observer of this.observers) observer.resumeBegin();
      const level = this.level;
      this.enter();
      let ended: boolean;
      try {
        ended = call.resume();
      } finally {
        this.leave(level);
        this.sleeping.shift();
      }
      for (const observer of this.observers) observer.resumeEnd();
      inVain = ended ? 0 : inVain + 1;
      if (!ended) this.sleeping.push(call);
    }
  }

  private throwHookErrors(): never {
    const errors = this.hookErrors;
    this.hookErrors = [];
    if (errors.length === 1) throw errors[0];
    throw new AggregateError(errors, 'several callbacks at preemption points failed');
  }
}
