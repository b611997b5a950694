import { expect, it } from 'vitest';
import { explore, exploreGenerated, generateProgram, isRace, parseProgram } from './index.ts';

const options = { profile: 'v4', programs: 40, seed: 1, preemptions: 2, schedules: 300 } as const;

it('finds races in random programs, and shrinks these', () => {
  const { findings, programs } = exploreGenerated(options);
  expect(programs).toBe(40);
  const ids = findings.map(({ id }) => id);
  expect(ids).toEqual(expect.arrayContaining(['Q38', 'Q40', 'Q44', 'Q45']));
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

/** The first program of seed 1 in which each race of V4 is found, as `npm run bench -- --only races` counts them. */
const FIRST: Readonly<Record<string, number>> = {
  Q08: 44,
  Q09: 110,
  Q10: 110,
  Q15: 75,
  Q21: 53,
  Q24: 53,
  Q31: 209,
  Q34: 203,
  Q40: 2,
  Q44: 26,
  Q45: 26,
  Q58: 1880,
  Q64: 3539,
};

it.each(Object.entries(FIRST))('finds %s in program %i, which says nothing of it', (id, number) => {
  const program = parseProgram('generated', generateProgram('v4', 1, number));
  const { findings } = explore(program, { preemptions: 3, schedules: 2000 });
  expect(findings.filter(isRace).map((each) => each.id)).toContain(id);
  expect(program.threads.map(({ length }) => length >= 1 && length <= 3)).toEqual([true, true]);
});

it('makes programs of several GPUs, of VRAM and of contents where the revision has them', () => {
  const all = Array.from({ length: 60 }, (_, index) => generateProgram('v8', 1, index));
  const text = (of: (typeof all)[number]): string => JSON.stringify(of);
  expect(all.filter(({ config }) => config!['gpus'] === 2 && config!['hive'] === 'h').length).toBeGreaterThan(0);
  expect(all.filter((each) => text(each).includes('"gpu":1')).length).toBeGreaterThan(0);
  expect(all.filter((each) => text(each).includes('"evict"')).length).toBeGreaterThan(0);
  expect(all.filter((each) => text(each).includes('"vals":true')).length).toBeGreaterThan(0);
  for (const each of all) expect(() => parseProgram('generated', each)).not.toThrow();
});
