/** The suite, with the cases that look inside the model, must notice broken rules: each mutant of the emulator is killed, or explained. */
import { expect, it } from 'vitest';
import { selectCases } from '../lib/conformance/framework/query.ts';
import { MUTANTS } from '../scripts/mutants.mjs';
import { bothSuites } from './model/both-suites.ts';
import { sample } from './support/effort.ts';
import { runNode } from './support/package-support.ts';

/** Half of them in CI, a tenth elsewhere; all by `node scripts/mutation-check.mjs`. */
const chosen = sample(MUTANTS, 10, 3);

it.each(Object.entries({ v4: 80, v7: 20, 'v7-xnack-off': 19, v8: 70 }))('has mutants of %s', (revision, least) => {
  const own = MUTANTS.filter((each) => (each.revision ?? 'v4') === revision && each.survives === undefined);
  expect(own.length).toBeGreaterThanOrEqual(least);
});

it('names cases that there are', () => {
  const cases = bothSuites();
  for (const { id, killedBy } of MUTANTS)
    if (killedBy !== undefined) expect(selectCases(cases, [killedBy]).length, id).toBeGreaterThan(0);
});

it('notices every mutant of the emulator', { timeout: 900_000 }, async () => {
  const { code, stdout, output } = await runNode([
    'scripts/mutation-check.mjs',
    ...(chosen.length < MUTANTS.length ? chosen.map(({ id }) => id) : []),
    '--json',
  ]);
  const verdicts = JSON.parse(stdout.trim().split('\n').at(-1)!) as {
    id: string;
    revision: string;
    outcome: string;
    by: string;
    asMeant: boolean;
  }[];
  expect(
    verdicts.filter(({ outcome }) => outcome === 'survived').map(({ id }) => id),
    output.slice(-3000),
  ).toEqual([]);
  // A query whose cases notice nothing costs the whole suite, and says what is not so.
  expect(verdicts.filter(({ asMeant }) => !asMeant).map(({ id, by }) => `${id}: ${by}`)).toEqual([]);
  expect(
    verdicts
      .filter(({ outcome }) => outcome === 'killed')
      .map(({ id }) => id)
      .sort(),
  ).toEqual(chosen.flatMap(({ id, survives }) => (survives === undefined ? [id] : [])).sort());
  expect(code).toBe(0);
});
