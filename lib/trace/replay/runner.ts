/** Runs the operations of a trace on an emulated machine (spec/trace-format §3, §8). */
import { EmulatedMachine, NotModelledError } from '../../../emulator/index.ts';
import type { EmulatedFile } from '../../../emulator/index.ts';
import { EffectRecorder } from '../effects/recorder.ts';
import type { TraceEffect } from '../effects/form.ts';
import type { RecordedAnswer } from '../format/answer-text.ts';
import { DEFAULT_CONFIG, machineOptions, MOST_PAGES } from '../format/config.ts';
import type { TraceConfig } from '../format/config.ts';
import { planFailures, plannedFailures } from '../format/failures.ts';
import { hex } from '../format/hex.ts';
import { TraceFormatError } from '../format/fields.ts';
import type { BareAnswer, TraceSubject } from '../operations/descriptor.ts';
import { descriptorOf } from '../operations/index.ts';
import { devmemAnswer } from '../operations/state.ts';
import type { TraceAnswer, TraceInjection, TraceOperation } from '../operations/index.ts';
import type { ConfigAnswer } from '../operations/state.ts';
import { Injections } from './injections.ts';

/** One machine that executes operations one after the other. */
export class TraceRunner {
  #machine!: EmulatedMachine;
  // By number of the GPU.
  #subjects: readonly TraceSubject[] = [];
  #effects!: EffectRecorder;
  readonly #prepare: ((machine: EmulatedMachine) => void) | undefined;

  readonly #repairs: 'all' | readonly string[] | undefined;

  /**
   * `prepare` sees the machine when it is made, before its files are opened; `repairs`: those of its driver, whatever
   * the configuration says.
   */
  constructor(prepare?: (machine: EmulatedMachine) => void, repairs?: 'all' | readonly string[]) {
    this.#prepare = prepare;
    this.#repairs = repairs;
  }

  /** The machine that the operations run on. */
  get machine(): EmulatedMachine {
    this.#needsMachine();
    return this.#machine;
  }

  /** The open file that the operations on GPU 0 go to. */
  get file(): EmulatedFile {
    return this.subject(0).file;
  }

  /** When the effects of the last answer were told, in ns; empty where nothing takes time. */
  get effectTimes(): readonly number[] {
    return this.#effects.times;
  }

  /** GPUs of the machine. */
  get gpus(): number {
    this.#needsMachine();
    return this.#subjects.length;
  }

  /** What the operations on a GPU run on; throws TraceFormatError for one that the machine does not have. */
  subject(gpu: number): TraceSubject {
    this.#needsMachine();
    const subject = this.#subjects[gpu];
    if (subject !== undefined) return subject;
    const most = this.#subjects.length - 1;
    throw new TraceFormatError(
      `gpu: expected ${most === 0 ? '0, the only one' : `0 to ${most}`} of the configuration, got ${gpu}`,
    );
  }

  /** Executes one operation and returns its whole answer, effects included. */
  execute(operation: TraceOperation): TraceAnswer {
    return this.executeUnlessSame(operation)!;
  }

  /** Executes one operation; returns undefined if its answer is the recorded one, word for word, else its whole answer. */
  executeUnlessSame(operation: TraceOperation, recorded?: RecordedAnswer): TraceAnswer | undefined {
    if (operation.name === 'config') return this.#start(operation.config);
    this.#needsMachine();
    if (operation.fail === undefined) return this.#run(operation, recorded);
    const restore = planFailures(this.#machine, plannedFailures(operation.fail));
    try {
      return this.#run(operation, recorded);
    } finally {
      // What the operation did not come to is over with it.
      restore();
    }
  }

  #run(operation: TraceOperation, recorded: RecordedAnswer | undefined): TraceAnswer | undefined {
    const { inject } = operation;
    if (inject !== undefined && inject.length > 0)
      return this.#complete(this.#runInjected(operation, inject), recorded);
    const { write } = descriptorOf(operation.name);
    if (write !== undefined && recorded !== undefined) {
      const subject = this.subject(operation.gpu);
      if (this.#effects.takeIfWritten((output) => write(output, subject), recorded)) return undefined;
    }
    return this.#complete(this.#within(this.#perform(operation)), recorded);
  }

  /** The answer with its effects, or undefined if it is the recorded one. */
  #complete(answer: TraceAnswer, recorded: RecordedAnswer | undefined): TraceAnswer | undefined {
    if (recorded !== undefined && this.#effects.takeIfSame(answer, recorded)) return undefined;
    return withEffects(answer, this.#effects.take());
  }

  #runInjected(operation: TraceOperation, injections: readonly TraceInjection[]): TraceAnswer {
    const stage = {
      machine: this.#machine,
      effects: this.#effects,
      subjectOf: ({ gpu }: TraceOperation) => this.subject(gpu),
    };
    const inject = new Injections(injections, stage, (nested, wake) => this.#perform(nested, wake));
    const stop = inject.start();
    let answer: TraceAnswer;
    try {
      // The scope makes one operation of it, so that sleeping calls go on before the answer is complete.
      answer = this.#machine.scope.run(() => this.#perform(operation));
    } finally {
      stop();
    }
    return { ...this.#within(answer), inj: inject.answers() };
  }

  /** The answer of a machine whose memory has ended is not one that a recording could have. */
  #within(answer: TraceAnswer): TraceAnswer {
    if (this.#machine.pageLimitReached)
      throw new NotModelledError(`more than ${MOST_PAGES} pages in the page tables of a trace`);
    return answer;
  }

  #needsMachine(): void {
    if (this.#subjects.length === 0) this.#start(DEFAULT_CONFIG);
  }

  #start(config: TraceConfig): TraceAnswer {
    const repairs = this.#repairs === undefined ? {} : { repairs: this.#repairs };
    const machine = new EmulatedMachine({ ...machineOptions(config), ...repairs });
    this.#machine = machine;
    this.#prepare?.(machine);
    const effects = new EffectRecorder(machine.options.cost === null ? null : machine.clock);
    this.#effects = effects;
    this.#subjects = machine.devices.map((device) => {
      const file = device.openFile({ compute: !config.lazy });
      file.effects.add(effects.sinkOf(device));
      device.memory?.effects.add(effects.sinkOf(device));
      return { machine, device, file };
    });
    machine.process.space.devices?.surroundings.effects.add(effects.processSink());
    const answer: ConfigAnswer & { readonly fx: readonly TraceEffect[] } = {
      ...configAnswer(machine, this.file),
      fx: [],
    };
    return answer;
  }

  /** Performs an operation without its effects; `wake` gets the answer of one that sleeps first. */
  #perform(operation: TraceOperation, wake?: (answer: TraceAnswer) => void): TraceAnswer {
    return descriptorOf(operation.name).perform(
      this.subject(operation.gpu),
      operation,
      wake as ((answer: BareAnswer) => void) | undefined,
    );
  }
}

/** The answer of a configuration whose first file this is. */
function configAnswer(machine: EmulatedMachine, file: EmulatedFile): ConfigAnswer {
  return {
    ret: file.computeResult,
    pasid: hex(file.vm.pasid),
    xnack: file.context?.hasRetryFaults ?? false,
    ...devmemAnswer(machine),
  };
}

/** Completes an answer of its own; made with a spread, each would be copied by the slow path that serves every shape. */
function withEffects(answer: TraceAnswer, effects: readonly TraceEffect[]): TraceAnswer {
  (answer as { fx?: readonly TraceEffect[] }).fx = effects;
  return answer;
}
