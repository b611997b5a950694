/** The error table of a set (spec/hsa §3), row by row. */
import { describe, expect, it } from 'vitest';
import { PAGE, hsaRigs, pairOf, refusal } from '../../test/support/hsa-rig.ts';
import { HsaGlobalFlag, HsaStatus, HsaSvmAttribute } from './index.ts';
import type { HsaAgent, HsaSvmAttributePair } from './index.ts';

const A = HsaSvmAttribute;
const rig = hsaRigs({ cpuAgents: 2 });

/** What a row of the error table is made of: the agents of a runtime. */
interface Agents {
  readonly cpu: HsaAgent;
  readonly gpu: HsaAgent;
  readonly last: HsaAgent;
  readonly foreign: HsaAgent;
}
type Row = readonly [
  name: string,
  pairs: (agents: Agents) => HsaSvmAttributePair[],
  statusName: string,
  field: string | undefined,
];

const singles: [string, number, HsaSvmAttributePair['value']][] = [
  ['GLOBAL_FLAG', A.globalFlag, 1],
  ['READ_ONLY', A.readOnly, 1],
  ['HIVE_LOCAL', A.hiveLocal, 0],
  ['MIGRATION_GRANULARITY', A.migrationGranularity, 9],
  ['PREFERRED_LOCATION', A.preferredLocation, null],
  ['READ_MOSTLY', A.readMostly, true],
  ['GPU_EXEC', A.gpuExec, false],
];
const accesses: [string, number][] = [
  ['AGENT_ACCESSIBLE', A.agentAccessible],
  ['AGENT_ACCESSIBLE_IN_PLACE', A.agentAccessibleInPlace],
  ['AGENT_NO_ACCESS', A.agentNoAccess],
];

const rows: Row[] = [
  ...singles.map(([name, attribute, value]): Row => [
    `${name} twice, with the same value`,
    () => [pairOf(attribute, value), pairOf(attribute, value)],
    'HSA_STATUS_ERROR_INCOMPATIBLE_ARGUMENTS',
    'pairs[1].attribute',
  ]),
  [
    'GLOBAL_FLAG twice, the second with a bad value: duplicates are looked at first',
    () => [pairOf(A.globalFlag, 0), pairOf(A.globalFlag, 9)],
    'HSA_STATUS_ERROR_INCOMPATIBLE_ARGUMENTS',
    'pairs[1].attribute',
  ],
  [
    'PREFERRED_LOCATION twice, the second invalid: duplicates are looked at first',
    ({ foreign }) => [pairOf(A.preferredLocation, null), pairOf(A.preferredLocation, foreign)],
    'HSA_STATUS_ERROR_INCOMPATIBLE_ARGUMENTS',
    'pairs[1].attribute',
  ],
  ...accesses.flatMap(([first, attribute]) =>
    accesses.map(([second, other]): Row => [
      `${first} and ${second} of the same GPU`,
      ({ last }) => [pairOf(attribute, last), pairOf(other, last)],
      'HSA_STATUS_ERROR_INCOMPATIBLE_ARGUMENTS',
      'pairs[1].value',
    ]),
  ),
  [
    'AGENT_ACCESSIBLE and AGENT_NO_ACCESS of the same CPU',
    ({ cpu }) => [pairOf(A.agentAccessible, cpu), pairOf(A.agentNoAccess, cpu)],
    'HSA_STATUS_ERROR_INCOMPATIBLE_ARGUMENTS',
    'pairs[1].value',
  ],
  ...accesses.flatMap(([name, attribute]): Row[] => [
    [`${name} of no agent`, () => [pairOf(attribute, null)], 'HSA_STATUS_ERROR_INVALID_AGENT', 'pairs[0].value'],
    [`${name} of handle 0`, () => [pairOf(attribute, 0n)], 'HSA_STATUS_ERROR_INVALID_AGENT', 'pairs[0].value'],
    [
      `${name} of an invalid handle`,
      () => [pairOf(attribute, 0xdeadn)],
      'HSA_STATUS_ERROR_INVALID_AGENT',
      'pairs[0].value',
    ],
    [
      `${name} of an agent of another runtime`,
      ({ foreign }) => [pairOf(attribute, foreign)],
      'HSA_STATUS_ERROR_INVALID_AGENT',
      'pairs[0].value',
    ],
    [
      `${name} of no agent twice: agents are looked at before duplicates`,
      ({ gpu }) => [pairOf(attribute, gpu), pairOf(attribute, null)],
      'HSA_STATUS_ERROR_INVALID_AGENT',
      'pairs[1].value',
    ],
  ]),
  [
    'PREFERRED_LOCATION with an invalid handle',
    () => [pairOf(A.preferredLocation, 1)],
    'HSA_STATUS_ERROR_INVALID_AGENT',
    'pairs[0].value',
  ],
  [
    'PREFERRED_LOCATION with an agent of another runtime',
    ({ foreign }) => [pairOf(A.preferredLocation, foreign)],
    'HSA_STATUS_ERROR_INVALID_AGENT',
    'pairs[0].value',
  ],
  [
    'GLOBAL_FLAG INDETERMINATE',
    () => [pairOf(A.globalFlag, HsaGlobalFlag.indeterminate)],
    'HSA_STATUS_ERROR_INVALID_ARGUMENT',
    'pairs[0].value',
  ],
  [
    'GLOBAL_FLAG 2^64 - 1',
    () => [pairOf(A.globalFlag, (1n << 64n) - 1n)],
    'HSA_STATUS_ERROR_INVALID_ARGUMENT',
    'pairs[0].value',
  ],
  [
    'PREFETCH_LOCATION',
    ({ gpu }) => [pairOf(A.prefetchLocation, gpu)],
    'HSA_STATUS_ERROR_INVALID_ARGUMENT',
    'pairs[0].attribute',
  ],
  [
    'ACCESS_QUERY',
    ({ gpu }) => [pairOf(A.accessQuery, gpu)],
    'HSA_STATUS_ERROR_INVALID_ARGUMENT',
    'pairs[0].attribute',
  ],
  ['an unknown attribute', () => [pairOf(8, 0)], 'HSA_STATUS_ERROR_INVALID_ARGUMENT', 'pairs[0].attribute'],
  ['an attribute of 64 bits', () => [pairOf(1n << 63n, 0)], 'HSA_STATUS_ERROR_INVALID_ARGUMENT', 'pairs[0].attribute'],
  [
    'two bad pairs: the first one counts',
    () => [pairOf(A.globalFlag, 0), pairOf(0x204, 0), pairOf(A.agentAccessible, null)],
    'HSA_STATUS_ERROR_INVALID_ARGUMENT',
    'pairs[1].attribute',
  ],
];

