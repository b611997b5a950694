import { describe, expect, it } from 'vitest';
import { GROUPS } from './index.ts';
import { runCase } from '../framework/run-case.ts';
import { Target } from '../framework/target.ts';

describe('the cases on the emulated device', () => {
  const target = Target.choose({ backend: 'emulated' });
  it.each(GROUPS.map((group) => [group.path, group] as const))('%s', { timeout: 60_000 }, async (_path, group) => {
    const bad: string[] = [];
    for (const each of group.concreteCases()) {
      const result = await runCase(each, target, { seed: 1, timeout: 10_000, expectQuirks: true });
      if (result.status !== 'pass' && result.status !== 'skip')
        bad.push(`${each.id}: ${result.reason}\n    ${result.log.join('\n    ')}`);
    }
    expect(bad.join('\n')).toBe('');
  });

  it('have names of their own', () => {
    const ids = GROUPS.flatMap((group) => group.concreteCases().map(({ id }) => id));
    expect(ids.length - new Set(ids).size).toBe(0);
    expect(GROUPS.length - new Set(GROUPS.map(({ path }) => path)).size).toBe(0);
  });
});
