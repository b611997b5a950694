/** All cases. */
import type { CaseGroup, ConcreteCase } from './case.ts';
import { attributesGroups } from './cases/attributes/index.ts';
import { faultsGroups } from './cases/faults/index.ts';
import { hipGroups } from './cases/hip/index.ts';
import { hmmGroups } from './cases/hmm/index.ts';
import { igtGroups } from './cases/igt/index.ts';
import { kfdtestGroups } from './cases/kfdtest/index.ts';
import { lifecycleGroups } from './cases/lifecycle/index.ts';
import { quirksGroups } from './cases/quirks/index.ts';
import { rangesGroups } from './cases/ranges/index.ts';
import { rocrtstGroups } from './cases/rocrtst/index.ts';
import { uapiGroups } from './cases/uapi/index.ts';

/** The groups in the order in which they run. */
export const GROUPS: readonly CaseGroup[] = [
  ...uapiGroups,
  ...attributesGroups,
  ...rangesGroups,
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
