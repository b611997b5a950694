import { describe, expect, it } from 'vitest';
import { PageBudget } from '../kernel/page-block-map.ts';
import { PAGES_PER_BLOCK } from '../kernel/page-number.ts';
import { AddressSpace } from './address-space.ts';
import { PRESENT, WRITE_FAULTED } from './cpu-pages.ts';
import { hmmRangeFault } from './hmm.ts';
import type { VmaKind } from './vma.ts';

const [RW, R, W, NONE] = [3, 1, 2, 0];
const [EPERM, EFAULT] = [-1, -14];

function space(...areas: readonly (readonly [number, number, number, VmaKind?])[]): AddressSpace {
  const made = new AddressSpace();
  for (const [start, end, protection, kind] of areas) expect(made.map(start, end, protection, kind ?? 'anon')).toBe(0);
  return made;
}

/** Of the pages `[startPage, endPage)`, which lie in one block. */
function fault(made: AddressSpace, startPage: number, endPage: number, write: boolean): number {
  const block = Math.floor(startPage / PAGES_PER_BLOCK);
  const blockStart = block * PAGES_PER_BLOCK;
  return hmmRangeFault(made, block, startPage - blockStart, endPage - blockStart, write);
}

describe('hmmRangeFault', () => {
  it('brings every page in, for reading without the write-faulted mark', () => {
    const it = space([512, 520, RW]);
    expect(fault(it, 512, 520, false)).toBe(0);
    expect([it.pages.marksOf(512), it.pages.marksOf(519), it.pages.allocated]).toEqual([PRESENT, PRESENT, 8]);
    expect(fault(it, 512, 520, true)).toBe(0);
    expect([it.pages.marksOf(512), it.pages.allocated]).toEqual([PRESENT | WRITE_FAULTED, 8]);
  });

  it('sets the mark of pages of files with any fault', () => {
    for (const kind of ['file', 'mixedmap'] as const) {
      const it = space([512, 520, RW, kind]);
      fault(it, 512, 520, false);
      expect(it.pages.marksOf(512)).toBe(PRESENT | WRITE_FAULTED);
    }
  });

  it('goes over several VMAs', () => {
    const it = space([512, 515, RW], [515, 520, R]);
    expect(fault(it, 512, 520, false)).toBe(0);
    expect(it.pages.allocated).toBe(8);
  });

  for (const [why, area] of [
    ['a hole', undefined],
    ['an io VMA', [515, 520, RW, 'io']],
    ['a pfnmap VMA', [515, 520, RW, 'pfnmap']],
    ['a VMA that is not readable', [515, 520, NONE]],
    ['a VMA that is only writable', [515, 520, W]],
  ] as const) {
    it(`stops at ${why} with EFAULT; the pages before stay`, () => {
      const it = space([512, 515, RW], ...(area === undefined ? [] : [area]));
      expect(fault(it, 512, 520, false)).toBe(EFAULT);
      expect(fault(it, 512, 520, true)).toBe(EFAULT);
      expect([it.pages.frameOf(514) !== 0, it.pages.frameOf(515)]).toEqual([true, 0]);
    });
  }

  it('stops with EPERM where a write is asked for and the VMA is read-only', () => {
    const it = space([512, 515, RW], [515, 520, R]);
    expect(fault(it, 512, 520, true)).toBe(EPERM);
    expect(it.pages.marksOf(514)).toBe(PRESENT | WRITE_FAULTED);
  });

  it('makes huge blocks of thp VMAs and marks them as a whole', () => {
    const it = space([512, 1024, RW, 'thp']);
    fault(it, 600, 601, false);
    expect([it.pages.isHuge(512), it.pages.marksOf(512)]).toEqual([true, PRESENT]);
    fault(it, 700, 701, true);
    expect(it.pages.marksOf(512)).toBe(PRESENT | WRITE_FAULTED);
  });

  it('ends with EFAULT after the end of a file, pages before it stay', () => {
    const it = space([512, 520, RW, 'file'], [600, 608, RW]);
    const asked: [number, number][] = [];
    it.contents.foreign = {
      read: () => undefined,
      write: () => undefined,
      endOfFile: (start, end) => {
        asked.push([start, end]);
        return Math.min(end, 515);
      },
    };
    expect(fault(it, 512, 515, false)).toBe(0);
    expect(fault(it, 512, 520, false)).toBe(EFAULT);
    expect([it.pages.marksOf(514), it.pages.marksOf(515)]).toEqual([PRESENT | WRITE_FAULTED, 0]);
    expect(fault(it, 516, 517, false)).toBe(EFAULT);
    expect(fault(it, 600, 608, false)).toBe(0);
    expect(asked).toEqual([
      [512, 515],
      [512, 520],
      [516, 517],
    ]);
  });

  it('ends with ENOMEM at the page limit, until pages have gone', () => {
    const it = new AddressSpace({ budget: new PageBudget(2) });
    it.map(512, 4096, RW, 'anon');
    expect(fault(it, 512, 1024, true)).toBe(0);
    expect(fault(it, 1024, 1536, true)).toBe(0);
    expect(it.pages.blocks.budget.exceeded).toBe(false);
    expect(fault(it, 1536, 2048, true)).toBe(-12);
    expect(it.pages.blocks.budget.exceeded).toBe(true);
    expect(it.touch(512, 4096, true)).toEqual({ result: -12, pages: 1024, fresh: 0, back: 0 });
    expect(it.unmap(512, 1024)).toBe(0);
    expect(it.touch(1024, 4096, true)).toEqual({ result: -12, pages: 1024, fresh: 512, back: 0 });
  });
});
