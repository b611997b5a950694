/** The anchors of the emulator and the table of mutants belong together. */
import { parseSync, transformWithOxc } from 'vite';
import { describe, expect, it } from 'vitest';
import { allAnchors, anchorsOf, mutate } from './mutant-anchors.mjs';
import { MUTANTS as SUITE_MUTANTS } from './mutants.mjs';
import { RACE_MUTANTS } from './mutants-races.mjs';

const MUTANTS = [...SUITE_MUTANTS, ...RACE_MUTANTS];

const anchors = allAnchors();

describe('the mutants of the emulator', () => {
  it('have names that differ', () => {
    expect(new Set(MUTANTS.map(({ id }) => id)).size).toBe(MUTANTS.length);
  });

  it('have one anchor each, and each anchor names a mutant', () => {
    expect([...anchors.keys()].sort()).toEqual(MUTANTS.map(({ id }) => id).sort());
  });

  it.each(MUTANTS)('$id can be parsed and differs from the original', async ({ id, becomes }) => {
    const anchor = anchors.get(id)!;
    const mutated = mutate(anchor, becomes);
    expect(parseSync(anchor.file, mutated).errors).toEqual([]);
    const emitted = async (source: string) => (await transformWithOxc(source, anchor.file, { sourcemap: false })).code;
    expect(await emitted(mutated)).not.toBe(await emitted(anchor.source));
  });
});

describe('an anchor', () => {
  const texts = (source: string) =>
    anchorsOf('module.ts', source).map(([id, { start, end }]) => [id, source.slice(start, end)]);

  it('is the statement, member, property or case below it, with several ids for the same node', () => {
    expect(
      texts(`// é counts as one character
// mutant: a
export const one = 1; // mutant of nothing
class Two {
  /** Documented. */
  // mutant: b, c
  readonly #field: number = 2;
}
switch (one) {
  // mutant: d
  case 3:
  case 4:
    // mutant: e
    if (one) two();
    else three({
      // mutant: f
      property: 5,
    });
}
`),
    ).toEqual([
      ['a', 'export const one = 1;'],
      ['b', 'readonly #field: number = 2;'],
      ['c', 'readonly #field: number = 2;'],
      ['d', 'case 3:'],
      ['e', 'if (one) two();\n    else three({\n      // mutant: f\n      property: 5,\n    });'],
      ['f', 'property: 5'],
    ]);
  });

  it('is refused where nothing can be replaced below it, or where the module cannot be parsed', () => {
    expect(() => texts('f(\n  // mutant: a\n  1 + 1,\n);\n')).toThrow('module.ts: nothing that can be mutated');
    expect(() => texts('// mutant: a\nif (\n')).toThrow('module.ts: ');
  });
});
