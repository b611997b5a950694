import { describe, expect, it } from 'vitest';
import { PAGE, hsaRigs, refusal } from '../../test/support/hsa-rig.ts';
import { HsaGlobalFlag, HsaStatus, HsaSvmAttribute } from './index.ts';

const A = HsaSvmAttribute;
const rig = hsaRigs({ cpuAgents: 2 });
const everything = [
  A.globalFlag,
  A.readOnly,
  A.hiveLocal,
  A.migrationGranularity,
  A.preferredLocation,
  A.prefetchLocation,
  A.readMostly,
];

describe.each([1, 2])('get, %i GPU(s)', (gpus) => {
  it('reads the defaults of an untouched page (spec/hsa §9), also where nothing is mapped', () => {
    const made = rig(gpus);
    const [c] = made.runtime.cpuAgents;
    const accesses = made.runtime.gpuAgents.map((agent): [number, typeof agent] => [A.accessQuery, agent]);
    for (const page of [made.map(), 0x10000n]) {
      expect(made.get(page, 1, ...everything, ...accesses, [A.accessQuery, c!])).toEqual([
        HsaGlobalFlag.fineGrained,
        0,
        0,
        9,
        null,
        null,
        0,
        ...accesses.map(() => A.agentAccessible),
        A.agentAccessible,
      ]);
    }
  });

  it('reads back what was set, booleans as 1', () => {
    const made = rig(gpus);
    const [c] = made.runtime.cpuAgents;
    const g = made.runtime.gpuAgents.at(-1)!;
    const page = made.map();
    made.set(
      page,
      1,
      [A.globalFlag, 1],
      [A.readOnly, 8],
      [A.hiveLocal, 4],
      [A.migrationGranularity, 40],
      [A.preferredLocation, g],
      [A.readMostly, 32],
      [A.agentAccessibleInPlace, g],
      [A.agentNoAccess, c!],
    );
    expect(
      made.get(
        page,
        1,
        A.globalFlag,
        A.readOnly,
        A.hiveLocal,
        A.migrationGranularity,
        A.preferredLocation,
        A.readMostly,
        [A.accessQuery, g],
        [A.accessQuery, c!],
      ),
    ).toEqual([HsaGlobalFlag.coarseGrained, 1, 1, 18, g, 1, A.agentAccessibleInPlace, A.agentNoAccess]);
    made.set(
      page,
      1,
      [A.agentNoAccess, g],
      [A.agentAccessibleInPlace, c!],
      [A.preferredLocation, made.runtime.cpuAgents[1]!],
    );
    // A CPU is never "in place", and every CPU reads as the first.
    expect(made.get(page, 1, [A.accessQuery, g], [A.accessQuery, c!], A.preferredLocation)).toEqual([
      A.agentNoAccess,
      A.agentAccessible,
      c,
    ]);
  });

  it('refuses a null or unknown agent of an access query with INVALID_AGENT', () => {
    const made = rig(gpus);
    for (const value of [null, 0n, 0xbadn, rig(1).runtime.cpuAgents[0]!]) {
      const error = refusal(() =>
        made.runtime.svmAttributesGet(made.map(), PAGE, [
          { attribute: A.readOnly },
          { attribute: A.accessQuery, value },
        ]),
      );
      expect([error.statusName, error.field]).toEqual(['HSA_STATUS_ERROR_INVALID_AGENT', 'pairs[1].value']);
    }
    expect(made.traffic()).toEqual([]);
  });

  it.each([A.gpuExec, A.agentAccessible, A.agentAccessibleInPlace, A.agentNoAccess, 8, 0x204, 1n << 63n])(
    'refuses attribute %s with INVALID_ARGUMENT',
    (attribute) => {
      const made = rig(gpus);
      const error = refusal(() =>
        made.runtime.svmAttributesGet(made.map(), PAGE, [
          { attribute: A.readOnly },
          { attribute, value: made.runtime.gpuAgents[0]! },
        ]),
      );
      expect([error.statusName, error.field]).toEqual(['HSA_STATUS_ERROR_INVALID_ARGUMENT', 'pairs[1].attribute']);
      expect(made.traffic()).toEqual([]);
    },
  );

  it('checks pairs in order', () => {
    const made = rig(gpus);
    const bad = [{ attribute: A.accessQuery, value: null }, { attribute: A.gpuExec }];
    expect(refusal(() => made.runtime.svmAttributesGet(0n, 0, bad)).status).toBe(HsaStatus.invalidAgent);
    expect(refusal(() => made.runtime.svmAttributesGet(0n, 0, bad.toReversed())).status).toBe(
      HsaStatus.invalidArgument,
    );
  });

  it('allows duplicates, and leaves the list that was passed as it is', () => {
    const made = rig(gpus);
    const queries = [
      { attribute: A.readOnly, value: 5 },
      { attribute: A.accessQuery, value: made.runtime.gpuAgents[0]! },
      { attribute: A.readOnly, value: 5 },
    ];
    const before = structuredClone(queries.map(({ attribute }) => attribute));
    expect(made.runtime.svmAttributesGet(made.map(), PAGE, queries).map(({ value }) => value)).toEqual([
      0,
      made.runtime.gpuAgents[0],
      0,
    ]);
    expect(queries.map(({ attribute }) => attribute)).toEqual(before);
  });

  it('of nothing asks nobody', () => {
    const made = rig(gpus);
    expect(made.runtime.svmAttributesGet(made.map(), PAGE, [])).toEqual([]);
    expect(made.traffic()).toEqual([]);
  });
});

