/** All cases. */
import type { CaseGroup, ConcreteCase } from '../framework/case.ts';
import { attributesGroups } from './attributes/index.ts';
import { faultsGroups } from './faults/index.ts';
import { hipGroups } from './hip/index.ts';
import { hmmGroups } from './hmm/index.ts';
import { igtGroups } from './igt/index.ts';
import { kfdtestGroups } from './kfdtest/index.ts';
import { lifecycleGroups } from './lifecycle/index.ts';
import { quirksGroups } from './quirks/index.ts';
import { rocrtstGroups } from './rocrtst/index.ts';
import { uapiGroups } from './uapi/index.ts';

/** The groups in the order in which they run. */
export const GROUPS: readonly CaseGroup[] = [
  ...uapiGroups,
  ...attributesGroups,
  ...faultsGroups,
  ...lifecycleGroups,
  ...quirksGroups,
  ...kfdtestGroups,
  ...rocrtstGroups,
  ...hipGroups,
  ...igtGroups,
  ...hmmGroups,
];

let concrete: readonly ConcreteCase[] | undefined;

/** Every case at every point of its parameters, in a fixed order. Throws for two cases of one name. */
export function allCases(): readonly ConcreteCase[] {
  return (concrete ??= GROUPS.flatMap((group) => group.concreteCases()));
}