describe.each([1, 2])('the error table of set, %i GPU(s)', (gpus) => {
  it.each(rows)('%s', (_name, pairs, statusName, field) => {
    const made = rig(gpus);
    const { cpuAgents, gpuAgents } = made.runtime;
    const foreign = rig(1).runtime.gpuAgents[0]!;
    const bad = pairs({ cpu: cpuAgents[0]!, gpu: gpuAgents[0]!, last: gpuAgents.at(-1)!, foreign });
    const page = made.map();
    const error = refusal(() => made.runtime.svmAttributesSet(page, PAGE, bad));
    expect([error.statusName, error.field]).toEqual([statusName, field]);
    expect(error.status).toBeGreaterThan(0x1000);
    // The call is shown, and nothing of it was sent: not even the good pairs before the bad one.
    expect(made.events.map(({ ioctls, error: shown }) => [ioctls, shown])).toEqual([[[], error]]);
  });

  it.each([
    ['EFAULT: nothing is mapped', 0x10000n, PAGE],
    ['a null pointer, refused by the wrapper', 0n, PAGE],
    ['no bytes at an aligned address, refused by the wrapper', 0x10000n, 0],
  ])('ERROR for whatever errno: %s', (_name, address, size) => {
    const { runtime } = rig(gpus);
    const error = refusal(() => runtime.svmAttributesSet(address, size, [pairOf(A.readOnly, 1)]));
    expect([error.status, error.statusName, error.agent]).toEqual([HsaStatus.error, 'HSA_STATUS_ERROR', 'GPU0']);
    expect(error.errno).toBeLessThan(0);
  });

  it('ERROR for a device without XNACK', () => {
    const made = rig(gpus, {}, { asic: 'gfx1100' });
    const error = refusal(() => made.runtime.svmAttributesSet(made.map(), PAGE, [pairOf(A.readOnly, 1)]));
    expect([error.status, error.errno]).toEqual([HsaStatus.error, -95]);
  });

  it('a bad pair comes before a bad range', () => {
    const { runtime } = rig(gpus);
    expect(refusal(() => runtime.svmAttributesSet(0n, 0, [pairOf(A.globalFlag, 5)])).status).toBe(
      HsaStatus.invalidArgument,
    );
  });

  it('NOT_INITIALIZED comes before everything', () => {
    const { runtime } = rig(gpus);
    runtime.close();
    expect(refusal(() => runtime.svmAttributesSet(0n, -1, [])).statusName).toBe('HSA_STATUS_ERROR_NOT_INITIALIZED');
  });
});

describe('without a GPU agent', () => {
  it('a set is an ERROR, after its pairs were checked', () => {
    const { runtime } = rig(0);
    expect(refusal(() => runtime.svmAttributesSet(0x1000n, PAGE, [pairOf(A.readOnly, 1)])).status).toBe(
      HsaStatus.error,
    );
    expect(refusal(() => runtime.svmAttributesSet(0x1000n, PAGE, [])).status).toBe(HsaStatus.error);
    expect(refusal(() => runtime.svmAttributesSet(0x1000n, PAGE, [pairOf(9, 1)])).status).toBe(
      HsaStatus.invalidArgument,
    );
  });
});
