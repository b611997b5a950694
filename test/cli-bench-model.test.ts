/** `amdgpu-svm bench --model`: what it prints, and what it refuses. */
import { describe, expect, it } from 'vitest';
import { runHere } from './support/cli-here.ts';

const run = (...args: readonly string[]) => runHere(['bench', '--model', ...args]);
const SMALL = ['--size', '8', '--vram', '4', '--window', '2'];

describe('bench --model', () => {
  it('prints time, faults and bytes moved for three policies', async () => {
    const { code, stdout, stderr } = await run(...SMALL);
    expect([code, stderr]).toEqual([0, '']);
    const [title, head, ...rows] = stdout.split('\n');
    expect(title).toBe('cost mi300x: 8 MiB on 4 MiB of VRAM, hot in windows of 2 MiB, 2 passes');
    expect(head).toMatch(
      /^policy +ms +GPU faults +CPU faults +evictions +to VRAM, MiB +to system, MiB +accessed in VRAM, MiB +over the link, MiB$/,
    );
    expect(rows.slice(0, 3).map((row) => row.split(/\s+/)[0])).toEqual([
      'no-prefetch',
      'prefetch-once',
      'prefetch-window',
    ]);
    expect(rows.slice(3, 6).join('\n')).toMatch(
      /^\nwhat the time is spent on, ms\n +no-prefetch +prefetch-once +prefetch-window$/,
    );
    expect(rows.find((row) => row.startsWith('migration '))).toMatch(/^migration( +[1-9]\d*\.\d\d){3}$/);
    // The same each time.
    expect((await run(...SMALL)).stdout).toBe(stdout);
  });

  it('gives all of it with --json, by the table and the numbers that were asked for', async () => {
    const options = ['--policies', 'in-place, one-shot', '--cost', 'mi210,cpuFault=700,pte=2.5', '--pattern', 'random'];
    const { stdout } = await run(...SMALL, ...options, '--passes', '1', '--cpu-reads', '--repairs', '', '--json');
    const { cost, results, ...settings } = JSON.parse(stdout) as {
      cost: Record<string, number>;
      results: { policy: string; nanoseconds: number; bytes: Record<string, number> }[];
    };
    expect(settings).toEqual({
      pattern: 'random',
      size: 8,
      vram: 4,
      window: 2,
      passes: 1,
      cpuReads: true,
      repairs: [],
    });
    expect([cost['cpuFault'], cost['pte'], cost['copyBandwidth']]).toEqual([700, 2.5, 26.8]);
    expect(results.map(({ policy }) => policy)).toEqual(['in-place', 'one-shot']);
    expect(results[0]!.bytes).toEqual({ toVram: 0, toSystem: 0, local: 0, remote: 8 << 20 });
    expect(results[1]!.nanoseconds).toBeGreaterThan(results[0]!.nanoseconds);
  });

  it.each([
    [['--policies', 'prefetch'], /bench: --policies: expected no-prefetch, .*residency, got "prefetch"/],
    [['--pattern', 'zigzag'], /bench: --pattern: expected one of sequential, random, hot, got "zigzag"/],
    [['--cost', 'mi400'], /bench: --cost.base: expected one of mi300x, mi210, mi250x, mi300a, got "mi400"/],
    [['--cost', 'mi210,tlb=1'], /bench: --cost.tlb: unknown quantity; known: base, faultDelivery, /],
    [['--cost', 'mi210,pte=-1'], /bench: --cost.pte: expected nanoseconds from 0 to 1000000000, got -1/],
    [['--cost', 'mi210,pte'], /bench: --cost: expected QUANTITY=NUMBER after the table, got "pte"/],
    [['--size', '0'], /bench: --size: expected a whole number from 1 to 4096, got "0"/],
    [['--passes', '1.5'], /bench: --passes: expected a whole number from 1 to 100, got "1.5"/],
    [['--window', '3'], /bench: --window: expected a divisor of the 64 MiB of --size, got 3/],
    [['--repairs', 'everything'], /bench: --repairs: "everything" is unknown/],
    [['get-one'], /bench: --model takes no measurement, got "get-one"/],
    [['--time', '5'], /bench: --time goes without --model/],
  ])('refuses %j', async (args, message) => {
    const { code, stdout, stderr } = await run(...args);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(message);
  });
});
