import { describe, expect, it } from 'vitest';
import { ALL_TYPES, BLOCK, Rig, T, V } from '../../test/support/emulator-rig.ts';

const UNDEFINED = 0xffff_ffff;
const DEFAULTS = [UNDEFINED, UNDEFINED, 2, 9, 1, 1, 0, 0, 0, 0, 0, 0];

function rig(): Rig {
  const made = new Rig();
  made.map(V, 64);
  return made;
}

describe('GET_ATTR', () => {
  it('gives the defaults for a hole, also without a VMA', () => {
    expect(rig().get(V, 64, ...ALL_TYPES)).toEqual({ result: 0, values: DEFAULTS });
    expect(new Rig().get(V + 5, 1, ...ALL_TYPES)).toEqual({ result: 0, values: DEFAULTS });
  });

  it('gives back what was set', () => {
    const it = rig();
    it.set(
      V,
      64,
      [0, 7],
      [1, 0x8000_0001],
      [2, 1],
      [3, 4],
      [4, 0],
      [5, 0],
      [6, 1],
      [7, 1],
      [8, 1],
      [9, 1],
      [10, 1],
      [11, 0],
    );
    expect(it.get(V, 64, ...ALL_TYPES).values).toEqual([7, 0x8000_0001, 1, 4, 0, 0, 1, 1, 1, 1, 1, 0]);
  });

  it('combines two intervals: equal locations or UNDEFINED, equal access or INACCESSIBLE, least granularity, common flags', () => {
    const it = rig();
    it.set(V, 8, [0, 1], [1, 0], [2, 1], [3, 5], [9, 1], [10, 1]);
    it.set(V + 8, 8, [0, 1], [1, 0], [2, 1], [3, 7], [9, 1]);
    expect(it.get(V, 16, 0, 1, 2, 3, 9, 10, 5).values).toEqual([1, 0, 1, 5, 1, 0, 1]);
    it.set(V + 8, 8, [0, 2], [2, 2]);
    expect(it.get(V, 16, 0, 2).values).toEqual([UNDEFINED, 0]);
  });

  for (const [where, first, pages] of [
    ['before', 0, 16],
    ['behind', 8, 16],
    ['between', 8, 24],
  ] as const) {
    it(`lets a hole ${where} take part with the defaults`, () => {
      const it = rig();
      for (const page of where === 'between' ? [8, 24] : [8])
        it.set(
          V + page,
          8,
          [T.coherent, 0],
          [T.gpuExecutable, 1],
          [T.granularity, 12],
          [T.access, 1],
          [T.preferredLocation, 0],
        );
      expect(
        it.get(V + 8, 8, T.coherent, T.gpuExecutable, T.granularity, T.access, T.preferredLocation).values,
      ).toEqual([0, 1, 12, 1, 0]);
      expect(
        it.get(V + first, pages, T.coherent, T.gpuExecutable, T.granularity, T.access, T.preferredLocation).values,
      ).toEqual([0, 0, 9, 0, UNDEFINED]);
    });
  }

  it('gives UNDEFINED once three differ, also if the first and the last are equal', () => {
    const it = rig();
    for (const [page, location] of [
      [0, 1],
      [1, 2],
      [2, 1],
    ] as const)
      it.set(V + page, 1, [T.preferredLocation, location]);
    expect(it.value(V, 3, T.preferredLocation)).toBe(UNDEFINED);
  });

  it('gives every occurrence of a type the same value', () => {
    expect(rig().get(V, 1, T.granularity, T.access, T.granularity, T.granularity).values).toEqual([9, 2, 9, 9]);
  });

  it('writes nothing back when a type is unknown, wherever it is', () => {
    for (const types of [[12], [2, 12], [12, 2], [2, 0xffff_ffff, 3]]) {
      expect(rig().get(V, 1, ...types)).toEqual({ result: -22, values: types.map(() => 0xdead) });
    }
  });

  it('tells what was last requested, whether or not a prefetch succeeded', () => {
    const it = rig();
    it.protect(V, 1, '-');
    expect(it.set(V, 1, [T.prefetchLocation, 5])).toBe(-14);
    expect(it.value(V, 1, T.prefetchLocation)).toBe(5);
  });
});

describe('a GET that is interrupted by another one', () => {
  it('answers its own values, at any depth', () => {
    const made = new Rig();
    made.region(V, 3 * BLOCK);
    made.set(V, BLOCK, [T.granularity, 3]);
    made.set(V + BLOCK, BLOCK, [T.granularity, 4]);
    made.set(V + 2 * BLOCK, BLOCK, [T.granularity, 5]);
    const answers: number[] = [];
    const get = (level: number): void => {
      answers[level] = made.value(V + level * BLOCK, BLOCK, T.granularity);
    };
    made.machine.scope.addHook((point, _pass, level) => {
      if (point === 'tree-unlock') get(level + 1);
    }, 2);
    get(0);
    expect(answers).toEqual([3, 4, 5]);
  });
});
