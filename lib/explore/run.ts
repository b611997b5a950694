/** One schedule of a program on a fresh machine: where there is a choice, a list of decisions makes it. */
import { rangeError } from '../uapi/errors.ts';
import { checkedOptions, EmulatedMachine, LockAssertionError } from '../../emulator/index.ts';
import type { Hazard, HazardMonitor, PreemptionPoint } from '../../emulator/index.ts';
import { machineOptions } from '../trace/format/config.ts';
import { UAPI_PROFILES } from '../uapi/profile.ts';
import { planFailures, plannedFailures } from '../trace/format/failures.ts';
import type { BareAnswer, TraceSubject } from '../trace/operations/descriptor.ts';
import { meetsHeldLock } from '../trace/operations/held-locks.ts';
import type { TraceAnswer, TraceOperation } from '../trace/operations/index.ts';
import { parseOperation } from '../trace/operations/parse.ts';
import { answerText } from './answers.ts';
import { AttributeValues } from './attribute-values.ts';
import { excludesEnd } from './context-end.ts';
import { Decisions } from './decisions.ts';
import type { Prefix } from './decisions.ts';
import { isDriverCall, planOperation, sleepsByItself } from './planned.ts';
import type { PlannedOperation } from './planned.ts';
import type { ExploreProgram } from './program.ts';
import { readsOf } from './reads.ts';
import type { Read } from './reads.ts';
import { epilogue } from './schedule.ts';
import type { Injection, Step } from './schedule.ts';
import { stateKey } from './state.ts';

/** No errno: the operation sleeps and answers later. */
const ASLEEP = 1;

/** Whether a point is one place with the one passed before it (spec/trace-format §10): who comes in, comes in at that. */
function isSamePlace(point: PreemptionPoint, before: PreemptionPoint | 'begin'): boolean {
  return (before === 'attr-edited' && point === 'tree-unlock') || (before === 'vma-checked' && point === 'mmap-unlock');
}

/** Of most steps. */
const NO_INJECTIONS: readonly Injection[] = [];

/** What the end of a context leaves allocated. */
interface Left {
  readonly ranges: number;
  readonly attrs: number;
  readonly dmaPages: number;
}

/** Says whether a run may end here, since the same state with the same past answers was met before. */
export type StateFilter = (key: string) => boolean;

/** An error that ended a run: of an interrupting operation, or of the one that a thread ran itself. */
export interface RunError {
  readonly error: unknown;
  readonly injected: boolean;
  readonly operation: TraceOperation;
}

/** Runs schedules of one program; the fields tell of the last one. */
export class ScheduleRun {
  steps: Step[] = [];
  readonly decisions = new Decisions();
  /** What the threads did wrong; nothing of the set-up. */
  hazards: readonly Hazard[] = [];
  error: RunError | undefined;
  /** True: an interrupting operation waited for a lock in a way that no trace can say; it is no schedule. */
  discarded = false;
  /** True: ended where another schedule came by. */
  merged = false;
  /** True: more preemptions would have been possible, in this run or an earlier one. */
  bounded = false;
  left: Left | undefined;
  /** Answers by thread and operation. */
  answers: string[][] = [];
  /** What the threads and the end of the program have read in pages. */
  reads: Read[] = [];
  /** Attribute values when all is done. */
  attributes = '';
  readonly #program: ExploreProgram;
  readonly #options: ReturnType<typeof machineOptions>;
  readonly #setup: readonly PlannedOperation[];
  readonly #threads: readonly (readonly PlannedOperation[])[];
  readonly #end: readonly PlannedOperation[];
  readonly #epilogue: readonly PlannedOperation[];
  readonly #endWaitsForFaults: boolean;
  readonly #attributeValues = new AttributeValues();
  readonly #preemptions: number;
  /** Some operation has failures of the driver: then each is carried out with its own, or none. */
  readonly #hasFailures: boolean;
  readonly #isKnown: StateFilter | undefined;
  // Of the run at hand.
  #machine!: EmulatedMachine;
  /** That of the run before: its storage goes to the next one. */
  #previous: EmulatedMachine | undefined;
  #monitor!: HazardMonitor;
  #subjects: TraceSubject[] = [];
  #next: number[] = [];
  /** Threads that a choice is among, and how many: one list for all, which is not emptied, or it would grow again each time. */
  readonly #able: number[] = [];
  #ables = 0;
  #main = 0;
  /** What the others come in at. */
  #interrupted!: PlannedOperation;
  /** No hook is left at the points: none of them would let anybody in. */
  #stopHook!: () => void;
  #used = 0;
  #seenHazards = 0;
  /** Passed last by the operation at hand. */
  #lastPoint: PreemptionPoint | 'begin' = 'begin';

