import { describe, expect, it } from 'vitest';
import { BlockLayout } from './page-block.ts';
import { PageBlockMap, PageBudget, SpareSlabs } from './page-block-map.ts';
import { PAGES_PER_BLOCK } from './page-number.ts';

describe('PageBlockMap', () => {
  it('makes a block once and finds it again', () => {
    const map = new PageBlockMap();
    expect(map.get(3)).toBeUndefined();
    const block = map.getOrCreate(3);
    expect([map.getOrCreate(3), map.get(3), map.size]).toEqual([block, block, 1]);
    expect(map.get(4)).toBeUndefined();
    expect(map.get(3)).toBe(block);
  });

  it('gives blocks that do not share pages, also beyond one slab', () => {
    const map = new PageBlockMap();
    for (let number = 0; number < 100; number++) {
      const block = map.getOrCreate(number);
      block.unpackAll();
      block.frames.fill(number + 1, block.base, block.base + PAGES_PER_BLOCK);
      block.marks.fill(number + 1, block.base, block.base + PAGES_PER_BLOCK);
    }
    for (let number = 0; number < 100; number++) {
      const block = map.get(number)!;
      expect(
        block.frames.subarray(block.base, block.base + PAGES_PER_BLOCK).every((frame) => frame === number + 1),
      ).toBe(true);
      expect(block.marks.subarray(block.base, block.base + PAGES_PER_BLOCK).every((mark) => mark === number + 1)).toBe(
        true,
      );
    }
  });

  it('gives its first slab up, clean, to one map after it, and never to two', () => {
    const spare = new SpareSlabs();
    const map = new PageBlockMap(new PageBudget(10, spare));
    const dirty = map.getOrCreate(5);
    dirty.packAll(7, 7);
    dirty.unpackAll();
    map.getOrCreate(6);
    map.giveUp(spare);
    map.giveUp(spare);
    const budget = new PageBudget(10, spare);
    const [after, other] = [new PageBlockMap(budget), new PageBlockMap(budget)];
    const [block, another] = [after.getOrCreate(1), other.getOrCreate(1)];
    expect(block.frames).toBe(dirty.frames);
    expect(another.frames).not.toBe(dirty.frames);
    for (const each of [block, another, after.getOrCreate(2)]) {
      for (let index = 0; index < PAGES_PER_BLOCK; index++)
        expect([each.frameAt(index), each.markAt(index)]).toEqual([0, 0]);
      expect([each.used, each.layout]).toEqual([0, BlockLayout.scattered]);
    }
  });

  it('gives a block that was released back clean', () => {
    const map = new PageBlockMap();
    const block = map.getOrCreate(1);
    block.unpack(0);
    block.frames[block.base + 7] = 9;
    block.marks[block.base + 7] = 9;
    block.used = 1;
    block.layout = BlockLayout.huge;
    map.release(1);
    expect([map.get(1), map.size]).toEqual([undefined, 0]);
    for (let number = 10; number < 60; number++) {
      const other = map.getOrCreate(number);
      expect([other.used, other.huge, other.frameAt(7), other.markAt(7)]).toEqual([0, false, 0, 0]);
    }
  });

  it('does nothing when a block is released that is not there', () => {
    const map = new PageBlockMap();
    map.getOrCreate(1);
    map.release(2);
    expect(map.size).toBe(1);
  });

  it('lists block numbers in ascending order, for narrow and for wide intervals', () => {
    const map = new PageBlockMap();
    for (const number of [70, 3, 2 ** 43, 9, 1]) map.getOrCreate(number);
    expect(map.blockNumbers()).toEqual([1, 3, 9, 70, 2 ** 43]);
    expect(map.blockNumbersBetween(3, 9)).toEqual([3, 9]);
    expect(map.blockNumbersBetween(4, 8)).toEqual([]);
    expect(map.blockNumbersBetween(2, 2 ** 43)).toEqual([3, 9, 70, 2 ** 43]);
    expect(map.blockNumbersBetween(9, 9)).toEqual([9]);
  });

  it('lists them in wide intervals as they come and go, until somebody has seen enough', () => {
    const map = new PageBlockMap();
    for (const number of [700, 30, 5]) map.getOrCreate(number);
    expect(map.blockNumbersBetween(6, 1000)).toEqual([30, 700]);
    map.getOrCreate(100);
    map.release(30);
    map.getOrCreate(2 ** 43);
    expect(map.blockNumbersBetween(0, 2 ** 44)).toEqual([5, 100, 700, 2 ** 43]);
    // The storage of 30 serves 200 now.
    map.getOrCreate(200);
    expect(map.blockNumbersBetween(6, 700)).toEqual([100, 200, 700]);
    const seen: number[] = [];
    for (const last of [15, 2 ** 44]) map.scan(0, last, (_, number) => seen.push(number) < 3);
    expect(seen).toEqual([5, 5, 100]);
  });
});
