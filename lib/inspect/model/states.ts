/** The states after the steps of a session: kept around the place that is looked at, worked out again everywhere else. */
import { contextSnapshot } from '../../../emulator/index.ts';
import type { ContextSnapshot } from '../../../emulator/index.ts';
import { laneChanges, NO_CHANGES, lanesOf } from './lanes.ts';
import type { LaneChanges, Lanes } from './lanes.ts';
import { RepeatingMachine } from './live-machine.ts';
import type { SteppingMachine } from './live-machine.ts';
import type { Step } from './step.ts';

/** The state right after an operation. */
export interface StepState {
  readonly snapshot: ContextSnapshot;
  readonly lanes: Lanes;
  readonly changes: LaneChanges;
}

/** So many steps before the wanted one get their states with it: a machine can't run backwards. */
const KEPT_BEHIND = 120;
/** With fewer states than these before the one that is looked at, more are prepared. */
const WANTED_BEHIND = 90;
const MOST_STATES = 600;
/** One after what is looked at, one on its way to what may be looked at next, and one to spare. */
const MOST_MACHINES = 3;

/** A stretch of states that is worked out bit by bit. */
interface Preparation {
  readonly machine: RepeatingMachine;
  readonly first: number;
  readonly last: number;
}

/** States by number of their step, and the machines that work them out. */
export class SessionStates {
  readonly #states = new Map<number, StepState>();
  // States that were taken for the changes of the next step only: their own changes are not known.
  readonly #partial = new Set<number>();
  // The one used last is last.
  readonly #machines: RepeatingMachine[] = [];
  #preparation: Preparation | undefined;
  #gpu = 0;

  /** The GPU whose states these are. Another one starts over. */
  set gpu(gpu: number) {
    this.#gpu = gpu;
    this.forget(0);
  }

  get gpu(): number {
    return this.#gpu;
  }

  /** The state after step `index` of `steps`. */
  at(index: number, steps: readonly Step[]): StepState {
    for (const _ of this.reach(index, steps));
    return this.#states.get(index)!;
  }

  /** Works out that state, step by step: who has other things to do stops in between. */
  *reach(index: number, steps: readonly Step[]): Generator<void, void> {
    if (this.#isComplete(index)) return;
    const machine = this.#machineBefore(index);
    while (machine.executed <= index) {
      this.#advance(machine, steps, index - KEPT_BEHIND);
      yield;
    }
  }

  /**
   * Works for about `milliseconds` at the states before `index`, so that steps back find them there.
   * Says whether there is more to do.
   */
  prepare(index: number, steps: readonly Step[], milliseconds: number): boolean {
    const preparation = this.#nextPreparation(index);
    if (preparation === undefined) return false;
    const { machine, first, last } = preparation;
    const end = performance.now() + milliseconds;
    while (machine.executed <= last && performance.now() < end) this.#advance(machine, steps, first);
    return true;
  }

  /** Before `machine` executes the step that it is before: keeps the state that the changes of that step refer to. */
  keepBefore(machine: SteppingMachine): void {
    const at = machine.executed - 1;
    if (at >= 0 && !this.#states.has(at)) this.#keep(at, machine, false);
  }

  /** Keeps the state of `machine` as that after the step that it has just executed. */
  keepBehind(machine: SteppingMachine): void {
    this.#keep(machine.executed - 1, machine, true);
  }

  /** Forgets what was known of the steps from `index` on. */
  forget(index: number): void {
    for (const known of [...this.#states.keys()]) if (known >= index) this.#states.delete(known);
    for (const known of [...this.#partial]) if (known >= index) this.#partial.delete(known);
    this.#machines.splice(0, Infinity, ...this.#machines.filter(({ executed }) => executed <= index));
    this.#preparation = undefined;
  }

  #isComplete(index: number): boolean {
    return this.#states.has(index) && !this.#partial.has(index);
  }

  /** The machine that is nearest to step `index` without having executed it; a new one if all have. */
  #machineBefore(index: number): RepeatingMachine {
    let nearest: RepeatingMachine | undefined;
    for (const machine of this.#machines) {
      if (machine.executed <= index && (nearest === undefined || machine.executed > nearest.executed))
        nearest = machine;
    }
    const chosen = nearest ?? new RepeatingMachine();
    if (nearest !== undefined) this.#machines.splice(this.#machines.indexOf(nearest), 1);
    this.#machines.push(chosen);
    if (this.#machines.length > MOST_MACHINES) this.#machines.shift();
    return chosen;
  }

  /** What `prepare` works at: what it has begun, as long as that is close before `index`, or what is missing there now. */
  #nextPreparation(index: number): Preparation | undefined {
    const begun = this.#preparation;
    if (
      begun !== undefined &&
      begun.machine.executed <= begun.last &&
      begun.first <= index &&
      index - begun.last <= KEPT_BEHIND
    )
      return begun;
    let last = index - 1;
    while (last > index - WANTED_BEHIND && this.#isComplete(last)) last--;
    const isEnough = last < 0 || last <= index - WANTED_BEHIND;
    const first = Math.max(0, last - KEPT_BEHIND);
    this.#preparation = isEnough ? undefined : { machine: this.#machineBefore(first), first, last };
    return this.#preparation;
  }

  /** Executes one step; from step `first` on the states are kept. */
  #advance(machine: RepeatingMachine, steps: readonly Step[], first: number): void {
    const at = machine.executed;
    const keeps = at >= first;
    if (keeps) this.keepBefore(machine);
    machine.repeat(steps[at]!);
    if (keeps && !this.#isComplete(at)) this.keepBehind(machine);
  }

  #keep(at: number, { runner }: SteppingMachine, isComplete: boolean): void {
    const { device, file } = runner.subject(this.#gpu);
    const snapshot = contextSnapshot(device, file);
    const lanes = lanesOf(snapshot);
    const before = this.#states.get(at - 1);
    this.#states.delete(at);
    this.#states.set(at, {
      snapshot,
      lanes,
      changes: at === 0 || before !== undefined ? laneChanges(before?.lanes, lanes) : NO_CHANGES,
    });
    if (isComplete) this.#partial.delete(at);
    else this.#partial.add(at);
    if (this.#states.size <= MOST_STATES) return;
    const [oldest] = this.#states.keys();
    this.#states.delete(oldest!);
    this.#partial.delete(oldest!);
  }
}
