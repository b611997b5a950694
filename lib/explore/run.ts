/** One schedule of a program on a fresh machine: where there is a choice, a list of decisions makes it. */
import { rangeError } from '../uapi/errors.ts';
import { checkedOptions, EmulatedMachine, LockAssertionError } from '../../emulator/index.ts';
import type { Hazard, HazardMonitor, PreemptionPoint } from '../../emulator/index.ts';
import { machineOptions } from '../trace/format/config.ts';
import { planFailures, plannedFailures } from '../trace/format/failures.ts';
import type { BareAnswer, TraceSubject } from '../trace/operations/descriptor.ts';
import { meetsHeldLock } from '../trace/operations/held-locks.ts';
import { descriptorOf } from '../trace/operations/index.ts';
import type { TraceAnswer, TraceOperation } from '../trace/operations/index.ts';
import { parseOperation } from '../trace/operations/parse.ts';
import { answerText } from './answers.ts';
import { attributeValues } from './attribute-values.ts';
import { excludesEnd } from './context-end.ts';
import type { ExploreProgram } from './program.ts';
import { readsOf } from './reads.ts';
import type { Read } from './reads.ts';
import { epilogue } from './schedule.ts';
import type { Step } from './schedule.ts';
import { stateKey } from './state.ts';

/** No errno: the operation sleeps and answers later. */
const ASLEEP = 1;

/** Points that are one place where the one named comes right before them (spec/trace-format §10): who comes in, comes in at that. */
const SAME_PLACE: Readonly<Partial<Record<PreemptionPoint, PreemptionPoint>>> = {
  'tree-unlock': 'attr-edited',
  'mmap-unlock': 'vma-checked',
};

/** What the end of a context leaves allocated. */
interface Left {
  readonly ranges: number;
  readonly attrs: number;
  readonly dmaPages: number;
}

/** Says whether a run may end here, since the same state with the same past answers was met before. */
export type StateFilter = (key: string) => boolean;

/** A choice of a run. */
export interface Decision {
  /** Choices that there were. */
  readonly options: number;
  readonly taken: number;
  /** Whether any choice but 0 is a preemption more. */
  readonly costs: boolean;
}

/** An error that ended a run: of an interrupting operation, or of the one that a thread ran itself. */
export interface RunError {
  readonly error: unknown;
  readonly injected: boolean;
  readonly operation: TraceOperation;
}

/** Runs schedules of one program; the fields tell of the last one. */
export class ScheduleRun {
  readonly steps: Step[] = [];
  readonly decisions: Decision[] = [];
  /** What the threads did wrong; nothing of the set-up. */
  hazards: readonly Hazard[] = [];
  error: RunError | undefined;
  /** True: an interrupting operation waited for a lock in a way that no trace can say; it is no schedule. */
  discarded = false;
  /** True: ended where another schedule came by. */
  merged = false;
  /** True: more preemptions would have been possible. */
  bounded = false;
  left: Left | undefined;
  /** Answers by thread and operation. */
  answers: string[][] = [];
  /** What the threads and the end of the program have read in pages. */
  readonly reads: Read[] = [];
  /** Attribute values when all is done. */
  attributes = '';
  readonly #program: ExploreProgram;
  readonly #options: ReturnType<typeof machineOptions>;
  readonly #epilogue: readonly TraceOperation[];
  readonly #preemptions: number;
  /** Some operation has failures of the driver: then each is carried out with its own, or none. */
  readonly #hasFailures: boolean;
  readonly #isKnown: StateFilter | undefined;
  // Of the run at hand.
  #machine!: EmulatedMachine;
  #monitor!: HazardMonitor;
  #subjects: TraceSubject[] = [];
  #prefix: ArrayLike<number> = [];
  #next: number[] = [];
  /** Threads that a choice is among; one list for all, made again at each. */
  readonly #able: number[] = [];
  #main = 0;
  /** What the others come in at. */
  #interrupted: TraceOperation | undefined;
  #used = 0;
  #seenHazards = 0;
  /** Passed last by the operation at hand. */
  #lastPoint: PreemptionPoint | 'begin' = 'begin';

