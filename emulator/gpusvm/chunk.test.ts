import { describe, expect, it } from 'vitest';
import { CHUNK_PAGES, chooseChunk } from './chunk.ts';

const none = { isTaken: (): boolean => false };
const END = 2 ** 52;
const ANYWHERE = { lowPage: 0, highPage: END, readOnly: false };

describe('choice of a chunk', () => {
  it('goes from 2 MiB over 64 KiB to 4 KiB', () => {
    expect(CHUNK_PAGES).toEqual([512, 16, 1]);
  });

  // page, VMA, interval -> chunk; all page numbers, ends exclusive.
  const table: readonly (readonly [
    why: string,
    page: number,
    vma: readonly [number, number],
    interval: readonly [number, number],
    chunk: number,
  ])[] = [
    ['a whole block inside VMA and interval', 700, [0, END], [0, END], 512],
    ['exactly one block', 700, [512, 1024], [512, 1024], 512],
    ['a VMA that starts one page into the block', 700, [513, 2048], [0, END], 16],
    ['a VMA that ends one page early', 700, [0, 1023], [0, END], 16],
    ['an interval that starts one page into the block', 700, [0, END], [513, END], 16],
    ['an interval that ends one page early', 700, [0, END], [0, 1023], 16],
    ['VMA and interval that leave a block only together', 700, [512, 1100], [400, 1024], 512],
    ['a VMA that starts inside the 64 KiB piece', 700, [699, 2048], [0, END], 1],
    ['an interval that ends inside the 64 KiB piece', 700, [0, END], [0, 703], 1],
    ['exactly 64 KiB', 700, [688, 704], [0, END], 16],
    ['a single page', 700, [700, 701], [700, 701], 1],
    ['an interval trimmed so that the page is outside', 700, [0, END], [701, END], 0],
    ['an interval that ends before the page', 700, [0, END], [512, 700], 0],
    ['an interval whose end wrapped to 0', 700, [0, END], [512, 0], 0],
    ['the first page', 0, [0, 512], [0, END], 512],
    ['the last block of all', END - 1, [0, END], [0, END], 512],
  ];
  for (const [why, page, vma, interval, chunk] of table) {
    it(`is ${chunk} pages for ${why}`, () => {
      expect(chooseChunk(page, ...vma, { lowPage: interval[0], highPage: interval[1], readOnly: false }, none)).toBe(
        chunk,
      );
    });
  }

  it('takes the next smaller size where another range stands in the way', () => {
    const taken = (from: number, to: number) => ({
      isTaken: (start: number, pages: number) => start < to && start + pages > from,
    });
    expect(chooseChunk(700, 0, END, ANYWHERE, taken(1000, 1001))).toBe(16);
    expect(chooseChunk(700, 0, END, ANYWHERE, taken(703, 704))).toBe(1);
    expect(chooseChunk(700, 0, END, ANYWHERE, taken(1024, 2048))).toBe(512);
  });

  it('does not look for other ranges when it comes to a single page', () => {
    const asked: number[] = [];
    expect(chooseChunk(700, 700, 701, ANYWHERE, { isTaken: (_, pages) => asked.push(pages) > 0 })).toBe(1);
    expect(asked).toEqual([]);
  });
});
