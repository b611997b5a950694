/** Records what a device is asked and answers, as a trace (trace format; design §3, option `record`). */
import { closeSync, openSync, writeSync } from 'node:fs';
import { join, parse, resolve } from 'node:path';
import { codedError } from '../device/recording.ts';
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

  /** The file that is written. */
  readonly path: string;

  /**
   * Creates or empties the file; throws the system's error if that is refused. "%p"
   * in `path` becomes the process id. A path that this process has recorded to
   * before gets ".2", ".3", ... before its ending, so that nothing is overwritten.
   */
  constructor(path: string) {
    this.path = unusedPath(path.replaceAll('%p', String(process.pid)));
    this.#descriptor = openSync(this.path, 'w');
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

/** Result of an operation that sleeps (emulator, `complete` of a journal). */
const SLEEPING = 1;

interface NestedOperation {
  readonly entry: JournalEntry;
  readonly injection: { readonly at: PreemptionPoint; readonly nth: number; readonly do: OperationObject };
  answer: TraceAnswer;
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
        throw codedError('ERR_SVM_RECORD', 'record: an operation at a preemption point while another one sleeps can not be recorded');
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
      { ...answer, inj: nested.map(({ injection, answer: nestedAnswer }) => ({ at: injection.at, op: Object.keys(injection.do)[0], ...nestedAnswer })), fx },
    );
  }
}

const recorded = new Map<string, number>();

function unusedPath(path: string): string {
  const absolute = resolve(path);
  const count = (recorded.get(absolute) ?? 0) + 1;
  recorded.set(absolute, count);
  if (count === 1) return absolute;
  const { dir, name, ext } = parse(absolute);
  return join(dir, `${name}.${count}${ext}`);
}
