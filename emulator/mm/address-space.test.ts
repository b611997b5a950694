import { describe, expect, it } from 'vitest';
import { AddressSpace, TASK_SIZE_PAGES } from './address-space.ts';
import { protectionLetters } from './vma.ts';
import type { VmaKind } from './vma.ts';

const [RW, R, NONE] = [3, 1, 0];
const [EPERM, ENOMEM, EACCES, EFAULT, EEXIST, EINVAL] = [-1, -12, -13, -14, -17, -22];

/** VMAs as "first-end letters kind". */
function vmas(space: AddressSpace): string[] {
  return Array.from(
    space.vmas.values(),
    (vma) => `${vma.startPage}-${vma.endPage} ${protectionLetters(vma.protection)} ${vma.kind}`,
  );
}

function mapped(...areas: readonly (readonly [number, number, number?, VmaKind?])[]): AddressSpace {
  const space = new AddressSpace();
  for (const [start, end, protection, kind] of areas)
    expect(space.map(start, end, protection ?? RW, kind ?? 'anon')).toBe(0);
  return space;
}

describe('map', () => {
  it('refuses page 0, empty areas, and what lies beyond the task size', () => {
    const space = new AddressSpace();
    expect([
      space.map(0, 1, RW, 'anon'),
      space.map(5, 5, RW, 'anon'),
      space.map(TASK_SIZE_PAGES, TASK_SIZE_PAGES + 1, RW, 'anon'),
    ]).toEqual([EPERM, EINVAL, EINVAL]);
    expect(space.map(TASK_SIZE_PAGES - 1, TASK_SIZE_PAGES, RW, 'anon')).toBe(0);
  });

  for (const [start, end] of [
    [10, 20],
    [5, 11],
    [19, 30],
    [12, 13],
    [5, 30],
  ] as const) {
    it(`refuses ${start}-${end} over 10-20 with EEXIST`, () => {
      const space = mapped([10, 20]);
      expect(space.map(start, end, RW, 'anon')).toBe(EEXIST);
      expect(vmas(space)).toEqual(['10-20 rw anon']);
    });
  }

  it('merges touching areas of one kind with equal flags, on both sides', () => {
    expect(vmas(mapped([10, 20], [30, 40], [20, 30]))).toEqual(['10-40 rw anon']);
  });

  it('keeps areas with other flags or kinds apart, and files even among themselves', () => {
    expect(vmas(mapped([10, 20], [20, 30, R], [30, 40, RW, 'heap']))).toEqual([
      '10-20 rw anon',
      '20-30 r anon',
      '30-40 rw heap',
    ]);
    for (const kind of ['file', 'io', 'pfnmap', 'mixedmap'] as const)
      expect(vmas(mapped([10, 20, RW, kind], [20, 30, RW, kind])).length).toBe(2);
    for (const kind of ['anon', 'thp', 'heap', 'stack'] as const)
      expect(vmas(mapped([10, 20, RW, kind], [20, 30, RW, kind])).length).toBe(1);
  });

  it('keeps everything apart without vmaMerge', () => {
    const space = new AddressSpace({ vmaMerge: false });
    space.map(10, 20, RW, 'anon');
    space.map(20, 30, RW, 'anon');
    expect(vmas(space).length).toBe(2);
  });
});

describe('findVma', () => {
  it('finds the area of a page and the next one behind a hole', () => {
    const space = mapped([10, 20], [30, 40]);
    expect([9, 10, 19, 20].map((page) => space.findVma(page)?.startPage)).toEqual([undefined, 10, 10, undefined]);
    expect([0, 10, 20, 39, 40].map((page) => space.findVmaFrom(page)?.startPage)).toEqual([10, 10, 30, 30, undefined]);
  });
});

describe('unmap', () => {
  it('splits at both ends', () => {
    const space = mapped([10, 40]);
    expect(space.unmap(20, 30)).toBe(0);
    expect(vmas(space)).toEqual(['10-20 rw anon', '30-40 rw anon']);
  });

  it('goes over several areas and holes', () => {
    const space = mapped([10, 20], [25, 30, R], [35, 40]);
    expect(space.unmap(15, 37)).toBe(0);
    expect(vmas(space)).toEqual(['10-15 rw anon', '37-40 rw anon']);
  });

  it('does nothing where nothing is mapped, and refuses an empty area', () => {
    const space = mapped([10, 20]);
    expect([space.unmap(20, 30), space.unmap(5, 10), space.unmap(7, 7)]).toEqual([0, 0, EINVAL]);
    expect(vmas(space)).toEqual(['10-20 rw anon']);
  });

  it('drops the pages: the next touch brings new ones', () => {
    const space = mapped([10, 20]);
    space.touch(10, 20, true);
    const before = space.pages.frameOf(12);
    space.unmap(12, 13);
    space.map(12, 13, RW, 'anon');
    expect(space.pages.frameOf(12)).toBe(0);
    expect(space.touch(10, 20, true)).toEqual({ result: 0, pages: 10, fresh: 1, back: 0 });
    expect(space.pages.frameOf(12)).not.toBe(before);
  });
});

