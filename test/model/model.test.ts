/** The cases that look inside the model, on the emulated devices, and their recordings. */
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import '../../lib/index.ts';
import { MODEL_FEATURES } from '../../lib/conformance/framework/feature.ts';
import { runCases } from '../../lib/conformance/framework/run.ts';
import { readTraceFile } from '../../lib/trace/format/read-trace.ts';
import { replayTrace } from '../../lib/trace/replay/replay.ts';
import { OTHER_REVISIONS, testGroups } from '../support/case-groups.ts';
import { sample } from '../support/effort.ts';
import { ownTemporaryFolder } from '../support/package-support.ts';
import { bothSuites } from './both-suites.ts';
import { MODEL_GROUPS, modelCases } from './index.ts';

describe('the list of the model cases', () => {
  it('shares no name with the cases of the package', () => {
    const ids = bothSuites().map(({ id }) => id);
    expect(ids.length - new Set(ids).size).toBe(0);
  });

  it('has no case that a GPU could run', () => {
    const outer = modelCases().filter(
      ({ needs, unimplemented }) =>
        unimplemented === undefined && !needs.some((feature) => MODEL_FEATURES.includes(feature)),
    );
    expect(outer.map(({ id }) => id)).toEqual([]);
  });
});

it('passes on the emulated gfx942, and every recording replays identically', { timeout: 300_000 }, async () => {
  const folder = ownTemporaryFolder();
  const report = await runCases(modelCases(), {
    target: { backend: 'emulated' },
    expectQuirks: true,
    record: folder,
  });
  const bad = report.cases.filter(({ expected }) => !expected);
  expect(bad.map(({ id, reason, log }) => `${id}: ${reason}\n    ${log.join('\n    ')}`).join('\n')).toBe('');
  const recordings = report.cases.flatMap(({ recording = '' }) => (recording.startsWith(folder) ? [recording] : []));
  expect(recordings.length).toBeGreaterThan(1000);
  const different = sample(recordings, 4).flatMap((file) => {
    const { difference } = replayTrace(readTraceFile(file, { lazyAnswers: true }), { check: true });
    return difference === undefined ? [] : [{ file: path.basename(file), ...difference }];
  });
  expect(different).toEqual([]);
});

describe.each(OTHER_REVISIONS)('on %s', (_name, options) => testGroups(MODEL_GROUPS, options));

const differing = MODEL_GROUPS.filter(({ path: name }) => /^(ranges|faults|quirks),/.test(name));
describe.each(['gfx90a', 'gfx942-apu', 'gfx950'] as const)('on the emulated %s, whose memory types differ', (asic) =>
  testGroups(differing, { asic }),
);