describe('without a GPU agent', () => {
  it('a get is an ERROR, unless it asks nothing', () => {
    const { runtime } = rig(0);
    expect(refusal(() => runtime.svmAttributesGet(0x1000n, PAGE, [{ attribute: A.readOnly }])).status).toBe(
      HsaStatus.error,
    );
    expect(refusal(() => runtime.svmAttributesGet(0x1000n, PAGE, [{ attribute: A.prefetchLocation }])).status).toBe(
      HsaStatus.error,
    );
    expect(refusal(() => runtime.svmAttributesGet(0x1000n, PAGE, [{ attribute: A.gpuExec }])).status).toBe(
      HsaStatus.invalidArgument,
    );
    expect(runtime.svmAttributesGet(0x1000n, PAGE, [])).toEqual([]);
  });
});

describe('who is asked', () => {
  it('flags and granularity: GPU 0; locations: all; access: the GPU; one batch each, in the order of the driver', () => {
    const made = rig(3);
    const { gpuAgents, cpuAgents } = made.runtime;
    made.get(
      made.map(),
      1,
      [A.accessQuery, gpuAgents[2]!],
      A.preferredLocation,
      A.migrationGranularity,
      A.readMostly,
      A.readOnly,
      A.hiveLocal,
      A.globalFlag,
      [A.accessQuery, cpuAgents[1]!],
      [A.accessQuery, gpuAgents[0]!],
    );
    expect(made.traffic()).toEqual(['GPU0: 4? 5? 7? 8? 10? 3? 0? 2?', 'GPU1: 0?', 'GPU2: 0? 2?']);
  });

  it('only those that have something to answer', () => {
    const made = rig(3);
    const page = made.map();
    made.get(page, 1, [A.accessQuery, made.runtime.gpuAgents[1]!]);
    expect(made.traffic()).toEqual(['GPU1: 2?']);
    made.get(page, 1, A.readOnly, A.readOnly);
    expect(made.traffic()).toEqual(['GPU0: 8?']);
    made.get(page, 1, A.prefetchLocation);
    expect(made.traffic()).toEqual(['GPU0: 1?', 'GPU1: 1?', 'GPU2: 1?']);
  });

  it('what only GPU 1 was told is not seen in flags', () => {
    const made = rig(2);
    const page = made.map();
    made.devices[1]!.setAttributes({ address: page, size: PAGE }, { gpuReadOnly: true, granularity: 2 });
    expect(made.get(page, 1, A.readOnly, A.migrationGranularity)).toEqual([0, 9]);
  });
});
