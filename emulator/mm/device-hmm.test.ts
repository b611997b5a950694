import { describe, expect, it } from 'vitest';
import { MovingMemory, START } from '../../test/support/moving-memory.ts';
import { Errno } from '../../lib/uapi/errno.ts';
import { runAwake } from '../kernel/sleepable.ts';
import { arePagesPresent, deviceRangeFault } from './device-hmm.ts';

/** A walk of all `pages` pages for who has `owner`. */
function walk(memory: MovingMemory, pages: number, owner: object | null, options: object = {}): number {
  const { space } = memory;
  const fault = { startPage: START, endPage: START + pages, write: false, owner, isStale: () => false };
  return runAwake(deviceRangeFault(space, { ...fault, failures: space.failures, ...options }));
}

function inVram(pages: number, moved: number): MovingMemory {
  const memory = new MovingMemory().map(pages, [...Array(moved).keys()]);
  expect(memory.moveIn(moved)).toBe(0);
  return memory;
}

describe('the range fault of HMM', () => {
  it('leaves pages in VRAM to who has their owner token', () => {
    const memory = inVram(4, 4);
    expect([walk(memory, 4, memory.vram.owner), memory.where(4)]).toEqual([0, '0000']);
    expect([walk(memory, 4, {}), memory.where(4)]).toEqual([0, 'ssss']);
    const again = inVram(4, 4);
    expect([walk(again, 4, null), again.where(4)]).toEqual([0, 'ssss']);
  });

  it('faults everything from a missing page to the end of the piece', () => {
    const memory = new MovingMemory().map(6, [2, 3]);
    expect(memory.moveIn(2, START + 2)).toBe(0);
    expect([walk(memory, 6, memory.vram.owner), memory.where(6)]).toEqual([0, 'ssssss']);
    const behind = inVram(4, 2);
    expect([walk(behind, 4, behind.vram.owner), behind.where(4)]).toEqual([0, '00ss']);
  });

  it('ends where the sequence moved, the mapping forbids it, or a page cannot come', () => {
    const memory = inVram(4, 4);
    expect(walk(memory, 4, null, { isStale: () => true })).toBe(-Errno.EBUSY);
    expect(walk(memory, 5, null)).toBe(-Errno.EFAULT);
    const stuck = inVram(4, 4);
    stuck.vram.copyResults.push(-Errno.EIO);
    expect([walk(stuck, 4, null), stuck.where(4)]).toEqual([-Errno.EFAULT, '0000']);
    const readOnly = new MovingMemory().map(4, []);
    readOnly.space.protect(START, START + 4, 1);
    expect(walk(readOnly, 4, null, { write: true })).toBe(-Errno.EPERM);
  });
});

describe('the question whether pages are present', () => {
  it('counts VRAM of the owner, and nothing that cannot be read', () => {
    const memory = inVram(4, 2);
    const ask = (pages: number, owner: object | null): boolean =>
      arePagesPresent(memory.space, START, START + pages, owner);
    expect([ask(2, memory.vram.owner), ask(2, {}), ask(2, null), ask(4, memory.vram.owner)]).toEqual([
      true,
      false,
      false,
      false,
    ]);
    memory.space.protect(START, START + 4, 0);
    expect(ask(2, memory.vram.owner)).toBe(false);
  });
});
