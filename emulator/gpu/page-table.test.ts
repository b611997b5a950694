import { describe, expect, it } from 'vitest';
import { GpuPageTable } from './page-table.ts';

const FRAMES = Uint32Array.from({ length: 600 }, (_, index) => index + 1);

/** All PTEs as "page flags frame". */
function all(table: GpuPageTable): string[] {
  const found: string[] = [];
  table.forEach((page, flags, frame) => found.push(`${page} ${flags} ${frame}`));
  return found;
}

/** Clears `[startPage, endPage)` block by block. */
function zap(table: GpuPageTable, startPage: number, endPage: number): void {
  const numbers = table.blocks.blockNumbersBetween(Math.floor(startPage / 512), Math.floor((endPage - 1) / 512));
  for (const number of numbers)
    table.zapInBlock(number, Math.max(startPage - number * 512, 0), Math.min(endPage - number * 512, 512));
}

describe('GpuPageTable', () => {
  it('has no PTE at first', () => {
    const table = new GpuPageTable();
    expect([table.flagsOf(5), table.frameOf(5), all(table)]).toEqual([0, 0, []]);
    zap(table, 0, 2 ** 52);
  });

  it('holds flags and frames of the pages that were written', () => {
    const table = new GpuPageTable();
    table.write(1022, 2, 3, 8);
    table.write(510, 1, 4, FRAMES);
    expect(all(table)).toEqual(['510 4 1', '1022 3 8', '1023 3 9']);
    expect([table.flagsOf(1023), table.frameOf(1023), table.flagsOf(1021), table.flagsOf(1024)]).toEqual([3, 9, 0, 0]);
  });

  it('finds the first PTE with wanted flags', () => {
    const table = new GpuPageTable();
    table.write(510, 1, 4, FRAMES);
    table.write(1022, 2, 3, 8);
    table.write(5000, 1, 4, 8);
    const first = (from: number, to: number, flags: number): number =>
      table.firstWhere(from, to, (each) => each === flags);
    expect([first(0, 6000, 4), first(511, 6000, 4), first(511, 5000, 4)]).toEqual([510, 5000, 5000]);
    expect([first(0, 6000, 3), first(1023, 6000, 3), first(1024, 6000, 3), first(7, 9, 3)]).toEqual([
      1022, 1023, 6000, 9,
    ]);
  });

  it('overwrites, and counts a page once', () => {
    const table = new GpuPageTable();
    table.write(512, 512, 1, FRAMES);
    table.write(600, 16, 2, 1);
    expect([table.flagsOf(599), table.flagsOf(600), table.frameOf(600), table.flagsOf(616)]).toEqual([1, 2, 1, 1]);
    zap(table, 512, 1024);
    expect([all(table), table.blocks.size]).toEqual([[], 0]);
  });

  it('is cleared inside the bounds only, over any number of blocks', () => {
    const table = new GpuPageTable();
    for (const block of [512, 1024, 1536, 2 ** 40]) table.write(block, 512, 1, FRAMES);
    zap(table, 1000, 1600);
    expect([999, 1000, 1024, 1599, 1600, 2 ** 40].map((page) => table.flagsOf(page))).toEqual([1, 0, 0, 0, 1, 1]);
    zap(table, 0, 2 ** 52);
    expect(all(table)).toEqual([]);
  });

  it('gives blocks back when their last PTE goes, and finds them clean again', () => {
    const table = new GpuPageTable();
    table.write(512, 2, 1, FRAMES);
    zap(table, 512, 513);
    expect(table.blocks.size).toBe(1);
    zap(table, 513, 514);
    zap(table, 513, 514);
    expect(table.blocks.size).toBe(0);
    table.write(700, 1, 1, FRAMES);
    expect(all(table)).toEqual(['700 1 1']);
  });
});
