/** Groups of conformance cases as tests of vitest. */
import { expect, it } from 'vitest';
import type { CaseGroup } from '../../lib/conformance/framework/case.ts';
import { runCase } from '../../lib/conformance/framework/run-case.ts';
import { Target } from '../../lib/conformance/framework/target.ts';
import type { TargetOptions } from '../../lib/conformance/framework/target.ts';

/** One test for each group: all its cases pass on the emulated device, or are skipped with a reason. */
export function testGroups(groups: readonly CaseGroup[], options: Omit<TargetOptions, 'backend' | 'nodes'> = {}): void {
  const target = Target.choose({ backend: 'emulated', ...options });
  it.each(groups.map((group) => [group.path, group] as const))('%s', { timeout: 60_000 }, async (_path, group) => {
    const bad: string[] = [];
    for (const each of group.concreteCases()) {
      const result = await runCase(each, target, { seed: 1, timeout: 30_000, expectQuirks: true });
      if (result.status !== 'pass' && result.status !== 'skip')
        bad.push(`${each.id}: ${result.reason}\n    ${result.log.join('\n    ')}`);
    }
    expect(bad.join('\n')).toBe('');
  });
}
