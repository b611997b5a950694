/** The smallest known trace of each hazard of the catalogue, as lines of a trace. */
import { UAPI_PROFILES } from '../../uapi/profile.ts';
import type { RevisionName } from '../../uapi/profile.ts';
import { ATTRIBUTE_SCENARIOS } from './attributes.ts';
import { FAULT_SCENARIOS } from './faults.ts';
import { LIFECYCLE_SCENARIOS } from './lifecycle.ts';
import { RANGE_SCENARIOS } from './ranges.ts';
import { V7_SCENARIOS } from './v7.ts';
import { V8_SCENARIOS } from './v8.ts';
import { XNACK_OFF_SCENARIOS } from './xnack-off.ts';
import type { HazardScenarios } from './scenario.ts';
import { TraceScript } from './script.ts';

const SCENARIOS: HazardScenarios = {
  ...LIFECYCLE_SCENARIOS,
  ...ATTRIBUTE_SCENARIOS,
  ...RANGE_SCENARIOS,
  ...FAULT_SCENARIOS,
  ...V7_SCENARIOS,
  ...XNACK_OFF_SCENARIOS,
  ...V8_SCENARIOS,
};

const NO_POINT = 'the allocation that has to fail is no point of the trace format';

/** Why there is no trace of a hazard that the emulator can show. */
export const WITHOUT_TRACE: Readonly<Record<string, string>> = {
  Q02: 'a trace asks the handler of SVM itself, not the VM layer that chooses between handlers',
  Q07: 'a trace has one process',
  Q12: 'a trace cannot unload the driver',
  Q46: NO_POINT,
  leak: NO_POINT,
};

/** Ids of the hazards that have a trace. */
export const TRACED_HAZARDS: readonly string[] = Object.keys(SCENARIOS);

/** The lines of the trace of hazard `id` on `revision`; undefined where none is known. */
export function hazardTrace(id: string, revision: RevisionName): readonly string[] | undefined {
  const scenario = SCENARIOS[id];
  if (scenario === undefined) return undefined;
  const script = new TraceScript();
  scenario.write(script, revision);
  // Only one revision has a mode for it; on the others its traces run with retry faults.
  const { xnackOff, ...config } = scenario.config ?? {};
  const mode = xnackOff === true && UAPI_PROFILES[revision].behaviour.runsWithoutRetryFaults ? { xnackOff } : {};
  return [{ config: { profile: revision, ...config, ...mode } }, ...script.operations].map((each) =>
    JSON.stringify(each),
  );
}
