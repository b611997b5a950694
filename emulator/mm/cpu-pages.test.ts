import { describe, expect, it } from 'vitest';
import { CpuPages, PRESENT, WRITE_FAULTED } from './cpu-pages.ts';
import { PageContents } from './page-contents.ts';
import { Vma } from './vma.ts';

const anon = new Vma(100, 3000, 3, 'anon');
const file = new Vma(100, 3000, 3, 'file');

describe('CpuPages', () => {
  it('counts ids up from 1 in the order of the pages', () => {
    const pages = new CpuPages(new PageContents());
    expect(pages.populate(anon, 510, 514, false)).toBe(4);
    expect([510, 511, 512, 513].map((page) => pages.frameOf(page))).toEqual([1, 2, 3, 4]);
    expect(pages.allocated).toBe(4);
  });

  it('brings in only what is missing, and adds the write-faulted mark where it is asked for', () => {
    const pages = new CpuPages(new PageContents());
    pages.populate(anon, 100, 110, false);
    expect(pages.populate(anon, 105, 112, true)).toBe(2);
    expect([104, 105, 111].map((page) => pages.marksOf(page))).toEqual([
      PRESENT,
      PRESENT | WRITE_FAULTED,
      PRESENT | WRITE_FAULTED,
    ]);
    expect(pages.frameOf(105)).toBe(6);
  });

  it('forgets dropped pages of memory, and keeps those of files in the cache', () => {
    const pages = new CpuPages(new PageContents());
    pages.populate(anon, 100, 102, true);
    pages.drop(100, 101, false);
    expect([pages.frameOf(100), pages.frameOf(100, true), pages.marksOf(100)]).toEqual([0, 0, 0]);
    pages.populate(file, 200, 202, true);
    const frame = pages.frameOf(200);
    pages.drop(200, 201, true);
    expect([pages.frameOf(200), pages.frameOf(200, true), pages.marksOf(200)]).toEqual([0, frame, 0]);
    expect(pages.populate(file, 200, 202, false)).toBe(1);
    expect(pages.frameOf(200)).toBe(frame);
  });

  it('drops over block boundaries and leaves the neighbours alone', () => {
    const pages = new CpuPages(new PageContents());
    pages.populate(anon, 500, 2100, true);
    pages.drop(600, 2000, false);
    expect([500, 599, 600, 1024, 1999, 2000, 2099].map((page) => pages.frameOf(page) !== 0)).toEqual([
      true,
      true,
      false,
      false,
      false,
      true,
      true,
    ]);
  });

  it('never gives an id twice', () => {
    const pages = new CpuPages(new PageContents());
    const seen = new Set<number>();
    for (let round = 0; round < 5; round++) {
      pages.populate(anon, 100, 700, true);
      for (let page = 100; page < 700; page++) seen.add(pages.frameOf(page));
      pages.drop(100, 700, false);
    }
    expect(seen.size).toBe(3000);
    expect(seen.has(0)).toBe(false);
  });
});
