import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { testGroups } from '../../../test/support/case-groups.ts';
import type { ConcreteCase } from '../framework/case.ts';
import { FEATURE_NAMES, MODEL_FEATURES } from '../framework/feature.ts';
import type { Feature } from '../framework/feature.ts';
import { Target } from '../framework/target.ts';
import { allCases, GROUPS } from './index.ts';

describe('the cases on the emulated device', () => testGroups(GROUPS));

describe('the list of the cases', () => {
  it('has names of their own', () => {
    const ids = allCases().map(({ id }) => id);
    expect(ids.length - new Set(ids).size).toBe(0);
  });

  it('has the files of one group beside each other', () => {
    const paths = GROUPS.map(({ path }) => path);
    const changes = paths.filter((each, index) => each !== paths[index - 1]);
    expect(changes).toEqual([...new Set(paths)]);
  });

  it('has no case that only the model could run', () => {
    const inner = allCases().filter(({ needs }) => needs.some((feature) => MODEL_FEATURES.includes(feature)));
    expect(inner.map(({ id }) => id)).toEqual([]);
  });

  it('is as long as docs/conformance.md says', () => {
    const emulated = Target.choose({ backend: 'emulated' });
    const table = (['all', ...DEVICES] as const).map((row) => {
      const runs = ({ needs }: ConcreteCase): boolean =>
        row === 'all' || needs.every((feature) => row.has(feature) && emulated.missing(feature) === undefined);
      const points = allCases().filter((each) => each.unimplemented === undefined && runs(each));
      return [new Set(points.map(({ group, name }) => `${group}:${name}`)).size, points.length] as const;
    });
    const text = readFileSync(new URL('../../../docs/conformance.md', import.meta.url), 'utf8');
    const [total, ...rows] = table.map(([cases, points]) => [cases, points.toLocaleString('en-US')] as const);
    expect(text).toContain(`There are ${total![0]} cases, which run at ${total![1]} points`);
    for (const [cases, points] of rows) expect(text).toContain(`| ${cases} | ${points} |`);
  });
});

const NODE = ['two-gpus'] as const;
/** What the rows of the table in docs/conformance.md suppose a device to have. */
const DEVICES: readonly ReadonlySet<Feature>[] = [
  new Set(NODE),
  new Set([...NODE, 'gpu-work']),
  new Set(FEATURE_NAMES),
];
