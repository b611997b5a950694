/** Groups of conformance cases as tests of vitest. */
import { rmSync } from 'node:fs';
import { expect, it } from 'vitest';
import type { CaseGroup } from '../../lib/conformance/framework/case.ts';
import { runCase } from '../../lib/conformance/framework/run-case.ts';
import { reasonNotRecorded, recordingPath } from '../../lib/conformance/framework/recordings.ts';
import { Target } from '../../lib/conformance/framework/target.ts';
import type { TargetOptions } from '../../lib/conformance/framework/target.ts';
import { readTraceLines } from '../../lib/trace/format/read-trace.ts';
import { replayTrace } from '../../lib/trace/replay/replay.ts';
import { sample } from './effort.ts';
import { temporaryFolder } from './after-file.ts';

/** A target, and whether every fourth case that can be recorded is - an eighth of them outside of CI -, and its recording has to replay identically. */
type GroupOptions = Omit<TargetOptions, 'backend' | 'nodes'> & {
  readonly recorded?: boolean;
  /** Only each n-th of the cases that make the GPU work; where little differs from another target. */
  readonly workOnly?: number;
};

/** Machines of the revisions after V4, which have the cases once each. */
export const OTHER_REVISIONS: readonly (readonly [name: string, options: Omit<TargetOptions, 'backend' | 'nodes'>])[] =
  [
    ['V7', { profile: 'v7' }],
    ['V7 without XNACK', { profile: 'v7-xnack-off', xnackOff: true }],
    ['v8', { profile: 'v8' }],
  ];

/**
 * One test for each group: its cases pass on the emulated device, or are skipped with a reason. On V4 and gfx942 all
 * cases are run everywhere, on v8 all in CI, on other revisions and devices a quarter of them there; elsewhere a sixth.
 */
export function testGroups(
  groups: readonly CaseGroup[],
  { recorded = false, workOnly, ...options }: GroupOptions = {},
): void {
  const first = options.profile === undefined && options.asic === undefined;
  const target = Target.choose({ backend: 'emulated', ...options });
  const worked = (group: CaseGroup): boolean => group.concreteCases().some(({ needs }) => needs.includes('gpu-work'));
  const meant = workOnly === undefined ? groups : groups.filter(worked);
  it.each(meant.map((group) => [group.path, group] as const))('%s', { timeout: 300_000 }, async (_path, group) => {
    const folder = recorded ? temporaryFolder() : undefined;
    const bad: string[] = [];
    const all = group
      .concreteCases()
      .filter(({ needs }) => workOnly === undefined || needs.includes('gpu-work'))
      .filter((_, index) => workOnly === undefined || index % workOnly === 0);
    // V7 has half of its rules from V4, the other half from v8.
    const cases = first ? all : sample(all, 6, options.profile === 'v8' ? 1 : 4);
    const toRecord = new Set(folder === undefined ? [] : sample(cases, 8, 4));
    for (const each of cases) {
      const record =
        folder === undefined || !toRecord.has(each) || reasonNotRecorded(each) !== undefined
          ? undefined
          : recordingPath(folder, each);
      const result = await runCase(each, target, { seed: 1, timeout: 30_000, expectQuirks: true, record });
      if (result.status !== 'pass' && result.status !== 'skip')
        bad.push(`${each.id}: ${result.reason}\n    ${result.log.join('\n    ')}`);
      if (record === undefined || result.status === 'skip') continue;
      const { difference } = replayTrace(readTraceLines(record), { check: true });
      if (difference !== undefined) bad.push(`${each.id}: replays differently: ${JSON.stringify(difference)}`);
      rmSync(record);
    }
    expect(bad.join('\n')).toBe('');
  });
}
