/** The machine that executes a session's steps, watched for faults and hazards. */
import type { CostKind, HazardMonitor } from '../../../emulator/index.ts';
import { firstDifference } from '../../trace/compare/compare.ts';
import type { TraceAnswer, TraceOperation } from '../../trace/operations/index.ts';
import { TraceRunner } from '../../trace/replay/runner.ts';
import { Decisions } from './decision.ts';
import { StepHazards } from './hazards.ts';
import type { SessionLine, Step } from './step.ts';

/** A machine on its way through the steps of a session. */
export interface SteppingMachine {
  readonly runner: TraceRunner;
  /** Steps that it has executed. */
  readonly executed: number;
}

/** Runs steps and says all there is to say about each. */
export class LiveMachine implements SteppingMachine {
  readonly runner: TraceRunner;
  readonly #decisions = new Decisions();
  readonly #hazards = new StepHazards();
  /** Of the step that runs; null: nothing takes time. */
  #spent: Map<CostKind, number> | null = null;
  #executed = 0;
  #monitor: HazardMonitor | undefined;

  constructor() {
    this.runner = new TraceRunner((machine) => {
      this.#monitor = machine.watchHazards();
      machine.on('hazard', (hazard) => this.#hazards.add(hazard));
      machine.on('fault', (fault) => this.#decisions.add(fault));
      if (machine.options.cost === null) return;
      const spent = new Map<CostKind, number>();
      this.#spent = spent;
      machine.on('time-spent', ({ kind, nanoseconds }) => spent.set(kind, (spent.get(kind) ?? 0) + nanoseconds));
    });
  }

  get executed(): number {
    return this.#executed;
  }

  execute(line: SessionLine): Step {
    const { operation, source, expected } = line;
    if (this.#monitor !== undefined) this.#monitor.operation = this.#executed + 1;
    const answer = answerOf(this.runner, operation);
    this.#executed++;
    const { fx: effects = [], ...withoutEffects } = answer;
    const difference =
      expected === undefined ? undefined : firstDifference(expected, 'fx' in expected ? answer : withoutEffects);
    return {
      operation,
      source,
      answer,
      effects,
      hazards: this.#hazards.take(),
      decisions: this.#decisions.take(),
      clock: this.runner.machine.clock.now,
      ...(this.#spent === null ? {} : { spent: takeSpent(this.#spent) }),
      ...(expected === undefined ? {} : { expected }),
      ...(difference === undefined ? {} : { difference: difference.path === '' ? 'the answer' : difference.path }),
    };
  }
}

/** What was spent, the most first; starts over. */
function takeSpent(spent: Map<CostKind, number>): [CostKind, number][] {
  const list = [...spent].filter(([, nanoseconds]) => nanoseconds > 0).sort(([, one], [, other]) => other - one);
  spent.clear();
  return list;
}

/** Runs steps that were run before, only to have their states again: nobody watches it, which makes it several times as fast. */
export class RepeatingMachine implements SteppingMachine {
  readonly runner = new TraceRunner();
  #executed = 0;

  get executed(): number {
    return this.#executed;
  }

  repeat(step: Step): void {
    answerOf(this.runner, step.operation);
    this.#executed++;
  }
}

/** The answer; one with `fatal` where the machine does not model what is asked for. */
function answerOf(runner: TraceRunner, operation: TraceOperation): TraceAnswer {
  try {
    return runner.execute(operation);
  } catch (error) {
    return { fatal: error instanceof Error ? error.message : String(error) };
  }
}
