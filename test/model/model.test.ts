/** The cases that look inside the model, on the emulated devices, and their recordings. */
import { describe, expect, it } from 'vitest';
import '../../lib/index.ts';
import { MODEL_FEATURES } from '../../lib/conformance/framework/feature.ts';
import { reasonNotRecorded } from '../../lib/conformance/framework/recordings.ts';
import { OTHER_REVISIONS, testGroups } from '../support/case-groups.ts';
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

describe('on the emulated gfx942, each with its recording', () => {
  it('has recordings of most cases', () => {
    expect(modelCases().filter((each) => reasonNotRecorded(each) === undefined).length).toBeGreaterThan(1000);
  });

  testGroups(MODEL_GROUPS, { recorded: true });
});

describe.each(OTHER_REVISIONS)('on %s', (_name, options) => testGroups(MODEL_GROUPS, options));

const differing = MODEL_GROUPS.filter(({ path: name }) => /^(ranges|faults|quirks),/.test(name));
describe.each(['gfx90a', 'gfx942-apu', 'gfx950'] as const)('on the emulated %s, whose memory types differ', (asic) =>
  testGroups(differing, { asic }),
);
