/** One operation of an inspected trace: as it was read, and as the emulator answered it. */
import type { CostKind } from '../../../emulator/index.ts';
import type { TraceEffect } from '../../trace/effects/form.ts';
import type { TraceAnswer, TraceOperation } from '../../trace/operations/index.ts';
import type { Decision } from './decision.ts';
import type { StepHazard } from './hazards.ts';

/** An operation with the emulator's answer. */
export interface Step {
  readonly operation: TraceOperation;
  /** As it is in the trace. */
  readonly source: unknown;
  readonly answer: TraceAnswer;
  readonly effects: readonly TraceEffect[];
  readonly hazards: readonly StepHazard[];
  /** What came of its faults, and why. */
  readonly decisions: readonly Decision[];
  /** Nanoseconds, when it had ended. */
  readonly clock: number;
  /** Nanoseconds that it took, by what they were spent on, the most first; only on a machine with a cost model. */
  readonly spent?: readonly (readonly [kind: CostKind, nanoseconds: number])[];
  /** The recorded answer, and where the emulator's is another one. */
  readonly expected?: Readonly<Record<string, unknown>>;
  readonly difference?: string;
}

/** What a session starts from: operations as parsed from a trace, with recorded answers if there are any. */
export interface SessionLine {
  readonly operation: TraceOperation;
  readonly source: unknown;
  readonly expected?: Readonly<Record<string, unknown>> | undefined;
}
