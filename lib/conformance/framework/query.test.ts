import { describe, expect, it } from 'vitest';
import { CaseGroup } from './case.ts';
import { pairwise, parameters } from './parameters.ts';
import { QueryError, selectCases } from './query.ts';

function cases() {
  const one = new CaseGroup('a,one', 'One');
  one
    .case('plain', 'no parameters')
    .source('x')
    .run(() => undefined);
  one
    .case('points', 'two axes')
    .source('x')
    .parameters(parameters().combine('n', [1, 2]).combine('kind', ['r', 'rw']))
    .run(() => undefined);
  const two = new CaseGroup('a,one-more', 'Two');
  two
    .case('plain', 'no parameters')
    .source('x')
    .run(() => undefined);
  return [...one.concreteCases(), ...two.concreteCases()];
}
const ids = (...queries: string[]): string[] => selectCases(cases(), queries).map(({ id }) => id);
const all = [
  'a,one:plain:',
  'a,one:points:n=1;kind="r"',
  'a,one:points:n=1;kind="rw"',
  'a,one:points:n=2;kind="r"',
  'a,one:points:n=2;kind="rw"',
  'a,one-more:plain:',
];

describe('selectCases', () => {
  it('takes all without a query', () => expect(ids()).toEqual(all));
  it.each([
    ['*', all],
    ['a', all],
    ['a,*', all],
    ['a,one', all.slice(0, 5)],
    ['a,one:*', all.slice(0, 5)],
    ['a,one,*', all.slice(0, 5)],
    ['a,one:points', all.slice(1, 5)],
    ['a,one:points:*', all.slice(1, 5)],
    ['*:plain:*', ['a,one:plain:', 'a,one-more:plain:']],
    ['a,one:plain:', ['a,one:plain:']],
    ['a,one:points:n=1;*', all.slice(1, 3)],
    ['a,one:points:kind="rw";*', [all[2], all[4]]],
    ['a,one:points:kind=rw;n=2', [all[4]]],
    ...all.map((id): [string, string[]] => [id, [id]]),
  ])('%s', (query, expected) => expect(ids(query)).toEqual(expected));
  it('keeps the order of the suite and takes each case once', () =>
    expect(ids('a,one-more', 'a,one:plain', 'a')).toEqual(all));
  it.each(['nothing', 'a,on', 'a,one:points:n=3;*', 'a,one:points:n=1', ':x', 'a*:x', 'a:p*', 'a:x:y', 'a:x:=1'])(
    'refuses %s',
    (query) => {
      expect(() => ids(query)).toThrow(QueryError);
    },
  );
});

describe('pairwise', () => {
  const axes = { a: [1, 2, 3], b: ['x', 'y'], c: [true, false], d: [0, 1, 2, 3] } as const;
  it('has every pair of values, with fewer points than the product', () => {
    const { points } = pairwise(axes);
    expect(points.length).toBeLessThan(20);
    for (const [one, ofOne] of Object.entries(axes)) {
      for (const [other, ofOther] of Object.entries(axes)) {
        if (one === other) continue;
        for (const first of ofOne) {
          for (const second of ofOther) {
            expect(
              points.some((point: Record<string, unknown>) => point[one] === first && point[other] === second),
              `${one}=${first} ${other}=${second}`,
            ).toBe(true);
          }
        }
      }
    }
  });
  it('leaves out what is not allowed, and is the same each time', () => {
    const allowed = (point: { a: number; d: number }): boolean => point.a <= point.d;
    const { points } = pairwise(axes, allowed);
    expect(points.every(allowed)).toBe(true);
    expect(points).toEqual(pairwise(axes, allowed).points);
  });
});

describe('a definition', () => {
  it('complains about names, doubles, and what is missing', () => {
    expect(() => new CaseGroup('a b', 'x')).toThrow('path: expected words');
    const group = new CaseGroup('g', 'x');
    expect(() => group.case('a:b', 'x')).toThrow('name: expected letters');
    const open = group.case('open', 'x');
    expect(() => group.case('open', 'x')).toThrow('has a case "open" already');
    expect(() => group.concreteCases()).toThrow('g:open has neither run nor unimplemented');
    open.run(() => undefined);
    expect(() => group.concreteCases()).toThrow('g:open names no source');
  });
});
