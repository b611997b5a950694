/** Operations on an emulated device as lines of a trace, while they happen. Free of Node imports. */
import { PREEMPTION_POINTS } from '../../emulator/index.ts';
import type {
  EmulatedDevice,
  EmulatedFile,
  EmulatedMachine,
  JournalEntry,
  PreemptionPoint,
} from '../../emulator/index.ts';
import { codedError } from '../uapi/errors.ts';
import type { TraceAnswer } from './answer.ts';
import { configOfMachine } from './config.ts';
import { EffectRecorder } from './effect-recorder.ts';
import { presentMappings } from './initial-state.ts';
import { answerOfEntry, operationOfEntry } from './journal-lines.ts';
import type { OperationObject } from './journal-lines.ts';

/** Result of an operation that sleeps (emulator, `complete` of a journal). */
const SLEEPING = 1;

interface NestedOperation {
  readonly entry: JournalEntry;
  readonly injection: { readonly at: PreemptionPoint; readonly nth: number; readonly do: OperationObject };
  answer: TraceAnswer;
}

/** Turns what happens on one emulated file and in the process it mirrors into lines of a trace. */
export class EmulatedSession {
  readonly #machine: EmulatedMachine;
  readonly #file: EmulatedFile;
  readonly #write: (operation: OperationObject, answer: TraceAnswer) => void;
  readonly #stops: (() => void)[] = [];
  #effects!: EffectRecorder;
  #nested: NestedOperation[] = [];
  #point: PreemptionPoint = PREEMPTION_POINTS[0];
  #pass = 0;

  constructor(
    machine: EmulatedMachine,
    file: EmulatedFile,
    write: (operation: OperationObject, answer: TraceAnswer) => void,
  ) {
    this.#machine = machine;
    this.#file = file;
    this.#write = write;
  }

  /** Begins with the configuration and what is mapped already; from then on each operation is written when it ends. */
  begin(device: EmulatedDevice): void {
    const { gpu } = device;
    const effects = new EffectRecorder((index) => gpu.pteFlags.value(index));
    this.#effects = effects;
    const lazy = this.#file.context === null && this.#file.computeResult === 0;
    this.#write(
      { config: configOfMachine(this.#machine.options, lazy) },
      { ret: this.#file.computeResult, pasid: '0x8001', xnack: this.#file.context !== null, fx: [] },
    );
    // What was mapped before belongs to the story: the replay has to find it.
    for (const { operation, answer } of presentMappings(this.#machine)) this.#write(operation, { ...answer, fx: [] });
    this.#stops.push(
      this.#file.effects.add(effects),
      this.#machine.addJournal({
        record: (entry) => this.#record(entry),
        complete: (slept, ended) => this.#complete(slept, ended),
      }),
      this.#machine.scope.addObserver({
        nestedBegin: (point, pass) => {
          this.#point = point;
          this.#pass = pass;
          effects.mark('inject', point);
        },
        nestedEnd: () => effects.mark('inject-end'),
        resumeBegin: () => effects.mark('inject', '(resumed)'),
        resumeEnd: () => effects.mark('inject-end'),
      }),
    );
  }

  /** Nothing is written any more. */
  end(): void {
    for (const stop of this.#stops) stop();
  }

  #complete(slept: JournalEntry, ended: JournalEntry): void {
    const nested = this.#nested.find(({ entry }) => entry === slept);
    if (nested !== undefined) nested.answer = { slept: true, ...answerOfEntry(ended) };
  }

  #record(entry: JournalEntry): void {
    if ('file' in entry && entry.file !== this.#file) return;
    const operation = operationOfEntry(entry);
    const answer = answerOfEntry(entry);
    if (this.#machine.scope.active) {
      // The format knows one second thread at a time; what it can't say must not be lost silently.
      if (this.#nested.some((nested) => nested.answer['ret'] === SLEEPING)) {
        throw codedError(
          'ERR_SVM_RECORD',
          'record: an operation at a preemption point while another one sleeps can not be recorded',
        );
      }
      this.#nested.push({ entry, injection: { at: this.#point, nth: this.#pass, do: operation }, answer });
      return;
    }
    const fx = this.#effects.take();
    const nested = this.#nested;
    this.#nested = [];
    if (nested.length === 0) {
      this.#write(operation, { ...answer, fx });
      return;
    }
    const [name] = Object.keys(operation) as [string];
    this.#write(
      { [name]: { ...operation[name], inject: nested.map(({ injection }) => injection) } },
      {
        ...answer,
        inj: nested.map(({ injection, answer: nestedAnswer }) => ({
          at: injection.at,
          op: Object.keys(injection.do)[0],
          ...nestedAnswer,
        })),
        fx,
      },
    );
  }
}
