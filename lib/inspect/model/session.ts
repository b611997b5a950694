/** A trace under inspection: its operations, their answers, and the state after each of them. */
import { rangeError } from '../../uapi/errors.ts';
import { parseGcVersion } from '../../../emulator/index.ts';
import { DEFAULT_CONFIG, gcOf } from '../../trace/format/config.ts';
import type { TraceConfig } from '../../trace/format/config.ts';
import { parseOperation } from '../../trace/operations/parse.ts';
import { LiveMachine } from './live-machine.ts';
import { SessionStates } from './states.ts';
import type { StepState } from './states.ts';
import type { SessionLine, Step } from './step.ts';

/** Runs a trace once, keeps its answers, and goes to any state in it by running again as far as needed. */
export class InspectorSession {
  #steps: Step[] = [];
  /** The steps as they were before the last `runAfter`, and how many of them stayed. */
  #undone: { readonly steps: Step[]; readonly shared: number } | undefined;
  #live = new LiveMachine();
  readonly #states = new SessionStates();

  /** Runs the lines; without a list the session starts with a configuration of its own. */
  constructor(lines: readonly SessionLine[] = [lineOf({ config: {} })]) {
    for (const line of lines) this.append(line);
  }

  /** Executes a line after all others, while the session is made. */
  append(line: SessionLine): void {
    this.#steps.push(this.#live.execute(line));
  }

  get steps(): readonly Step[] {
    return this.#steps;
  }

  /** Whether there is something to take back. */
  get canUndo(): boolean {
    return this.#undone !== undefined;
  }

  /** Major number of the GC version of the GPU that is shown, which decides the layout of PTEs. */
  get gcMajor(): number {
    return parseGcVersion(gcOf(this.#config, this.#states.gpu)).major;
  }

  /** GPUs of the machine. */
  get gpus(): number {
    return this.#config.gpus;
  }

  /** The GPU whose states are shown. */
  get gpu(): number {
    return this.#states.gpu;
  }

  /** Shows the states of that GPU from now on. */
  selectGpu(gpu: number): void {
    if (!(gpu >= 0 && gpu < this.gpus))
      throw rangeError('ERR_SVM_INVALID_VALUE', `gpu: expected 0 to ${this.gpus - 1}, got ${gpu}`);
    this.#states.gpu = gpu;
  }

  /** The state after step `index`. */
  stateAt(index: number): StepState {
    if (!(index in this.#steps)) throw rangeError('ERR_SVM_INVALID_VALUE', `there is no step ${index}`);
    return this.#states.at(index, this.#steps);
  }

  /** Works out what `stateAt(index)` answers, step by step. */
  reach(index: number): Generator<void, void> {
    return this.#states.reach(index, this.#steps);
  }

  /** Works for about `milliseconds` at what steps back from `index` will need; says whether there is more to do. */
  prepare(index: number, milliseconds: number): boolean {
    return this.#states.prepare(index, this.#steps, milliseconds);
  }

  /** Executes `{"NAME": {fields}}` after step `index`, in place of what followed there; returns its index. Throws for what is no operation. */
  runAfter(index: number, source: unknown): number {
    const line = lineOf(source);
    if (line.operation.name === 'config')
      throw rangeError('ERR_SVM_INVALID_VALUE', 'config: only the first operation of a trace may be a config');
    if (this.#live.executed > index + 1) this.#live = new LiveMachine();
    while (this.#live.executed <= index) this.#live.execute(this.#steps[this.#live.executed]!);
    this.#states.forget(index + 1);
    this.#states.keepBefore(this.#live);
    const step = this.#live.execute(line);
    this.#states.keepBehind(this.#live);
    this.#undone = { steps: this.#steps, shared: index + 1 };
    this.#steps = [...this.#steps.slice(0, index + 1), step];
    return this.#steps.length - 1;
  }

  /** Takes the last `runAfter` back. */
  undo(): void {
    if (this.#undone === undefined) return;
    const { steps, shared } = this.#undone;
    this.#steps = steps;
    this.#undone = undefined;
    // What it has executed is not what is there any more; the next `runAfter` begins a new one.
    this.#live = new LiveMachine();
    this.#states.forget(shared);
  }

  /** The session as a trace: operations with the emulator's answers, which `replay --check` finds identical. */
  trace(): string {
    return this.#steps.map(({ source, answer }) => `${JSON.stringify({ in: source, out: answer })}\n`).join('');
  }

  get #config(): TraceConfig {
    const [first] = this.#steps;
    return first?.operation.name === 'config' ? first.operation.config : DEFAULT_CONFIG;
  }
}

/** Parses an operation that was composed by hand. */
export function lineOf(source: unknown): SessionLine {
  return { operation: parseOperation(source), source };
}
