/** What other threads do at the preemption points of one operation (spec/trace-format §8). */
import type { EmulatedMachine, PreemptionPoint } from '../../../emulator/index.ts';
import type { EffectRecorder } from '../effects/recorder.ts';
import { planFailures, plannedFailures } from '../format/failures.ts';
import { meetsHeldLock } from '../operations/held-locks.ts';
import { descriptorOf } from '../operations/index.ts';
import type { InjectedAnswer, TraceAnswer, TraceInjection, TraceOperation } from '../operations/index.ts';
import type { TraceSubject } from '../operations/descriptor.ts';

/** No errno: the operation sleeps and answers later. */
const ASLEEP = 1;

/** How the runner carries an operation out; `wake` gets the answer of one that sleeps first. */
export type Perform = (operation: TraceOperation, wake?: (answer: TraceAnswer) => void) => TraceAnswer;

/** What injected operations run on. */
interface Stage {
  readonly machine: EmulatedMachine;
  readonly effects: EffectRecorder;
  subjectOf(operation: TraceOperation): TraceSubject;
}

/** The injected operations of one operation. */
export class Injections {
  readonly #entries: readonly TraceInjection[];
  readonly #answers: InjectedAnswer[];
  readonly #stage: Stage;
  readonly #perform: Perform;
  #running = false;

  constructor(entries: readonly TraceInjection[], stage: Stage, perform: Perform) {
    this.#entries = entries;
    this.#stage = stage;
    this.#perform = perform;
    this.#answers = entries.map((entry) => ({ at: entry.at, op: entry.operation.name, fired: false }));
  }

  /** Begins to listen at the preemption points; the returned function ends it. */
  start(): () => void {
    const { machine, effects } = this.#stage;
    let restore: (() => void) | undefined;
    const stop = machine.scope.addHook((point, pass) => this.#onPoint(point, pass));
    const unobserve = machine.scope.addObserver({
      // Marked where the injection is made: one that is refused at once shows too.
      nestedBegin: () => undefined,
      nestedEnd: () => undefined,
      resumeBegin: () => {
        // No other operation meets the failures of the interrupted one.
        restore = planFailures(machine, null);
        effects.mark('inject', '(resumed)');
      },
      resumeEnd: () => {
        effects.mark('inject-end');
        restore?.();
      },
    });
    return () => {
      stop();
      unobserve();
    };
  }

  answers(): readonly InjectedAnswer[] {
    return this.#answers;
  }

  #onPoint(point: PreemptionPoint, pass: number): void {
    const entries = this.#entries;
    for (let index = 0; index < entries.length; index++) {
      const entry = entries[index]!;
      if (entry.at === point && entry.nth === pass) this.#answers[index] = this.#inject(entry, index);
    }
  }

  #inject(entry: TraceInjection, index: number): InjectedAnswer {
    const { at, operation } = entry;
    const { machine, effects } = this.#stage;
    const head = { at, op: operation.name };
    if (this.#blocks(operation)) {
      effects.aboutFirst();
      return { ...head, blocked: true };
    }
    effects.mark('inject', at);
    this.#running = true;
    const restore = planFailures(machine, operation.fail === undefined ? null : plannedFailures(operation.fail));
    let answer: TraceAnswer;
    try {
      answer = this.#perform(operation, (late) => {
        this.#answers[index] = { ...head, slept: true, ...late };
      });
    } finally {
      this.#running = false;
      restore();
      effects.mark('inject-end');
    }
    return answer.ret === ASLEEP ? { ...head, slept: true } : { ...head, ...answer };
  }

  /** Whether the operation would need a lock that is held, or a second thread runs or sleeps already. */
  #blocks(operation: TraceOperation): boolean {
    const { machine } = this.#stage;
    if (this.#running || machine.scope.sleepers > 0 || operation.name === 'config') return true;
    return meetsHeldLock(descriptorOf(operation.name), this.#stage.subjectOf(operation));
  }
}
