import { describe, expect, it } from 'vitest';
import { PAGE, hsaRigs, pairOf, refusal } from '../../test/support/hsa-rig.ts';
import { formatTraffic, HsaStatus, HsaSvmAttribute } from './index.ts';
import type { HsaSvmAttributePair } from './index.ts';

const A = HsaSvmAttribute;
const rig = hsaRigs({ cpuAgents: 2 });

describe('worked examples (spec/hsa §10) on the traffic view', () => {
  const setup = () => {
    const made = rig(2);
    const [c, c2] = made.runtime.cpuAgents;
    const [g0, g1] = made.runtime.gpuAgents;
    const page = made.map();
    const set = (...pairs: HsaSvmAttributePair[]): string[] => {
      made.runtime.svmAttributesSet(page, PAGE, pairs);
      return made.traffic();
    };
    return { made, page, set, c: c!, c2: c2!, g0: g0!, g1: g1! };
  };

  it('[GLOBAL COARSE, ACCESSIBLE G1, PREFERRED G1]', () => {
    const { set, g1 } = setup();
    expect(set(pairOf(A.globalFlag, 1), pairOf(A.agentAccessible, g1), pairOf(A.preferredLocation, g1))).toEqual([
      'GPU0: 5:0',
      'GPU1: 5:0 2:2 0:1',
    ]);
  });

  it('[ACCESSIBLE G0, IN_PLACE G1]', () => {
    const { set, g0, g1 } = setup();
    expect(set(pairOf(A.agentAccessible, g0), pairOf(A.agentAccessibleInPlace, g1))).toEqual([
      'GPU0: 2:2',
      'GPU1: 2:1',
    ]);
  });

  it('[PREFERRED C, ACCESSIBLE C, READ_MOSTLY 1, GRANULARITY 40]', () => {
    const { set, c } = setup();
    const list = '0:0 3:18 4:1 10:1';
    expect(
      set(
        pairOf(A.preferredLocation, c),
        pairOf(A.agentAccessible, c),
        pairOf(A.readMostly, 1),
        pairOf(A.migrationGranularity, 40),
      ),
    ).toEqual([`GPU0: ${list}`, `GPU1: ${list}`]);
  });

  it('[GRANULARITY 3, PREFERRED 0]', () => {
    const { set } = setup();
    expect(set(pairOf(A.migrationGranularity, 3), pairOf(A.preferredLocation, 0))).toEqual([
      'GPU0: 3:3 0:0xffffffff',
      'GPU1: 3:3 0:0xffffffff',
    ]);
  });

  it('[ACCESSIBLE C, NO_ACCESS C2]: set wins, in either order', () => {
    const { set, c, c2 } = setup();
    expect(set(pairOf(A.agentAccessible, c), pairOf(A.agentNoAccess, c2))).toEqual(['GPU0: 4:1', 'GPU1: 4:1']);
    expect(set(pairOf(A.agentNoAccess, c2), pairOf(A.agentAccessible, c))).toEqual(['GPU0: 4:1', 'GPU1: 4:1']);
  });

  it('prefetch to G1, prefetch to C', async () => {
    const { made, page, c, g1 } = setup();
    made.runtime.svmPrefetchAsync(page, PAGE, g1);
    await made.runtime.idle();
    expect(made.traffic()).toEqual(['GPU1: 1:1']);
    made.runtime.svmPrefetchAsync(page, PAGE, c);
    await made.runtime.idle();
    expect(made.traffic()).toEqual(['GPU0: 1:0', 'GPU1: 1:0']);
  });

  it('as people read it', () => {
    const { made, page, g1 } = setup();
    made.runtime.svmAttributesSet(page, PAGE, [
      pairOf(A.globalFlag, 1),
      pairOf(A.agentAccessible, g1),
      pairOf(A.preferredLocation, g1),
    ]);
    expect(made.events.map(formatTraffic)).toEqual([
      'hsa_amd_svm_attributes_set(GLOBAL_FLAG=COARSE, AGENT_ACCESSIBLE=GPU1, PREFERRED_LOCATION=GPU1) -> ' +
        'GPU0: COHERENT=0; GPU1: COHERENT=0, ACCESS=ALLOW_MIGRATE, PREFERRED_LOC=1',
    ]);
  });
});