  /** `preemptions`: how many are allowed; `isKnown` is asked between operations, once the decisions are used up. */
  constructor(program: ExploreProgram, preemptions: number, isKnown?: StateFilter) {
    this.#program = program;
    this.#options = checkedOptions(machineOptions(program.config));
    const plan = ({ operation }: { readonly operation: TraceOperation }): PlannedOperation => planOperation(operation);
    this.#setup = program.setup.map(plan);
    this.#threads = program.threads.map((thread) => thread.map(plan));
    this.#end = program.end.map(plan);
    this.#epilogue = epilogue(program).map((each) => planOperation(parseOperation(each)));
    this.#endWaitsForFaults = UAPI_PROFILES[program.config.profile].behaviour.endWaitsForFaults;
    this.#preemptions = preemptions;
    this.#hasFailures = [program.setup, ...program.threads, program.end].some((list) =>
      list.some(({ operation }) => operation.fail !== undefined),
    );
    this.#isKnown = isKnown;
  }

  /** Runs the schedule that `prefix` decides, and the first choice wherever it has ended. */
  run(prefix: Prefix): void {
    this.#begin(prefix);
    let number = 2;
    for (const planned of this.#setup) {
      this.#monitor.operation = number++;
      this.#perform(planned);
    }
    const setUpHazards = this.#monitor.hazards.length;
    this.#seenHazards = setUpHazards;
    this.#stopHook = this.#machine.scope.addHook(this.#onPoint);
    while (this.error === undefined && !this.discarded) {
      const ready = this.#remaining();
      if (ready === 0) break;
      if (this.#meetsKnownState(ready)) break;
      const thread = this.#able[ready === 1 ? 0 : this.decisions.decide(ready, false)]!;
      this.#monitor.operation = number++;
      this.#step(thread);
    }
    this.#stopHook();
    let kept = Number.POSITIVE_INFINITY;
    if (this.error === undefined && !this.discarded && !this.merged) {
      for (let index = 0; index < this.#end.length; index++) {
        this.#monitor.operation = number++;
        this.#finish(this.#end[index]!, index);
      }
      this.attributes = this.#attributeValues.textOf(this.#subjects);
      for (const planned of this.#epilogue) {
        // What the end of the context leaves is asked for, not what the driver has to ignore in it (Q11).
        if (planned.enters === 'end' && kept === Number.POSITIVE_INFINITY) kept = this.#monitor.hazards.length;
        this.#monitor.operation = number++;
        this.#finish(planned);
      }
    }
    this.hazards = this.#monitor.hazards.slice(setUpHazards, kept).filter(({ severity }) => severity !== 'notice');
  }

  #begin(prefix: Prefix): void {
    this.decisions.begin(prefix);
    this.steps = [];
    this.reads = [];
    this.error = undefined;
    this.discarded = false;
    this.merged = false;
    this.left = undefined;
    this.attributes = '';
    this.answers = [];
    for (let thread = 0; thread < this.#threads.length; thread++) {
      this.answers.push([]);
      this.#next[thread] = 0;
    }
    this.#used = 0;
    const machine = new EmulatedMachine(this.#options, this.#previous);
    this.#machine = machine;
    this.#previous = machine;
    this.#monitor = machine.watchHazards({ history: false });
    this.#monitor.operation = 1;
    const compute = !this.#program.config.lazy;
    this.#subjects = machine.devices.map((device) => ({ machine, device, file: device.openFile({ compute }) }));
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

  /** Finds the threads that have not ended; returns how many. */
  #remaining(): number {
    this.#ables = 0;
    for (let thread = 0; thread < this.#threads.length; thread++)
      if (this.#next[thread]! < this.#threads[thread]!.length) this.#able[this.#ables++] = thread;
    return this.#ables;
  }

  #meetsKnownState(ready: number): boolean {
    if (this.#isKnown === undefined || ready < 2 || this.steps.length === 0) return false;
    if (!this.decisions.prefixIsOver) return false;
    // Hazards that were met belong to the past that has to be the same.
    const hazards = this.#monitor.hazards.slice(this.#seenHazards).map(({ quirk }) => quirk);
    const past = `${this.#next.join()}|${JSON.stringify(this.answers)}|${[...new Set(hazards)].sort().join()}`;
    this.merged = this.#isKnown(`${past}|${stateKey(this.#subjects)}`);
    return this.merged;
  }

  /** The next operation of a thread, with what the decisions let in. */
  #step(thread: number): void {
    const index = this.#next[thread]!++;
    const planned = this.#threads[thread]![index]!;
    this.#main = thread;
    this.#interrupted = planned;
    this.#lastPoint = 'begin';
    this.steps.push({ thread, injections: NO_INJECTIONS });
    try {
      const answer = this.#machine.scope.run(this.#performInterrupted);
      this.#noteAnswer(thread, index, planned.operation, answer);
    } catch (error) {
      // Errors of interrupting operations have been noted where they came.
      if (this.error === undefined && !this.discarded)
        this.error = { error, injected: false, operation: planned.operation };
    }
  }

  readonly #performInterrupted = (): BareAnswer => this.#perform(this.#interrupted);

  #noteAnswer(thread: number, index: number, operation: TraceOperation, answer: BareAnswer): void {
    this.answers[thread]![index] = answerText(operation, answer);
    this.#noteLeft(answer);
    if ('vals' in answer) this.reads.push(...readsOf(operation, answer as TraceAnswer, thread, index));
  }

  readonly #onPoint = (point: PreemptionPoint, pass: number): void => {
    if (this.error !== undefined || this.discarded) return;
    const before = this.#lastPoint;
    this.#lastPoint = point;
    if (isSamePlace(point, before)) return;
    const isExhausted = this.#used === this.#preemptions;
    if (isExhausted && this.bounded) {
      this.#stopHook();
      return;
    }
    let opened = false;
    while (this.#machine.scope.sleepers === 0) {
      const able = this.#interrupting();
      if (able === 0) return;
      if (!opened && isExhausted) {
        this.bounded = true;
        return;
      }
      const choice = this.decisions.decide(able + 1, !opened);
      if (choice === 0) return;
      if (!opened) this.#used++;
      opened = true;
      const thread = this.#able[choice - 1]!;
      const step = this.steps[this.steps.length - 1]!;
      this.steps[this.steps.length - 1] = {
        thread: step.thread,
        injections: [...step.injections, { at: point, nth: pass, thread }],
      };
      if (!this.#inject(thread)) return;
    }
  };

  /** Finds other threads whose next operation would not have to wait for a lock that is held; returns how many. */
  #interrupting(): number {
    this.#ables = 0;
    let isAlone = true;
    for (let thread = 0; thread < this.#threads.length; thread++) {
      if (thread === this.#main) continue;
      const next = this.#threads[thread]![this.#next[thread]!];
      if (next === undefined) continue;
      isAlone = false;
      if (excludesEnd(this.#interrupted, next, this.#endWaitsForFaults)) continue;
      if (this.#needsNoHeldLock(next)) this.#able[this.#ables++] = thread;
    }
    // The others have ended.
    if (isAlone) this.#stopHook();
    return this.#ables;
  }

  #needsNoHeldLock(planned: PlannedOperation): boolean {
    // No process can exit where one of its threads holds the mmap lock.
    if (planned.operation.name === 'mmexit') return !this.#machine.process.space.mmapLock.held;
    return !meetsHeldLock(planned, this.#subjectOf(planned));
  }

  /** Runs the next operation of a thread in the middle of another one; false if the schedule ends with it. */
  #inject(thread: number): boolean {
    const index = this.#next[thread]!++;
    const planned = this.#threads[thread]![index]!;
    const { operation } = planned;
    this.answers[thread]![index] = '?';
    try {
      const answer = this.#perform(planned, (late) => this.#noteAnswer(thread, index, operation, late));
      if (answer.ret !== ASLEEP) this.#noteAnswer(thread, index, operation, answer);
      return true;
    } catch (error) {
      // A call of the driver that finds a lock held waits for it, where it does not sleep by itself; what the mm does
      // may wait for no lock of the driver.
      const waits = error instanceof LockAssertionError && isDriverCall(planned) && !sleepsByItself(planned);
      if (waits) this.discarded = true;
      else this.error = { error, injected: true, operation };
      return false;
    }
  }

  /** `index`: which of the program's end it is. */
  #finish(planned: PlannedOperation, index?: number): void {
    if (this.error !== undefined) return;
    const { operation } = planned;
    try {
      const answer = this.#perform(planned);
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

  #subjectOf({ gpu }: PlannedOperation): TraceSubject {
    const subject = this.#subjects[gpu];
    if (subject === undefined)
      throw rangeError('ERR_SVM_OUT_OF_RANGE', `gpu: expected 0 to ${this.#subjects.length - 1}, got ${gpu}`);
    return subject;
  }

  #perform(planned: PlannedOperation, wake?: (answer: BareAnswer) => void): BareAnswer {
    const { operation, perform } = planned;
    const subject = this.#subjectOf(planned);
    if (!this.#hasFailures) return perform(subject, operation, wake);
    const restore = planFailures(this.#machine, operation.fail === undefined ? null : plannedFailures(operation.fail));
    try {
      return perform(subject, operation, wake);
    } finally {
      // What the operation did not come to is over with it.
      restore();
    }
  }
}
