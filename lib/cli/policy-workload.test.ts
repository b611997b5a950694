import { describe, expect, it } from 'vitest';
import { PATTERN_NAMES, POLICY_NAMES } from './policies.ts';
import type { PolicyName } from './policies.ts';
import { orderOfPass, runPolicy } from './policy-workload.ts';
import type { PolicyResult, WorkloadSettings } from './policy-workload.ts';

const MIB = 2 ** 20;
const SETTINGS: WorkloadSettings = {
  cost: 'mi210',
  pattern: 'sequential',
  size: 16,
  vram: 8,
  window: 4,
  passes: 2,
  cpuReads: false,
  repairs: 'all',
};
const run = (policy: PolicyName, settings: Partial<WorkloadSettings> = {}): Promise<PolicyResult> =>
  runPolicy(policy, { ...SETTINGS, ...settings });

describe('the order of windows', () => {
  it('is as the pattern says', () => {
    expect(orderOfPass('sequential', 4, 0)).toEqual([0, 1, 2, 3]);
    expect(orderOfPass('hot', 4, 0)).toEqual([0, 0, 1, 0, 2, 0, 3, 0]);
    expect(
      orderOfPass('hot', 16, 0)
        .filter((_, index) => index % 2 === 1)
        .slice(0, 4),
    ).toEqual([0, 1, 0, 1]);
  });

  it('is another one in each random pass, and the same each time', () => {
    const passes = [0, 1, 2].map((pass) => orderOfPass('random', 16, pass));
    for (const pass of passes)
      expect(pass.toSorted((one, other) => one - other)).toEqual(orderOfPass('sequential', 16, 0));
    expect(new Set(passes.map(String)).size).toBe(3);
    expect(orderOfPass('random', 16, 1)).toEqual(passes[1]);
  });
});

describe('a policy', () => {
  it.each(POLICY_NAMES)('%s spends all of its time on something', async (policy) => {
    const result = await run(policy, { cpuReads: true, pattern: 'random' });
    const spent = Object.values(result.spent);
    expect(Math.min(...spent)).toBeGreaterThanOrEqual(0);
    expect(spent.reduce((total, each) => total + each, 0)).toBe(result.nanoseconds);
    expect(await run(policy, { cpuReads: true, pattern: 'random' })).toEqual(result);
  });

  it('no-prefetch moves memory by faults, prefetch-window without one', async () => {
    const [demand, window] = [await run('no-prefetch'), await run('prefetch-window')];
    // Eight ranges twice, of which four find room without an eviction.
    expect([demand.faults, demand.evictions, demand.cpuFaults]).toEqual([16, 12, 0]);
    expect(demand.bytes).toEqual({ toVram: 32 * MIB, toSystem: 24 * MIB, local: 32 * MIB, remote: 0 });
    expect([window.faults, window.bytes]).toEqual([0, demand.bytes]);
    expect(window.nanoseconds).toBeLessThan(demand.nanoseconds);
  });

  it('prefetch-once moves all before, and what does not fit in vain', async () => {
    const { bytes, faults } = await run('prefetch-once');
    expect([bytes.toVram, faults]).toEqual([48 * MIB, 16]);
    const fits = await run('prefetch-once', { vram: 16 });
    expect([fits.bytes.toVram, fits.faults, fits.evictions]).toEqual([16 * MIB, 0, 0]);
  });

  it('in-place moves nothing', async () => {
    const { bytes, faults } = await run('in-place');
    expect([bytes, faults]).toEqual([{ toVram: 0, toSystem: 0, local: 0, remote: 32 * MIB }, 8]);
  });

  it('one-shot leaves in system memory what came home', async () => {
    const { bytes } = await run('one-shot');
    expect([bytes.toVram, bytes.local, bytes.remote]).toEqual([16 * MIB, 16 * MIB, 16 * MIB]);
  });

  it('residency keeps what came first', async () => {
    const { bytes, evictions } = await run('residency');
    expect([bytes.toVram, evictions]).toEqual([8 * MIB, 0]);
    expect((await run('residency', { cpuReads: true })).spent['waiting']).toBeGreaterThan(0);
  });

  it('meets faults of the CPU where it reads', async () => {
    const { cpuFaults, bytes } = await run('no-prefetch', { vram: 16, cpuReads: true });
    // One page of each of four windows, twice: a range of 2 MiB comes home for each.
    expect([cpuFaults, bytes.toSystem]).toEqual([8, 16 * MIB]);
  });

  it('costs what the table says', async () => {
    const [fast, slow] = [await run('in-place', { cost: 'mi300x' }), await run('in-place')];
    expect(slow.spent['gpu-access']! / fast.spent['gpu-access']!).toBeCloseTo(2, 1);
    expect(PATTERN_NAMES).toContain(SETTINGS.pattern);
  });
});