  /** `preemptions`: how many are allowed; `isKnown` is asked between operations, once the decisions are used up. */
  constructor(program: ExploreProgram, preemptions: number, isKnown?: StateFilter) {
    this.#program = program;
    this.#options = checkedOptions(machineOptions(program.config));
    this.#epilogue = epilogue(program).map(parseOperation);
    this.#preemptions = preemptions;
    this.#hasFailures = [program.setup, ...program.threads, program.end].some((list) =>
      list.some(({ operation }) => operation.fail !== undefined),
    );
    this.#isKnown = isKnown;
  }

  /** Runs the schedule that `prefix` decides, and the first choice wherever it has ended. */
  run(prefix: ArrayLike<number>): void {
    this.#begin(prefix);
    const { setup, end } = this.#program;
    let number = 2;
    for (const { operation } of setup) {
      this.#monitor.operation = number++;
      this.#perform(operation);
    }
    const setUpHazards = this.#monitor.hazards.length;
    this.#seenHazards = setUpHazards;
    const stop = this.#machine.scope.addHook((point, pass) => this.#onPoint(point, pass));
    while (this.error === undefined && !this.discarded) {
      const ready = this.#remaining();
      if (ready.length === 0) break;
      if (this.#meetsKnownState(ready.length)) break;
      const thread = ready.length === 1 ? ready[0]! : ready[this.#decide(ready.length, false)]!;
      this.#monitor.operation = number++;
      this.#step(thread);
    }
    stop();
    let kept = Number.POSITIVE_INFINITY;
    if (this.error === undefined && !this.discarded && !this.merged) {
      for (const [index, { operation }] of end.entries()) {
        this.#monitor.operation = number++;
        this.#finish(operation, index);
      }
      this.attributes = attributeValues(this.#subjects);
      for (const operation of this.#epilogue) {
        // What the end of the context leaves is asked for, not what the driver has to ignore in it (Q11).
        if (operation.name === 'fini' && kept === Number.POSITIVE_INFINITY) kept = this.#monitor.hazards.length;
        this.#monitor.operation = number++;
        this.#finish(operation);
      }
    }
    this.hazards = this.#monitor.hazards.slice(setUpHazards, kept).filter(({ severity }) => severity !== 'notice');
  }

  #begin(prefix: ArrayLike<number>): void {
    const { threads, config } = this.#program;
    this.steps.length = 0;
    this.decisions.length = 0;
    this.reads.length = 0;
    this.error = undefined;
    this.discarded = false;
    this.merged = false;
    this.bounded = false;
    this.left = undefined;
    this.attributes = '';
    this.answers = threads.map(() => []);
    this.#prefix = prefix;
    this.#next = threads.map(() => 0);
    this.#used = 0;
    const machine = new EmulatedMachine(this.#options);
    this.#machine = machine;
    this.#monitor = machine.watchHazards();
    this.#monitor.operation = 1;
    this.#subjects = machine.devices.map((device) => ({
      machine,
      device,
      file: device.openFile({ compute: !config.lazy }),
    }));
    if (this.#hasFailures) this.#keepFailuresApart();
  }

  /** A sleeper that goes on in the middle of another operation does not meet the failures of that one. */
  #keepFailuresApart(): void {
    const { scope } = this.#machine;
    let restore: (() => void) | undefined;
    scope.addObserver({
      nestedBegin: () => undefined,
      nestedEnd: () => undefined,
      resumeBegin: () => (restore = planFailures(this.#machine, null)),
      resumeEnd: () => restore?.(),
      ended: () => undefined,
    });
  }

  #remaining(): readonly number[] {
    const ready = this.#able;
    ready.length = 0;
    for (let thread = 0; thread < this.#next.length; thread++)
      if (this.#next[thread]! < this.#program.threads[thread]!.length) ready.push(thread);
    return ready;
  }

  /** The choice of `options` ones: as the prefix says, the first one after its end. */
  #decide(options: number, costs: boolean): number {
    const taken = this.decisions.length < this.#prefix.length ? this.#prefix[this.decisions.length]! : 0;
    this.decisions.push({ options, taken, costs });
    return taken;
  }

  #meetsKnownState(ready: number): boolean {
    if (this.#isKnown === undefined || ready < 2 || this.steps.length === 0) return false;
    if (this.decisions.length < this.#prefix.length) return false;
    // Hazards that were met belong to the past that has to be the same.
    const hazards = this.#monitor.hazards.slice(this.#seenHazards).map(({ quirk }) => quirk);
    const past = `${this.#next.join()}|${JSON.stringify(this.answers)}|${[...new Set(hazards)].sort().join()}`;
    this.merged = this.#isKnown(`${past}|${stateKey(this.#subjects)}`);
    return this.merged;
  }

  /** The next operation of a thread, with what the decisions let in. */
  #step(thread: number): void {
    const { operation, index } = this.#take(thread);
    this.#main = thread;
    this.#interrupted = operation;
    this.#lastPoint = 'begin';
    this.steps.push({ thread, injections: [] });
    try {
      const answer = this.#machine.scope.run(() => this.#perform(operation));
      this.#noteAnswer(thread, index, operation, answer);
    } catch (error) {
      // Errors of interrupting operations have been noted where they came.
      if (this.error === undefined && !this.discarded) this.error = { error, injected: false, operation };
    }
  }

  #noteAnswer(thread: number, index: number, operation: TraceOperation, answer: BareAnswer): void {
    this.answers[thread]![index] = answerText(operation, answer);
    this.#noteLeft(answer);
    if ('vals' in answer) this.reads.push(...readsOf(operation, answer as TraceAnswer, thread, index));
  }

  #take(thread: number): { operation: TraceOperation; index: number } {
    const index = this.#next[thread]!++;
    return { operation: this.#program.threads[thread]![index]!.operation, index };
  }

  readonly #onPoint = (point: PreemptionPoint, pass: number): void => {
    if (this.error !== undefined || this.discarded) return;
    const isSamePlace = SAME_PLACE[point] === this.#lastPoint;
    this.#lastPoint = point;
    if (isSamePlace) return;
    const isExhausted = this.#used === this.#preemptions;
    if (isExhausted && this.bounded) return;
    const { injections } = this.steps[this.steps.length - 1]!;
    let opened = false;
    while (this.#machine.scope.sleepers === 0) {
      const able = this.#interrupting();
      if (able.length === 0) return;
      if (!opened && isExhausted) {
        this.bounded = true;
        return;
      }
      const choice = this.#decide(able.length + 1, !opened);
      if (choice === 0) return;
      if (!opened) this.#used++;
      opened = true;
      const thread = able[choice - 1]!;
      injections.push({ at: point, nth: pass, thread });
      if (!this.#inject(thread)) return;
    }
  };

  /** Other threads whose next operation would not have to wait for a lock that is held. */
  #interrupting(): readonly number[] {
    const able = this.#able;
    able.length = 0;
    for (let thread = 0; thread < this.#next.length; thread++) {
      if (thread === this.#main) continue;
      const next = this.#program.threads[thread]![this.#next[thread]!];
      if (next === undefined || excludesEnd(this.#interrupted!, next.operation, this.#program.config.profile)) continue;
      if (this.#needsNoHeldLock(next.operation)) able.push(thread);
    }
    return able;
  }

  #needsNoHeldLock(operation: TraceOperation): boolean {
    // No process can exit where one of its threads holds the mmap lock.
    if (operation.name === 'mmexit') return !this.#machine.process.space.mmapLock.held;
    return !meetsHeldLock(operation, this.#subjectOf(operation));
  }

  /** Runs the next operation of a thread in the middle of another one; false if the schedule ends with it. */
  #inject(thread: number): boolean {
    const { operation, index } = this.#take(thread);
    this.answers[thread]![index] = '?';
    try {
      const answer = this.#perform(operation, (late) => this.#noteAnswer(thread, index, operation, late));
      if (answer.ret !== ASLEEP) this.#noteAnswer(thread, index, operation, answer);
      return true;
    } catch (error) {
      // A call of the driver that finds a lock held waits for it, where it does not sleep by itself; what the mm does
      // may wait for no lock of the driver.
      const waits = error instanceof LockAssertionError && isDriverCall(operation) && !sleepsByItself(operation);
      if (waits) this.discarded = true;
      else this.error = { error, injected: true, operation };
      return false;
    }
  }

  /** `index`: which of the program's end it is. */
  #finish(operation: TraceOperation, index?: number): void {
    if (this.error !== undefined) return;
    try {
      const answer = this.#perform(operation);
      if (index !== undefined && 'vals' in answer)
        this.reads.push(...readsOf(operation, answer as TraceAnswer, undefined, index));
      this.#noteLeft(answer);
    } catch (error) {
      this.error = { error, injected: false, operation };
    }
  }

  /** Of several contexts, the most that one of them has left. */
  #noteLeft({ left }: BareAnswer & { readonly left?: Left }): void {
    if (left === undefined) return;
    const { ranges, attrs, dmaPages } = this.left ?? left;
    this.left = {
      ranges: Math.max(ranges, left.ranges),
      attrs: Math.max(attrs, left.attrs),
      dmaPages: Math.max(dmaPages, left.dmaPages),
    };
  }

  #subjectOf({ gpu }: TraceOperation): TraceSubject {
    const subject = this.#subjects[gpu];
    if (subject === undefined)
      throw rangeError('ERR_SVM_OUT_OF_RANGE', `gpu: expected 0 to ${this.#subjects.length - 1}, got ${gpu}`);
    return subject;
  }

  #perform(operation: TraceOperation, wake?: (answer: BareAnswer) => void): BareAnswer {
    if (!this.#hasFailures) return this.#carryOut(operation, wake);
    const restore = planFailures(this.#machine, operation.fail === undefined ? null : plannedFailures(operation.fail));
    try {
      return this.#carryOut(operation, wake);
    } finally {
      // What the operation did not come to is over with it.
      restore();
    }
  }

  #carryOut(operation: TraceOperation, wake?: (answer: BareAnswer) => void): BareAnswer {
    return descriptorOf(operation.name).perform(this.#subjectOf(operation), operation, wake);
  }
}

/** Whether the operation would have gone to sleep if it could: the lock that it takes instead is held by the thread below. */
function sleepsByItself({ name }: TraceOperation): boolean {
  return descriptorOf(name).needs === 'svm-lock-asleep';
}

/** Whether the operation enters the driver by itself, and not by an event of the mm. */
function isDriverCall({ name }: TraceOperation): boolean {
  return descriptorOf(name).needs !== 'mmap-lock' && name !== 'dontneed' && name !== 'touch' && name !== 'mmexit';
}
