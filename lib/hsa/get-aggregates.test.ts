import { describe, expect, it } from 'vitest';
import { PAGE, hsaRigs } from '../../test/support/hsa-rig.ts';
import { HsaGlobalFlag, HsaSvmAttribute } from './index.ts';

const A = HsaSvmAttribute;
const rig = hsaRigs({ cpuAgents: 2 });

describe('differing sub-ranges (spec/hsa §4.4, DRM)', () => {
  it('aggregate; a page that was never set counts with its defaults', () => {
    const made = rig(2);
    const [g0] = made.runtime.gpuAgents;
    const [c] = made.runtime.cpuAgents;
    const page = made.map(2);
    made.set(
      page,
      1,
      [A.globalFlag, 1],
      [A.readOnly, 1],
      [A.hiveLocal, 1],
      [A.readMostly, 1],
      [A.migrationGranularity, 3],
      [A.preferredLocation, g0!],
      [A.agentAccessibleInPlace, g0!],
      [A.agentNoAccess, c!],
    );
    expect(
      made.get(
        page,
        2,
        A.globalFlag,
        A.readOnly,
        A.hiveLocal,
        A.readMostly,
        A.migrationGranularity,
        A.preferredLocation,
        [A.accessQuery, g0!],
        [A.accessQuery, c!],
      ),
    ).toEqual([HsaGlobalFlag.coarseGrained, 0, 0, 0, 3, null, A.agentNoAccess, A.agentNoAccess]);
  });

  it('a location that is mixed on one GPU is what another GPU claims', () => {
    const made = rig(2);
    const [g0, g1] = made.runtime.gpuAgents;
    const page = made.map(2);
    made.set(page, 1, [A.preferredLocation, g0!]);
    made.set(page, 2, [A.preferredLocation, g1!]);
    expect(made.raw(0, page, 2 * PAGE, 0)).toEqual([0xffff_ffff]);
    expect(made.get(page, 2, A.preferredLocation)).toEqual([g1]);
  });
});

describe('locations over several GPUs', () => {
  it('SYSMEM on any GPU is the first CPU agent if no GPU claims the range', () => {
    const made = rig(2);
    const page = made.map();
    made.devices[1]!.setAttributes({ address: page, size: PAGE }, { preferredLocation: 'system' });
    expect(made.get(page, 1, A.preferredLocation)).toEqual([made.runtime.cpuAgents[0]]);
    made.devices[1]!.setAttributes({ address: page, size: PAGE }, { preferredLocation: { raw: 7 } });
    expect(made.get(page, 1, A.preferredLocation)).toEqual([made.runtime.gpuAgents[1]]);
  });

  it.each([
    ['rocm', 'stays with GPU 0 (the stale "this GPU", spec/hsa §3.3)', 0],
    ['documented', 'moves on', 1],
  ] as const)('preferred GPU 0, then GPU 1, %s: %s', (compatibility, _what, reads) => {
    const made = rig(2, { compatibility });
    const [g0, g1] = made.runtime.gpuAgents;
    const page = made.map();
    made.set(page, 1, [A.preferredLocation, g0!]);
    made.set(page, 1, [A.preferredLocation, g1!]);
    expect(made.get(page, 1, A.preferredLocation)).toEqual([made.runtime.gpuAgents[reads]]);
    // Back, and by way of a CPU or nothing, it is right in both.
    made.set(page, 1, [A.preferredLocation, g0!]);
    expect(made.get(page, 1, A.preferredLocation)).toEqual([g0]);
    for (const between of [null, made.runtime.cpuAgents[0]!]) {
      made.set(page, 1, [A.preferredLocation, between]);
      expect(made.get(page, 1, A.preferredLocation)).toEqual([between]);
      made.set(page, 1, [A.preferredLocation, g1!]);
      expect(made.get(page, 1, A.preferredLocation)).toEqual([g1]);
    }
  });

  it('documented: the other GPUs are told', () => {
    const made = rig(3, { compatibility: 'documented' });
    const page = made.map();
    made.runtime.svmAttributesSet(page, PAGE, [{ attribute: A.preferredLocation, value: made.runtime.gpuAgents[1]! }]);
    expect(made.traffic()).toEqual(['GPU0: 0:0xffffffff', 'GPU1: 0:1', 'GPU2: 0:0xffffffff']);
  });
});

describe('a GPU that refuses a get', () => {
  it('is passed over: the call succeeds, flags read 0, granularity is left, queries stay queries', () => {
    const made = rig(2);
    const [g0, g1] = made.runtime.gpuAgents;
    const [c] = made.runtime.cpuAgents;
    const page = made.map();
    made.set(page, 1, [A.preferredLocation, g0!], [A.readOnly, 1]);
    made.set(page, 1, [A.preferredLocation, g1!]);
    made.machine.devices[0]!.unplugged = true;
    expect(
      made.get(
        page,
        1,
        A.globalFlag,
        A.readOnly,
        [A.migrationGranularity, 77],
        A.migrationGranularity,
        A.preferredLocation,
        [A.accessQuery, g0!],
        [A.accessQuery, g1!],
        [A.accessQuery, c!],
      ),
    ).toEqual([HsaGlobalFlag.coarseGrained, 0, 77, 0, g1, A.accessQuery, A.agentAccessible, A.agentNoAccess]);
    expect(made.get(page, 1, A.prefetchLocation)).toEqual([null]);
  });

  it('so does a range that the wrapper refuses', () => {
    const made = rig(1);
    expect(made.get(0x1000n, 0, A.globalFlag, A.preferredLocation, A.prefetchLocation)).toEqual([
      HsaGlobalFlag.coarseGrained,
      null,
      null,
    ]);
    expect(made.traffic()).toEqual([]);
  });
});

it('before 2026 an access query of a CPU without access stayed a query', () => {
  const made = rig(1, { release: '2025' });
  const [c] = made.runtime.cpuAgents;
  const page = made.map();
  expect(made.get(page, 1, [A.accessQuery, c!])).toEqual([A.agentAccessible]);
  made.set(page, 1, [A.agentNoAccess, c!]);
  expect(made.get(page, 1, [A.accessQuery, c!])).toEqual([A.accessQuery]);
});

it('an access number of a later kernel counts as accessible', async () => {
  const { getFromGpus } = await import('./get.ts');
  const { AgentTable } = await import('./agent.ts');
  const made = rig(1);
  const agents = new AgentTable(1, made.devices);
  const [device] = made.devices;
  const answering = {
    ...agents,
    gpuAgents: [
      {
        ...agents.gpuAgents[0],
        kind: 'gpu',
        index: 0,
        device: { profile: device!.profile, svmIoctl: () => ({ result: 0, attributes: [{ type: 2, value: 3 }] }) },
      },
    ],
  };
  const query = { attribute: A.accessQuery, field: '', agent: answering.gpuAgents[0], number: 0n };
  const [answer] = getFromGpus({ address: 4096n, size: 4096n }, [query as never], answering as never, 0);
  expect(answer!.attribute).toBe(A.agentAccessible);
});
