import { describe, expect, it } from 'vitest';
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

describe('hmmRangeFault', () => {
  it('brings every page in, for reading without the write-faulted mark', () => {
    const it = space([512, 520, RW]);
    expect(hmmRangeFault(it, 512, 520, false)).toBe(0);
    expect([it.pages.marksOf(512), it.pages.marksOf(519), it.pages.allocated]).toEqual([PRESENT, PRESENT, 8]);
    expect(hmmRangeFault(it, 512, 520, true)).toBe(0);
    expect([it.pages.marksOf(512), it.pages.allocated]).toEqual([PRESENT | WRITE_FAULTED, 8]);
  });

  it('sets the mark of pages of files with any fault', () => {
    for (const kind of ['file', 'mixedmap'] as const) {
      const it = space([512, 520, RW, kind]);
      hmmRangeFault(it, 512, 520, false);
      expect(it.pages.marksOf(512)).toBe(PRESENT | WRITE_FAULTED);
    }
  });

  it('goes over several VMAs', () => {
    const it = space([512, 515, RW], [515, 520, R]);
    expect(hmmRangeFault(it, 512, 520, false)).toBe(0);
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
      expect(hmmRangeFault(it, 512, 520, false)).toBe(EFAULT);
      expect(hmmRangeFault(it, 512, 520, true)).toBe(EFAULT);
      expect([it.pages.frameOf(514) !== 0, it.pages.frameOf(515)]).toEqual([true, 0]);
    });
  }

  it('stops with EPERM where a write is asked for and the VMA is read-only', () => {
    const it = space([512, 515, RW], [515, 520, R]);
    expect(hmmRangeFault(it, 512, 520, true)).toBe(EPERM);
    expect(it.pages.marksOf(514)).toBe(PRESENT | WRITE_FAULTED);
  });

  it('makes huge blocks of thp VMAs and marks them as a whole', () => {
    const it = space([512, 1024, RW, 'thp']);
    hmmRangeFault(it, 600, 601, false);
    expect([it.pages.isHuge(512), it.pages.marksOf(512)]).toEqual([true, PRESENT]);
    hmmRangeFault(it, 700, 701, true);
    expect(it.pages.marksOf(512)).toBe(PRESENT | WRITE_FAULTED);
  });
});
