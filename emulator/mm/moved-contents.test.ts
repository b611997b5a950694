import { describe, expect, it } from 'vitest';
import { MovingMemory, START } from '../../test/support/moving-memory.ts';

/** The first byte of each of some pages, as they are on their own. */
function bytes({ space }: MovingMemory, pages: number): number[] {
  return Array.from({ length: pages }, (_, index) => space.contents.peek(START + index)?.[0] ?? 0);
}

function write({ space }: MovingMemory, index: number, value: number): void {
  space.contents.write(START + index, 0, Uint8Array.of(value));
}

function filled(): MovingMemory {
  const memory = new MovingMemory().map(2, [0, 1]);
  write(memory, 0, 5);
  write(memory, 1, 6);
  return memory;
}

describe('contents', () => {
  it('go where their pages go', () => {
    const memory = filled();
    memory.moveIn(2);
    expect(bytes(memory, 2)).toEqual([5, 6]);
    memory.space.touch(START, START + 1, false);
    expect(bytes(memory, 2)).toEqual([5, 6]);
  });

  it('are those of the time of the copy, whatever is written afterwards', () => {
    const memory = filled();
    let copies = 0;
    memory.vram.duringCopy = () => {
      // The second run begins when the first is copied.
      if (copies++ === 1) write(memory, 0, 99);
    };
    memory.space.unmap(START, START + 2);
    memory.space.map(START, START + 3, 3, 'anon');
    for (const index of [0, 2]) memory.space.touch(START + index, START + index + 1, true);
    write(memory, 0, 5);
    write(memory, 2, 7);
    expect([memory.moveIn(3), bytes(memory, 3)]).toEqual([0, [5, 0, 7]]);
  });

  it('stay what is written while nothing is copied', () => {
    const memory = filled();
    memory.vram.duringCopy = () => write(memory, 0, 99);
    memory.moveIn(2);
    expect(bytes(memory, 2)).toEqual([99, 6]);
  });

  it('are unknown, and lost, in a page of the system that nobody copied to', () => {
    const memory = filled();
    const { moved } = memory.space;
    moved.placed(START, memory.space.pages.frameOf(START), 77, false);
    expect([moved.isUninitialised(77), moved.isLost(77), moved.anyLost, bytes(memory, 2)]).toEqual([
      true,
      true,
      true,
      [0, 6],
    ]);
    // A copy of it is no better.
    moved.placed(START, 77, 78, true);
    expect([moved.isUninitialised(78), moved.isLost(78), moved.isLost(77)]).toEqual([true, true, false]);
    moved.written(78);
    expect([moved.isUninitialised(78), moved.anyLost]).toEqual([false, false]);
  });

  it('of VRAM that is given out are zero', () => {
    const memory = filled();
    const { moved } = memory.space;
    moved.placed(START, memory.space.pages.frameOf(START), 0x8000_0005, false);
    expect(moved.isLost(0x8000_0005)).toBe(true);
    moved.cleared(0x8000_0000, 16);
    expect(moved.anyLost).toBe(false);
  });
});