describe('what is sent', () => {
  it.each<[string, HsaSvmAttributePair, string]>([
    ['GLOBAL_FLAG FINE', pairOf(A.globalFlag, 0), '5:1'],
    ['GLOBAL_FLAG COARSE', pairOf(A.globalFlag, true), '5:0'],
    ['READ_ONLY, any non-zero', pairOf(A.readOnly, 0x8000_0000_0000_0000n), '8:1'],
    ['READ_ONLY false', pairOf(A.readOnly, false), '8:0'],
    ['HIVE_LOCAL', pairOf(A.hiveLocal, 2), '7:1'],
    ['READ_MOSTLY', pairOf(A.readMostly, 1n), '10:1'],
    ['GPU_EXEC', pairOf(A.gpuExec, 0x20), '9:1'],
    ['GPU_EXEC 0', pairOf(A.gpuExec, 0), '9:0'],
    ['GRANULARITY 0', pairOf(A.migrationGranularity, 0), '3:0'],
    ['GRANULARITY 18', pairOf(A.migrationGranularity, 18), '3:18'],
    ['GRANULARITY 19', pairOf(A.migrationGranularity, 19), '3:18'],
    ['GRANULARITY 2^64 - 1', pairOf(A.migrationGranularity, (1n << 64n) - 1n), '3:18'],
    ['PREFERRED none', pairOf(A.preferredLocation, null), '0:0xffffffff'],
  ])('%s goes to every GPU', (_name, sent, record) => {
    const made = rig(3);
    made.runtime.svmAttributesSet(made.map(), PAGE, [sent]);
    expect(made.traffic()).toEqual([`GPU0: ${record}`, `GPU1: ${record}`, `GPU2: ${record}`]);
  });

  it('any CPU agent is SYSMEM as the preferred location, and HOST_ACCESS as an access', () => {
    const made = rig(2);
    const [, c2] = made.runtime.cpuAgents;
    const page = made.map();
    for (const [sent, record] of [
      [pairOf(A.preferredLocation, c2!), '0:0'],
      [pairOf(A.agentAccessibleInPlace, c2!), '4:1'],
      [pairOf(A.agentNoAccess, c2!), '4:0'],
    ] as const) {
      made.runtime.svmAttributesSet(page, PAGE, [sent]);
      expect(made.traffic()).toEqual([`GPU0: ${record}`, `GPU1: ${record}`]);
    }
  });

  it('is ordered: granularity and "no GPU" locations as listed, flags by number, own records as listed', () => {
    const made = rig(2);
    const [g0, g1] = made.runtime.gpuAgents;
    const [c] = made.runtime.cpuAgents;
    made.runtime.svmAttributesSet(made.map(), PAGE, [
      pairOf(A.readMostly, 1),
      pairOf(A.agentNoAccess, g1!),
      pairOf(A.gpuExec, 1),
      pairOf(A.preferredLocation, g0!),
      pairOf(A.readOnly, 0),
      pairOf(A.agentAccessible, g0!),
      pairOf(A.hiveLocal, 0),
      pairOf(A.migrationGranularity, 4),
      pairOf(A.globalFlag, 0),
      pairOf(A.agentNoAccess, c!),
    ]);
    const common = '3:4 4:0 5:1 7:0 8:0 9:1 10:1';
    expect(made.traffic()).toEqual([`GPU0: ${common} 0:1 2:2`, `GPU1: ${common} 2:0`]);
  });

  it('goes only to the GPUs that are named, if it is only theirs', () => {
    const made = rig(8);
    const { gpuAgents } = made.runtime;
    made.runtime.svmAttributesSet(made.map(), PAGE, [
      pairOf(A.agentAccessible, gpuAgents[6]!),
      pairOf(A.agentNoAccess, gpuAgents[2]!.handle),
    ]);
    expect(made.traffic()).toEqual(['GPU2: 2:0', 'GPU6: 2:2']);
  });

  it.each([
    ['base down, end up', 0x100n, 0x1000, 0n, 2],
    ['one byte across a border', 0xfffn, 2, 0n, 2],
    ['no bytes at an unaligned address become one page', 1n, 0, 0n, 1],
    ['an aligned range stays', 0n, 2 * PAGE, 0n, 2],
  ])('is rounded to pages: %s', (_name, offset, size, base, pages) => {
    const made = rig(1);
    const address = made.map(4);
    made.runtime.svmAttributesSet(address + offset, size, [pairOf(A.readOnly, 1)]);
    const [ioctl] = made.events[0]!.ioctls;
    expect([ioctl!.address, ioctl!.size]).toEqual([address + base, BigInt(pages * PAGE)]);
  });
});

