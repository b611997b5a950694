/** Operations on the devices of an emulated machine as lines of a trace, while they happen. Free of Node imports. */
import { CLOCK_START, PREEMPTION_POINTS } from '../../../emulator/index.ts';
import type {
  EmulatedDevice,
  EmulatedFile,
  EmulatedMachine,
  JournalEntry,
  PreemptionPoint,
} from '../../../emulator/index.ts';
import { EffectRecorder } from '../effects/recorder.ts';
import { configOfMachine } from '../format/config.ts';
import { hex } from '../format/hex.ts';
import type { OperationObject } from '../operations/descriptor.ts';
import { recordedEntry } from '../operations/index.ts';
import { devmemAnswer } from '../operations/state.ts';
import type { TraceAnswer } from '../operations/index.ts';
import { presentMappings } from './initial-state.ts';

/** Result of an operation that sleeps (emulator, `complete` of a journal). */
const SLEEPING = 1;
/** What GPU 0 of the machine of a replay has, GPU 1 the next one, and so on. */
const FIRST_PASID = 0x8001;
/** Nobody's. */
const NO_PASID = 0;

interface NestedOperation {
  readonly entry: JournalEntry;
  readonly injection: { readonly at: PreemptionPoint; readonly nth: number; readonly do: OperationObject };
  answer: TraceAnswer;
}

/** What a session says to its owner. */
export interface SessionListener {
  /** `times`: when the effects of the answer were told, in ns; only where things take time. */
  write(operation: OperationObject, answer: TraceAnswer, times?: readonly number[]): void;
  /** Something happened that the format cannot express: what follows would not be the truth any more. */
  fail(reason: string): void;
}

/** Turns what happens on files of an emulated machine, one for each GPU, and in its process into lines of a trace. */
export class EmulatedSession {
  readonly #machine: EmulatedMachine;
  readonly #listener: SessionListener;
  readonly #stops: (() => void)[] = [];
  readonly #effects: EffectRecorder;
  readonly #files = new Map<EmulatedFile, number>();
  #nested: NestedOperation[] = [];
  #point: PreemptionPoint = PREEMPTION_POINTS[0];
  #pass = 0;

  constructor(machine: EmulatedMachine, listener: SessionListener) {
    this.#machine = machine;
    this.#listener = listener;
    this.#effects = new EffectRecorder(machine.options.cost === null ? null : machine.clock);
  }

  /** Whether a file of that device is followed already: there is one for each GPU. */
  follows(device: EmulatedDevice): boolean {
    return [...this.#files.values()].includes(device.index);
  }

  /** Follows a file, too. The first one begins with the configuration and what is mapped already. */
  follow(device: EmulatedDevice, file: EmulatedFile): void {
    if (this.#files.size === 0) this.#begin(file);
    this.#files.set(file, device.index);
    const sink = this.#effects.sinkOf(device);
    this.#stops.push(file.effects.add(sink));
    if (device.memory !== null) this.#stops.push(device.memory.effects.add(sink));
  }

  /** Nothing is written any more. */
  end(): void {
    for (const stop of this.#stops.splice(0)) stop();
  }

  #begin(file: EmulatedFile): void {
    const effects = this.#effects;
    const lazy = file.context === null && file.computeResult === 0;
    this.#listener.write(
      { config: configOfMachine(this.#machine.options, lazy) },
      {
        ret: file.computeResult,
        pasid: hex(FIRST_PASID),
        xnack: file.context?.hasRetryFaults ?? false,
        ...devmemAnswer(this.#machine),
        fx: [],
      },
    );
    const { devices } = this.#machine.process.space;
    if (devices !== null) {
      if (this.#machine.memorySnapshot().pages.length > 0)
        this.#listener.fail('pages that lay in VRAM before the recording began cannot be written down');
      this.#stops.push(devices.surroundings.effects.add(effects.processSink()));
    }
    // What was mapped before belongs to the story: the replay has to find it.
    let clock = CLOCK_START;
    for (const { operation, answer, faults } of presentMappings(this.#machine)) {
      this.#listener.write(operation, { ...answer, fx: [] });
      clock += Math.round(faults * (this.#machine.options.cost?.cpuFault ?? 0));
    }
    this.#catchUp(clock);
    this.#stops.push(
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

  /** The clock of a replay, which shows `clock` by now, is to show what that of the machine does. */
  #catchUp(clock: number): void {
    const { now } = this.#machine.clock;
    if (now < clock)
      this.#listener.fail('pages came without a fault of the CPU before the recording began, whose time nobody took');
    else if (now > clock) this.#listener.write({ advance: { ns: now - clock } }, { ret: 0, clock: hex(now), fx: [] });
  }

  /** The number of the GPU that an entry is about (0 where it is about none), or undefined if nobody follows it. */
  #gpuOf(entry: JournalEntry): number | undefined {
    // A fault for a PASID that the device does not know is about no file.
    if (entry.name === 'fault' && entry.file !== undefined) return this.#files.get(entry.file);
    if ('device' in entry) return [...this.#files.values()].includes(entry.device) ? entry.device : undefined;
    return 'file' in entry ? this.#files.get(entry.file) : 0;
  }

  #complete(slept: JournalEntry, ended: JournalEntry): void {
    const nested = this.#nested.find(({ entry }) => entry === slept);
    if (nested !== undefined) nested.answer = { slept: true, ...recordedEntry(ended).answer } as TraceAnswer;
  }

  #record(entry: JournalEntry): void {
    const gpu = this.#gpuOf(entry);
    if (gpu === undefined) return;
    const { operation: plain, answer } = recordedEntry(
      entry.name === 'fault' ? { ...entry, pasid: pasidInReplay(entry) } : entry,
    );
    const operation = withGpu(plain, gpu);
    if (this.#machine.scope.active) {
      // The format knows one second thread at a time; what it cannot say must not be lost silently.
      if (this.#nested.some((nested) => nested.answer.ret === SLEEPING)) {
        this.#listener.fail('an operation at a preemption point while another one sleeps cannot be recorded');
        return;
      }
      this.#nested.push({ entry, injection: { at: this.#point, nth: this.#pass, do: operation }, answer });
      return;
    }
    const fx = this.#effects.take();
    const { times } = this.#effects;
    const nested = this.#nested;
    this.#nested = [];
    if (nested.length === 0) {
      this.#listener.write(operation, { ...answer, fx }, times);
      return;
    }
    const [name] = Object.keys(operation) as [string];
    this.#listener.write(
      { [name]: { ...operation[name], inject: nested.map(({ injection }) => injection) } },
      {
        ...answer,
        inj: nested.map(({ injection, answer: nestedAnswer }) => ({
          at: injection.at,
          op: Object.keys(injection.do)[0]!,
          ...nestedAnswer,
        })),
        fx,
      },
      times,
    );
  }
}

/** The PASID that a fault names, so that the device of a replay knows it if this one does. */
function pasidInReplay({ device, file, pasid }: Extract<JournalEntry, { name: 'fault' }>): number | undefined {
  // The file that is followed may have another number there, where it is the default.
  if (file !== undefined) return undefined;
  return pasid === FIRST_PASID + device ? NO_PASID : pasid;
}

/** The operation with the number of its GPU, which is left out for the first. */
export function withGpu(operation: OperationObject, gpu: number): OperationObject {
  if (gpu === 0) return operation;
  const [[name, fields]] = Object.entries(operation) as [[string, object]];
  return { [name]: { ...fields, gpu } };
}
