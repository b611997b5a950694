/** A trace under inspection: its operations, their answers, and the state behind each of them. */
import { contextSnapshot } from '../../../emulator/index.ts';
import type { ContextSnapshot, HazardMonitor } from '../../../emulator/index.ts';
import { firstDifference } from '../../trace/compare.ts';
import { parseOperation } from '../../trace/operation.ts';
import type { TraceOperation } from '../../trace/operation.ts';
import type { TraceAnswer } from '../../trace/answer.ts';
import type { TraceEffect } from '../../trace/effect-recorder.ts';
import { TraceRunner } from '../../trace/runner.ts';
import { laneChanges, NO_CHANGES } from './changes.ts';
import type { LaneChanges } from './changes.ts';
import { Decisions } from './decision.ts';
import type { Decision } from './decision.ts';
import { StepHazards } from './hazards.ts';
import type { StepHazard } from './hazards.ts';
import { lanesOf } from './lanes.ts';
import type { Lanes } from './lanes.ts';

/** An operation with the emulator's answer. */
export interface Step {
  readonly operation: TraceOperation;
  /** As it stands in the trace. */
  readonly source: unknown;
  readonly answer: TraceAnswer;
  readonly effects: readonly TraceEffect[];
  readonly hazards: readonly StepHazard[];
  /** What came of its faults, and why. */
  readonly decisions: readonly Decision[];
  /** Nanoseconds, when it had ended. */
  readonly clock: number;
  /** The recorded answer, and where the emulator's is another one. */
  readonly expected?: TraceAnswer;
  readonly difference?: string;
}

/** The state right behind an operation. */
export interface StepState {
  readonly snapshot: ContextSnapshot;
  readonly lanes: Lanes;
  readonly changes: LaneChanges;
}

/** What a session starts from: operations as parsed from a trace, with recorded answers if there are any. */
export interface SessionLine {
  readonly operation: TraceOperation;
  readonly source: unknown;
  readonly expected?: TraceAnswer | undefined;
}

// States kept when the machine has to run again from the start: so many steps back are at once there.
const KEPT_BEHIND = 120;
const MOST_STATES = 600;

/** Runs a trace once, keeps its answers, and goes to any state in it by running again as far as needed. */
export class InspectorSession {
  #steps: Step[] = [];
  #undone: Step[] | undefined;
  #live!: LiveMachine;
  readonly #states = new Map<number, StepState>();
  // States that were taken for the changes of the next step only: their own changes are not known.
  readonly #partial = new Set<number>();

