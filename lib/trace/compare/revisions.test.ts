import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { readTraceFile } from '../format/read-trace.ts';
import { compareProfiles } from './revisions.ts';

const FOLDER = join(import.meta.dirname, '../../../test/vectors/scenarios');

it.each([
  ['v4', 'v7'],
  ['v4', 'v8'],
  ['v4', 'v7-xnack-off'],
] as const)('explains what goes otherwise on %s and %s in nearly all scenarios of V4', (one, other) => {
  const unexplained: string[] = [];
  let differences = 0;
  for (const name of readdirSync(FOLDER)) {
    for (const difference of compareProfiles(readTraceFile(join(FOLDER, name)), [one, other]).differences) {
      differences++;
      if (difference.explanation === undefined) unexplained.push(`${name} ${difference.operation}`);
      expect(difference.answers.every(({ fatal }) => fatal === undefined)).toBe(true);
    }
  }
  expect(differences).toBeGreaterThan(20);
  expect(unexplained.length / differences, unexplained.join('\n')).toBeLessThan(0.15);
});

it('finds nothing between a revision and itself as the other one, where both do the same', () => {
  const lines = readTraceFile(join(FOLDER, readdirSync(FOLDER)[0]!));
  const { differences, states, hazards } = compareProfiles(lines, ['v7', 'v7']);
  expect(differences).toEqual([]);
  expect(states[0].attributes).toEqual(states[1].attributes);
  expect(hazards[0]).toEqual(hazards[1]);
});
