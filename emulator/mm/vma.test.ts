import { describe, expect, it } from 'vitest';
import {
  isIoOrPfnMap,
  isSpecialVma,
  keepsPagesCached,
  mergesWithNeighbours,
  protectionLetters,
  protectionOfLetters,
  Vma,
  VMA_KINDS,
} from './vma.ts';

describe('kinds of VMA', () => {
  it('are what SET refuses, what the framework refuses, what stays cached, and what merges', () => {
    const table = VMA_KINDS.map((kind) => {
      const vma = new Vma(1, 2, 3, kind);
      return [kind, isSpecialVma(vma), isIoOrPfnMap(vma), keepsPagesCached(kind), mergesWithNeighbours(kind)];
    });
    expect(table).toEqual([
      ['anon', false, false, false, true],
      ['file', false, false, true, false],
      ['thp', false, false, false, true],
      ['io', true, true, false, false],
      ['pfnmap', true, true, false, false],
      ['mixedmap', true, false, true, false],
      ['heap', false, false, false, true],
      ['stack', false, false, false, true],
      ['shared', false, false, true, false],
      ['hugetlb', false, false, true, false],
    ]);
  });
});

describe('protection letters', () => {
  it('are read in any order and written as rwx', () => {
    expect(
      ['r', 'w', 'x', 'wr', 'xwr', '-'].map((letters) => protectionLetters(protectionOfLetters(letters)!)),
    ).toEqual(['r', 'w', 'x', 'rw', 'rwx', '-']);
  });

  it('are bits 1, 2 and 4', () => {
    expect([
      protectionOfLetters('r'),
      protectionOfLetters('w'),
      protectionOfLetters('x'),
      protectionOfLetters('-'),
    ]).toEqual([1, 2, 4, 0]);
  });

  for (const bad of ['', 'rwq', 'R', 'rw-', '--', ' r']) {
    it(`do not include ${JSON.stringify(bad)}`, () => {
      expect(protectionOfLetters(bad)).toBeUndefined();
    });
  }
});