describe('a failing GPU', () => {
  it('ends the call; the ones before it stay changed, the ones after it untouched', () => {
    const made = rig(3);
    const page = made.map();
    made.machine.devices[1]!.unplugged = true;
    const error = refusal(() => made.runtime.svmAttributesSet(page, PAGE, [pairOf(A.readOnly, 1)]));
    expect([error.status, error.agent, error.errno]).toEqual([HsaStatus.error, 'GPU1', -19]);
    expect(made.traffic()).toEqual(['GPU0: 8:1', 'GPU1: 8:1']);
    expect([made.raw(0, page, PAGE, 8), made.raw(2, page, PAGE, 8)]).toEqual([[1], [0]]);
  });
});

describe('no pairs', () => {
  const reset = '0:0xffffffff 3:9 4:1 5:1 6:0 7:0 8:0 9:0 10:0 2:2';

  it('put every attribute back but the last prefetch location, on every GPU', async () => {
    const made = rig(2);
    const page = made.map();
    const [g0, g1] = made.runtime.gpuAgents;
    const [c] = made.runtime.cpuAgents;
    const before = [0, 1].map((gpu) => made.raw(gpu, page, PAGE, 0, 2, 3, 4, 5, 6, 7, 8, 9, 10));
    made.runtime.svmAttributesSet(page, PAGE, [
      pairOf(A.globalFlag, 1),
      pairOf(A.readOnly, 1),
      pairOf(A.hiveLocal, 1),
      pairOf(A.migrationGranularity, 2),
      pairOf(A.preferredLocation, g1!),
      pairOf(A.readMostly, 1),
      pairOf(A.gpuExec, 1),
      pairOf(A.agentNoAccess, g0!),
      pairOf(A.agentNoAccess, c!),
    ]);
    made.runtime.svmPrefetchAsync(page, PAGE, g0!);
    await made.runtime.idle();
    made.traffic();
    made.runtime.svmAttributesSet(page, PAGE, []);
    expect(made.traffic()).toEqual(['GPU0: 3?', `GPU0: ${reset}`, 'GPU1: 3?', `GPU1: ${reset}`]);
    expect([0, 1].map((gpu) => made.raw(gpu, page, PAGE, 0, 2, 3, 4, 5, 6, 7, 8, 9, 10))).toEqual(before);
    expect(made.raw(0, page, PAGE, 1)).toEqual([1]);
  });

  it('ask for the default granularity once', () => {
    const made = rig(1, {}, { defaultGranularity: 5 });
    const page = made.map();
    made.runtime.svmAttributesSet(page, PAGE, []);
    made.traffic();
    made.runtime.svmAttributesSet(page, PAGE, []);
    expect(made.traffic()).toEqual([`GPU0: ${reset.replace('3:9', '3:5')}`]);
  });

  it('are an ERROR where a set is one', () => {
    const { runtime } = rig(1);
    expect(refusal(() => runtime.svmAttributesSet(0x10000n, PAGE, [])).errno).toBe(-14);
    expect(refusal(() => runtime.svmAttributesSet(0x10000n, 0, [])).errno).toBe(-22);
    const off = rig(1, {}, { asic: 'gfx1100' });
    expect(refusal(() => off.runtime.svmAttributesSet(off.map(), PAGE, [])).errno).toBe(-95);
  });

  it('went down as an empty list before 2026, which the device refuses', () => {
    const made = rig(2, { release: '2025' });
    expect(refusal(() => made.runtime.svmAttributesSet(made.map(), PAGE, [])).errno).toBe(-22);
    expect(made.traffic()).toEqual(['GPU0: ']);
  });
});
