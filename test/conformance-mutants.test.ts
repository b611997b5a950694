/** The suite, with the cases that look inside the model, must notice broken rules: each mutant of the emulator is killed, or explained. */
import { expect, it } from 'vitest';
import { runNode } from './support/package-support.ts';

it('notices every mutant of the emulator', { timeout: 900_000 }, async () => {
  const { code, stdout, output } = await runNode(['scripts/mutation-check.mjs', '--json']);
  const verdicts = JSON.parse(stdout.trim().split('\n').at(-1)!) as {
    id: string;
    revision: string;
    outcome: string;
    by: string;
  }[];
  expect(
    verdicts.filter(({ outcome }) => outcome === 'survived').map(({ id }) => id),
    output.slice(-3000),
  ).toEqual([]);
  for (const [revision, least] of Object.entries({ v4: 80, v7: 20, 'v7-xnack-off': 19, v8: 65 }))
    expect(
      verdicts.filter((each) => each.outcome === 'killed' && each.revision === revision).length,
      revision,
    ).toBeGreaterThanOrEqual(least);
  expect(code).toBe(0);
});
