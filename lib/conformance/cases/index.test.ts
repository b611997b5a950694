import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { OTHER_REVISIONS, testGroups } from '../../../test/support/case-groups.ts';
import type { ConcreteCase } from '../framework/case.ts';
import { UAPI_PROFILES } from '../../uapi/profile.ts';
import { runCase } from '../framework/run-case.ts';
import { FEATURE_NAMES, MODEL_FEATURES, revisionHas } from '../framework/feature.ts';
import type { Feature } from '../framework/feature.ts';
import { Target } from '../framework/target.ts';
import { allCases, GROUPS } from './index.ts';

describe('the cases on the emulated device, each with its recording', () => testGroups(GROUPS, { recorded: true }));
// Where pages move into VRAM they do: without it the revision is like the one before.
const WITH_VRAM = OTHER_REVISIONS.map(
  ([name, options]) => [name, options.profile === 'v8' ? { ...options, vram: 64 << 20 } : options] as const,
);
describe.each(WITH_VRAM)('the cases on %s', (_name, options) => testGroups(GROUPS, options));

// What differs without it is where pages are and how often the GPU faults.
describe('the cases on v8 without VRAM', () => testGroups(GROUPS, { profile: 'v8', workOnly: 4 }));

describe('the list of the cases', () => {
  it('has names of their own', () => {
    const ids = allCases().map(({ id }) => id);
    expect(ids.length - new Set(ids).size).toBe(0);
  });

  it('has the files of one group next to each other', () => {
    const paths = GROUPS.map(({ path }) => path);
    const changes = paths.filter((each, index) => each !== paths[index - 1]);
    expect(changes).toEqual([...new Set(paths)]);
  });

  it('has no case that only the model could run', () => {
    const inner = allCases().filter(({ needs }) => needs.some((feature) => MODEL_FEATURES.includes(feature)));
    expect(inner.map(({ id }) => id)).toEqual([]);
  });

  it(
    'has the tests of device memory that docs/conformance.md lists, and each of them runs',
    { timeout: 60_000 },
    async () => {
      const text = readFileSync(new URL('../../../docs/conformance.md', import.meta.url), 'utf8');
      const rows = text.slice(text.indexOf('| group | cases |')).split('\n\n')[0]!.split('\n').slice(2);
      const target = Target.choose({ backend: 'emulated', profile: 'v8', vram: 64 << 20 });
      const results: string[] = [];
      for (const row of rows) {
        const [group, ...names] = Array.from(row.matchAll(/`([^`]+)`/g), ([, name]) => name!);
        for (const name of names) {
          const points = allCases().filter((each) => each.group === group && each.name === name);
          const runnable = points.find(({ needs }) => needs.every((feature) => target.missing(feature) === undefined));
          const status =
            runnable === undefined
              ? 'has no such point'
              : (await runCase(runnable, target, { seed: 1, timeout: 30_000 })).status;
          results.push(`${group}:${name} ${status}`);
        }
      }
      expect(results.filter((each) => !each.endsWith(' pass'))).toEqual([]);
      expect(results.length).toBeGreaterThan(40);
    },
  );

  it('is as long as docs/conformance.md says', () => {
    const written = allCases().filter((each) => each.unimplemented === undefined);
    const count = (points: readonly ConcreteCase[]): [string, string] => [
      String(new Set(points.map(({ group, name }) => `${group}:${name}`)).size),
      points.length.toLocaleString('en-US'),
    ];
    const text = readFileSync(new URL('../../../docs/conformance.md', import.meta.url), 'utf8');
    const [cases, points] = count(written);
    expect(text).toContain(`There are ${cases} cases, which run at ${points} points`);
    for (const row of DEVICES) {
      const cells = REVISIONS.flatMap((target) =>
        count(
          written.filter(({ needs }) =>
            needs.every((feature) => row.has(feature) && target.missing(feature) === undefined),
          ),
        ).join(' / '),
      );
      expect(text).toContain(`| ${cells.join(' | ')} |`);
    }
  });
});

/** The columns of the table in docs/conformance.md. */
const REVISIONS = [
  Target.choose({ backend: 'emulated' }),
  Target.choose({ backend: 'emulated', profile: 'v7' }),
  Target.choose({ backend: 'emulated', profile: 'v7-xnack-off', xnackOff: true }),
  Target.choose({ backend: 'emulated', profile: 'v8' }),
];
const DRIVER = FEATURE_NAMES.filter((feature) => revisionHas(UAPI_PROFILES.v4, feature) !== undefined);
const MEMORY = [
  'file-mapping',
  'huge-pages',
  'address-choice',
  'several-files',
  'mremap',
  'mlock',
  'unmap-events',
] as const;
const NODE = [...DRIVER, ...MEMORY, 'retry-faults', 'xnack-off', 'two-gpus', 'vram'] as const;
/** The rows, by what they suppose a device to have. */
const DEVICES: readonly ReadonlySet<Feature>[] = [
  new Set(NODE),
  new Set([...NODE, 'gpu-work', 'gpu-fault', 'pageable-memory']),
  new Set(FEATURE_NAMES),
];