describe('protect', () => {
  it('splits, and merges again when the flags are equal once more', () => {
    const space = mapped([10, 40]);
    expect(space.protect(20, 30, R)).toBe(0);
    expect(vmas(space)).toEqual(['10-20 rw anon', '20-30 r anon', '30-40 rw anon']);
    expect(space.protect(20, 30, RW)).toBe(0);
    expect(vmas(space)).toEqual(['10-40 rw anon']);
  });

  it('leaves pieces of a file apart', () => {
    const space = mapped([10, 30, RW, 'file']);
    space.protect(20, 30, R);
    space.protect(20, 30, RW);
    expect(vmas(space)).toEqual(['10-20 rw file', '20-30 rw file']);
  });

  it('is ended by a hole with ENOMEM; what came before stays done', () => {
    const space = mapped([10, 20], [30, 40]);
    expect(space.protect(15, 35, NONE)).toBe(ENOMEM);
    expect(vmas(space)).toEqual(['10-15 rw anon', '15-20 - anon', '30-40 rw anon']);
  });

  it('keeps pages and their marks', () => {
    const space = mapped([10, 20]);
    space.touch(10, 20, true);
    const [frame, marks] = [space.pages.frameOf(15), space.pages.marksOf(15)];
    space.protect(10, 20, R);
    expect([space.pages.frameOf(15), space.pages.marksOf(15)]).toEqual([frame, marks]);
  });
});

describe('discard', () => {
  it('gives new pages at the next touch, but the same ones for what is in the page cache', () => {
    for (const [kind, same] of [
      ['anon', false],
      ['heap', false],
      ['stack', false],
      ['thp', false],
      ['file', true],
      ['mixedmap', true],
    ] as const) {
      const space = mapped([10, 20, RW, kind]);
      space.touch(10, 20, true);
      const frame = space.pages.frameOf(12);
      expect(space.discard(12, 14)).toBe(0);
      expect(space.pages.frameOf(12)).toBe(0);
      expect(space.touch(10, 20, false)).toEqual({ result: 0, pages: 10, fresh: 2, back: 0 });
      expect(space.pages.frameOf(12) === frame).toBe(same);
    }
  });

  it('skips holes and answers ENOMEM at the end', () => {
    const space = mapped([10, 20], [30, 40]);
    space.touch(30, 40, true);
    for (const [start, end] of [
      [15, 35],
      [5, 35],
      [25, 45],
      [35, 45],
    ] as const)
      expect(space.discard(start, end)).toBe(ENOMEM);
    expect(space.pages.frameOf(34)).toBe(0);
    expect(space.discard(50, 60)).toBe(ENOMEM);
  });

  it('stops at a pfnmap area with EINVAL', () => {
    const space = mapped([10, 20], [20, 30, RW, 'pfnmap'], [30, 40]);
    space.touch(10, 20, true);
    space.touch(30, 40, true);
    expect(space.discard(10, 40)).toBe(EINVAL);
    expect([space.pages.frameOf(15), space.pages.frameOf(35) === 0]).toEqual([0, false]);
  });
});

describe('touch', () => {
  it('stops at a hole with EFAULT and without permission with EACCES', () => {
    const space = mapped([10, 20], [20, 30, R], [30, 35, NONE]);
    expect(space.touch(15, 25, true)).toEqual({ result: EACCES, pages: 5, fresh: 5, back: 0 });
    expect(space.touch(15, 40, false)).toEqual({ result: EACCES, pages: 15, fresh: 10, back: 0 });
    expect(space.touch(9, 12, false)).toEqual({ result: EFAULT, pages: 0, fresh: 0, back: 0 });
    space.unmap(30, 35);
    expect(space.touch(25, 40, false)).toEqual({ result: EFAULT, pages: 5, fresh: 0, back: 0 });
  });

  it('needs write permission alone for a write', () => {
    expect(mapped([10, 20, 2]).touch(10, 11, true).result).toBe(0);
    expect(mapped([10, 20, 2]).touch(10, 11, false).result).toBe(EACCES);
  });

  it('passes io and pfnmap areas without pages', () => {
    for (const kind of ['io', 'pfnmap'] as const) {
      const space = mapped([10, 20, RW, kind]);
      expect(space.touch(10, 20, true)).toEqual({ result: 0, pages: 10, fresh: 0, back: 0 });
      expect(space.pages.frameOf(10)).toBe(0);
    }
  });
});

describe('initial heap and stack', () => {
  it('are recognised by the areas mapped last with these kinds', () => {
    const space = mapped([10, 20, RW, 'heap'], [100, 110, RW, 'stack'], [50, 60]);
    const at = (page: number): boolean[] => [
      space.isInitialHeap(space.findVma(page)!),
      space.isInitialStack(space.findVma(page)!),
    ];
    expect([at(10), at(100), at(50)]).toEqual([
      [true, false],
      [false, true],
      [false, false],
    ]);
    space.map(200, 210, RW, 'heap');
    expect([at(10), at(200)]).toEqual([
      [false, false],
      [true, false],
    ]);
  });

  it('do not exist at first', () => {
    const space = mapped([10, 20]);
    expect([space.isInitialHeap(space.findVma(10)!), space.isInitialStack(space.findVma(10)!)]).toEqual([false, false]);
  });
});
