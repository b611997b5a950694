/** What the trace of a hazard consists of. */
import type { RevisionName } from '../../uapi/profile.ts';
import type { TraceScript } from './script.ts';

/** Operations that run into one entry of the catalogue. */
export interface HazardScenario {
  /** Fields of the configuration besides `profile`. */
  readonly config?: Readonly<Record<string, unknown>>;
  write(script: TraceScript, revision: RevisionName): void;
}

export type HazardScenarios = Readonly<Record<string, HazardScenario>>;