  /** Runs the lines; without any the session starts with a configuration of its own. */
  constructor(lines: readonly SessionLine[] = []) {
    const all = lines.length > 0 ? lines : [lineOf({ config: {} })];
    this.#live = new LiveMachine();
    all.forEach((line, index) => this.#steps.push(this.#execute(line, index > all.length - KEPT_BEHIND)));
  }

  get steps(): readonly Step[] {
    return this.#steps;
  }

  /** Whether there is something to take back. */
  get canUndo(): boolean {
    return this.#undone !== undefined;
  }

  /** Major number of the GC version, which decides the layout of PTEs. */
  get gcMajor(): number {
    return this.#live.runner.machine.options.model.gc.major;
  }

  /** The state behind step `index`. */
  stateAt(index: number): StepState {
    const known = this.#states.get(index);
    if (known !== undefined && !this.#partial.has(index)) return known;
    if (known !== undefined) this.#forget(index);
    if (index < 0 || index >= this.#steps.length) throw new RangeError(`there is no step ${index}`);
    this.#goTo(index);
    return this.#states.get(index)!;
  }

  /** Executes `{"NAME": {fields}}` behind step `index`, in place of what followed there; returns its index. Throws for what is no operation. */
  runAfter(index: number, source: unknown): number {
    const line = lineOf(source);
    if (line.operation.name === 'config') throw new RangeError('config: only the first operation of a trace may be a config');
    this.#goTo(index);
    for (const other of [...this.#states.keys()]) if (other > index) this.#forget(other);
    const step = this.#execute(line, true);
    this.#undone = this.#steps;
    this.#steps = [...this.#steps.slice(0, index + 1), step];
    return this.#steps.length - 1;
  }

  /** Takes the last `runAfter` back. */
  undo(): void {
    if (this.#undone === undefined) return;
    this.#steps = this.#undone;
    this.#undone = undefined;
    this.#live = new LiveMachine();
    this.#forget();
  }

  #forget(index?: number): void {
    for (const states of [this.#states, this.#partial]) {
      if (index === undefined) states.clear();
      else states.delete(index);
    }
  }

  /** The session as a trace: operations with the emulator's answers, which `replay --check` finds identical. */
  trace(): string {
    return this.#steps.map(({ source, answer }) => `${JSON.stringify({ in: source, out: answer })}\n`).join('');
  }

  /** Brings the machine behind step `index`, with the states of it and of the steps shortly before. */
  #goTo(index: number): void {
    const { executed } = this.#live;
    // It may stand there without the state; and there is no way back but from the start.
    if (executed - 1 > index || (executed - 1 === index && !this.#states.has(index))) this.#live = new LiveMachine();
    while (this.#live.executed <= index) this.#execute(this.#steps[this.#live.executed]!, this.#live.executed >= index - KEPT_BEHIND);
  }

  /** Executes the next step on the machine; `keep`: with the state behind it. */
  #execute(line: SessionLine, keep: boolean): Step {
    const at = this.#live.executed;
    // What it changed is only known with the state before it, which is as old as the machine.
    if (keep && at > 0 && !this.#states.has(at - 1)) this.#keep(at - 1, false);
    const step = this.#live.execute(line);
    if (keep) this.#keep(at, true);
    return step;
  }

  /** Keeps the state of the machine as that behind step `at`; not `complete` where only the next one needs it. */
  #keep(at: number, complete: boolean): void {
    const snapshot = contextSnapshot(this.#live.device, this.#live.file);
    const lanes = lanesOf(snapshot);
    const before = this.#states.get(at - 1);
    this.#states.set(at, { snapshot, lanes, changes: at === 0 || before !== undefined ? laneChanges(before?.lanes, lanes) : NO_CHANGES });
    if (complete) this.#partial.delete(at);
    else this.#partial.add(at);
    if (this.#states.size <= MOST_STATES) return;
    const [oldest] = this.#states.keys();
    this.#states.delete(oldest!);
  }
}

/** Parses an operation that was put together by hand. */
export function lineOf(source: unknown): SessionLine {
  return { operation: parseOperation(source), source };
}

/** A machine on its way through the steps, watched for faults and hazards. */
class LiveMachine {
  readonly runner: TraceRunner;
  readonly #decisions = new Decisions();
  readonly #hazards = new StepHazards();
  #executed = 0;
  #monitor: HazardMonitor | undefined;

  constructor() {
    this.runner = new TraceRunner((machine) => {
      this.#monitor = machine.watchHazards();
      machine.on('hazard', (hazard) => this.#hazards.add(hazard));
      machine.on('fault', (fault) => this.#decisions.add(fault));
    });
  }

  /** Steps that it has behind it. */
  get executed(): number {
    return this.#executed;
  }

  get device(): TraceRunner['machine']['devices'][number] {
    return this.runner.machine.devices[0]!;
  }

  get file(): TraceRunner['file'] {
    return this.runner.file;
  }

  execute(line: SessionLine): Step {
    const { operation, source, expected } = line;
    if (this.#monitor !== undefined) this.#monitor.operation = this.#executed + 1;
    let answer: TraceAnswer;
    try {
      answer = this.runner.execute(operation);
    } catch (error) {
      answer = { fatal: error instanceof Error ? error.message : String(error) };
    }
    this.#executed++;
    const { fx: effects = [], ...withoutEffects } = answer;
    const difference = expected === undefined ? undefined : firstDifference(expected, 'fx' in expected ? answer : withoutEffects);
    return {
      operation,
      source,
      answer,
      effects: effects as readonly TraceEffect[],
      hazards: this.#hazards.take(),
      decisions: this.#decisions.take(),
      clock: this.runner.machine.clock.now,
      ...(expected === undefined ? {} : { expected }),
      ...(difference === undefined ? {} : { difference: difference.path === '' ? 'the answer' : difference.path }),
    };
  }
}
