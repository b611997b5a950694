/** The cases that look inside the model of the driver. They run on the emulator only and are not shipped. */
import type { CaseGroup, ConcreteCase } from '../../lib/conformance/framework/case.ts';
import { attributesGroups } from './attributes/index.ts';
import { faultsGroups } from './faults/index.ts';
import { hipGroups } from './hip/index.ts';
import { hmmGroups } from './hmm/index.ts';
import { igtGroups } from './igt/index.ts';
import { kfdtestGroups } from './kfdtest/index.ts';
import { migrationGroups } from './migration/index.ts';
import { lifecycleGroups } from './lifecycle/index.ts';
import { quirksGroups } from './quirks/index.ts';
import { rangesGroups } from './ranges/index.ts';
import { rocrtstGroups } from './rocrtst/index.ts';
import { uapiGroups } from './uapi/index.ts';

/** The groups in the order in which they run. */
export const MODEL_GROUPS: readonly CaseGroup[] = [
  ...uapiGroups,
  ...attributesGroups,
  ...rangesGroups,
  ...faultsGroups,
  ...migrationGroups,
  ...lifecycleGroups,
  ...quirksGroups,
  ...kfdtestGroups,
  ...rocrtstGroups,
  ...hipGroups,
  ...igtGroups,
  ...hmmGroups,
];

/** Every case at every point of its parameters, in a fixed order. Throws for two cases of one name in a group. */
export function modelCases(): ConcreteCase[] {
  return MODEL_GROUPS.flatMap((group) => group.concreteCases());
}
