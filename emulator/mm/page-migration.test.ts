import { describe, expect, it } from 'vitest';
import { MovingMemory, START } from '../../test/support/moving-memory.ts';
import { PAGES_PER_BLOCK } from '../kernel/page-number.ts';
import { DEVICE_PRIVATE, PRESENT, WRITE_FAULTED } from './cpu-pages.ts';
import { Collected } from './page-collection.ts';
import { PageMigration } from './page-migration.ts';

const { migrate, page, huge } = Collected;

/** A migration of `pages` pages of `memory`, collected. */
function collect(memory: MovingMemory, pages: number, system = true, owner: object = memory.vram.owner): PageMigration {
  const migration = new PageMigration(memory.space, pages);
  migration.collect(memory.space.findVma(START)!, START, { system, owner });
  return migration;
}

describe('the collection of pages', () => {
  it('takes pages and holes, and lets accesses of the CPU wait', () => {
    const memory = new MovingMemory().map(4, [1, 2]);
    const migration = collect(memory, 4);
    expect([...migration.states]).toEqual([migrate, migrate | page, migrate | page, migrate]);
    expect([migration.collected, memory.where(4), migration.mappedAt(0), migration.mappedAt(1)]).toEqual([
      4,
      '-??-',
      -1,
      START + 1,
    ]);
  });

  it('takes pages in VRAM of the same owner only', () => {
    const memory = new MovingMemory().map(4, [0, 1, 2, 3]);
    memory.moveIn(2);
    expect(collect(memory, 4).collected).toBe(4);
    const other = new MovingMemory().map(4, [0, 1, 2, 3]);
    other.moveIn(2);
    expect([collect(other, 4, true, {}).collected, other.where(4)]).toEqual([2, '00??']);
  });

  it('leaves pages alone that somebody moves', () => {
    const memory = new MovingMemory().map(2, [0, 1]);
    const first = collect(memory, 2);
    expect([first.collected, collect(memory, 2).collected]).toEqual([2, 0]);
  });

  it('takes an aligned block as one, where huge pages move as one', () => {
    const hole = new MovingMemory({ huge: true }).map(PAGES_PER_BLOCK, []);
    const migration = collect(hole, PAGES_PER_BLOCK);
    expect([migration.states[0], migration.sizeAt(0), migration.collected]).toEqual([migrate | huge, 512, 1]);
    const thp = new MovingMemory({ huge: true }).map(PAGES_PER_BLOCK, [0], 'thp');
    expect([collect(thp, PAGES_PER_BLOCK).collected, thp.space.pages.isHuge(START)]).toEqual([512, true]);
    const split = new MovingMemory().map(PAGES_PER_BLOCK, [0], 'thp');
    expect([collect(split, PAGES_PER_BLOCK).collected, split.space.pages.isHuge(START)]).toEqual([512, false]);
    expect(split.told).toContainEqual(['clear', START, START + 512]);
  });
});

describe('the end of a migration', () => {
  it('maps pages in their targets, writable as they were', () => {
    const memory = new MovingMemory().map(2, [0]);
    const { pages } = memory.space;
    memory.space.touch(START + 1, START + 2, false);
    memory.moveIn(2);
    expect([0, 1].map((at) => pages.marksOf(START + at))).toEqual([DEVICE_PRIVATE | WRITE_FAULTED, DEVICE_PRIVATE]);
    memory.space.touch(START, START + 1, false);
    expect([0, 1].map((at) => pages.marksOf(START + at))).toEqual([PRESENT | WRITE_FAULTED, PRESENT]);
    expect([0, 1].map((at) => pages.frameOf(START + at))).toEqual([3, 4]);
  });

  it('takes the permission to write away that the mapping has lost', () => {
    const memory = new MovingMemory().map(1, [0]);
    memory.vram.duringCopy = () => void memory.space.protect(START, START + 1, 1);
    expect([memory.moveIn(1), memory.space.pages.marksOf(START)]).toEqual([0, DEVICE_PRIVATE]);
  });

  it('puts back what has no target', () => {
    const memory = new MovingMemory().map(2, [0, 1]);
    const before = memory.space.pages.frameOf(START);
    const migration = collect(memory, 2);
    migration.move();
    migration.finish();
    expect([memory.where(2), memory.space.pages.frameOf(START)]).toEqual(['ss', before]);
  });

  it('frees pages that were unmapped on their way', () => {
    const memory = new MovingMemory().map(2, [0, 1]);
    memory.vram.duringCopy = () => void memory.space.unmap(START, START + 2);
    expect([memory.moveIn(2), memory.where(2), memory.vram.allocations]).toEqual([0, '--', []]);
  });

  it('does not mix up the lists of migrations within one another', () => {
    const memory = new MovingMemory().map(2 * PAGES_PER_BLOCK, [0, 1, PAGES_PER_BLOCK]);
    expect(memory.moveIn(PAGES_PER_BLOCK, START + PAGES_PER_BLOCK)).toBe(0);
    let nested = 0;
    memory.vram.duringCopy = () => {
      memory.vram.duringCopy = () => undefined;
      nested = memory.space.touch(START + PAGES_PER_BLOCK, START + PAGES_PER_BLOCK + 1, true).back;
    };
    expect([memory.moveIn(PAGES_PER_BLOCK), nested]).toEqual([0, 1]);
    expect([memory.where(4), memory.where(4, START + PAGES_PER_BLOCK)]).toEqual(['0000', 'ssss']);
  });
});
