import { expect, it } from 'vitest';
import { explore, exploreGenerated, parseProgram } from './index.ts';

const options = { profile: 'v4', programs: 40, seed: 1, preemptions: 2, schedules: 300 } as const;

it('finds races in programs made by chance, and shrinks these', () => {
  const { findings, programs } = exploreGenerated(options);
  expect(programs).toBe(40);
  const ids = findings.map(({ id }) => id);
  expect(ids).toEqual(expect.arrayContaining(['Q24', 'Q34', 'Q40']));
  for (const { id, program, preemptions } of findings) {
    const again = explore(parseProgram('shrunk', program), options).findings.find((finding) => finding.id === id);
    expect([id, again?.preemptions]).toEqual([id, preemptions]);
    expect(program.threads.flat().length).toBeLessThanOrEqual(4);
  }
});

it('makes the same of the same seed, and others of another one', () => {
  const few = { ...options, programs: 5 };
  expect(exploreGenerated(few)).toEqual(exploreGenerated(few));
  expect(exploreGenerated({ ...few, seed: 2 }).schedules).not.toBe(exploreGenerated(few).schedules);
});
