/** Records what a device is asked and answers, as a trace (trace format; design §3, option `record`). */
import { closeSync, openSync, writeSync } from 'node:fs';
import { PREEMPTION_POINTS } from '../../emulator/index.ts';
import type { EmulatedFile, EmulatedMachine, EmulatedNode, JournalEntry, PreemptionPoint } from '../../emulator/index.ts';
import type { DeviceRecorder, HostRegionMapper } from '../device/recording.ts';
import type { DeviceNode } from '../uapi/node.ts';
import type { TraceAnswer } from './answer.ts';
import { configOfMachine } from './config.ts';
import { EffectRecorder } from './effect-recorder.ts';
import { answerOfEntry, operationOfEntry } from './journal-lines.ts';
import type { OperationObject } from './journal-lines.ts';
import { RecordingMemory, RecordingNode } from './kernel-recorder.ts';
import { presentMappings } from './initial-state.ts';

/** Writes one line for each operation, at once: a crash loses nothing that was answered. */
export class TraceRecorder implements DeviceRecorder {
  readonly #descriptor: number;
  readonly #stops: (() => void)[] = [];
  #open = true;

  /** Creates or empties the file; throws the system's error if that is refused. */
  constructor(path: string) {
    this.#descriptor = openSync(path, 'w');
  }

  attachEmulated(machine: EmulatedMachine, node: EmulatedNode): void {
    const { file } = node;
    const session = new EmulatedSession(machine, file, (operation, answer) => this.#write(operation, answer));
    session.begin(node);
    this.#stops.push(() => session.end());
  }

  attachKernel(node: DeviceNode, memory: HostRegionMapper): { node: DeviceNode; memory: HostRegionMapper } {
    // What the kernel runs on is not known here; the configuration is that of a plain replay.
    this.#write({ config: { lazy: true } }, undefined);
    const write = (operation: OperationObject, answer: TraceAnswer): void => this.#write(operation, answer);
    return { node: new RecordingNode(node, write), memory: new RecordingMemory(memory, write) };
  }

  close(): void {
    if (!this.#open) return;
    for (const stop of this.#stops) stop();
    this.#open = false;
    closeSync(this.#descriptor);
  }

  #write(operation: OperationObject, answer: TraceAnswer | undefined): void {
    if (!this.#open) return;
    const line = answer === undefined ? operation : { in: operation, out: answer };
    writeSync(this.#descriptor, `${JSON.stringify(line)}\n`);
  }
}

interface NestedOperation {
  readonly injection: { readonly at: PreemptionPoint; readonly nth: number; readonly do: OperationObject };
  readonly answer: TraceAnswer;
}

/** Recording of one emulated file and of the process it mirrors. */
class EmulatedSession {
  readonly #machine: EmulatedMachine;
  readonly #file: EmulatedFile;
  readonly #write: (operation: OperationObject, answer: TraceAnswer) => void;
  readonly #stops: (() => void)[] = [];
  #effects!: EffectRecorder;
  #nested: NestedOperation[] = [];
  #point: PreemptionPoint = PREEMPTION_POINTS[0];
  #pass = 0;

  constructor(machine: EmulatedMachine, file: EmulatedFile, write: (operation: OperationObject, answer: TraceAnswer) => void) {
    this.#machine = machine;
    this.#file = file;
    this.#write = write;
  }

  begin(node: EmulatedNode): void {
    const { gpu } = node.device;
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
      this.#machine.addJournal({ record: (entry) => this.#record(entry) }),
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

  end(): void {
    for (const stop of this.#stops) stop();
  }

  #record(entry: JournalEntry): void {
    if ('file' in entry && entry.file !== this.#file) return;
    const operation = operationOfEntry(entry);
    const answer = answerOfEntry(entry);
    if (this.#machine.scope.active) {
      this.#nested.push({ injection: { at: this.#point, nth: this.#pass, do: operation }, answer });
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
      { ...answer, inj: nested.map(({ injection, answer: nestedAnswer }) => ({ at: injection.at, op: Object.keys(injection.do)[0], ...nestedAnswer })), fx },
    );
  }
}
