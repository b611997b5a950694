import { describe, expect, it } from 'vitest';
import { MovingMemory, START } from '../../test/support/moving-memory.ts';
import { Errno } from '../../lib/uapi/errno.ts';
import { runAwake } from '../kernel/sleepable.ts';
import { evictToRam } from './page-map.ts';

const ALL = [0, 1, 2, 3];

function evict(memory: MovingMemory): number {
  const { space, vram } = memory;
  return runAwake(evictToRam(space, vram.allocations[0]!, vram));
}

describe('moving pages to VRAM', () => {
  it('copies runs of pages that there are, fills holes first, and tells runs', () => {
    const memory = new MovingMemory().map(4, [0, 3]);
    expect([memory.moveIn(4), memory.where(4)]).toEqual([0, '0000']);
    expect(memory.vram.copies).toEqual([
      ['in', 0, 1],
      ['in', 3, 1],
    ]);
    expect(memory.told).toEqual([
      ['migrate', START, START + 4],
      // From the first hole on.
      ['migrate', START + 1, START + 4],
      ['to vram', START + 1, 2, 0],
      ['to vram', START, 1, 0],
      ['to vram', START + 3, 1, 0],
    ]);
  });

  it('tells one run for pages that lie anyhow in system memory', () => {
    const memory = new MovingMemory().map(4, [2, 0, 3, 1]);
    expect(memory.moveIn(4)).toBe(0);
    expect(memory.told.slice(1)).toEqual([['to vram', START, 4, 0]]);
  });

  it('moves all or none where one is held, and gives the VRAM back', () => {
    const memory = new MovingMemory().map(4, ALL);
    memory.space.pins.add(START + 2, memory.space.pages.frameOf(START + 2));
    expect([memory.moveIn(4), memory.where(4)]).toEqual([-Errno.EBUSY, 'ssss']);
    expect([memory.vram.copies, memory.vram.allocations]).toEqual([[], []]);
  });

  it('leaves a page that is held while the others are copied', () => {
    const memory = new MovingMemory().map(4, ALL);
    memory.vram.duringCopy = () => memory.space.pins.add(START + 2, memory.space.pages.frameOf(START + 2, true));
    expect([memory.moveIn(4), memory.where(4)]).toEqual([-Errno.EBUSY, '00s0']);
    expect(memory.vram.allocations[0]!.inUse).toBe(3);
  });

  it('does nothing where all pages are there already, and is busy where some are', () => {
    const memory = new MovingMemory().map(4, ALL);
    expect(memory.moveIn(2)).toBe(0);
    expect([memory.moveIn(2), memory.vram.allocations.length]).toEqual([0, 1]);
    expect([memory.moveIn(4), memory.where(4), memory.vram.allocations.length]).toEqual([-Errno.EBUSY, '00ss', 1]);
  });

  it('puts everything back after a copy that failed', () => {
    const memory = new MovingMemory().map(4, ALL);
    memory.vram.copyResults.push(-Errno.EIO);
    expect([memory.moveIn(4), memory.where(4), memory.vram.allocations]).toEqual([-Errno.EIO, 'ssss', []]);
  });

  it('is refused for what is not anonymous, does not fit the mapping, or is nowhere', () => {
    expect(new MovingMemory().map(4, [], 'file').moveIn(4)).toBe(-Errno.EBUSY);
    expect(new MovingMemory().map(4, []).moveIn(5)).toBe(-Errno.EINVAL);
    expect(new MovingMemory().moveIn(1)).toBe(-Errno.ENOENT);
  });

  it('needs its lists and what its pages share', () => {
    for (const skip of [0, 1, 2, 3]) {
      const memory = new MovingMemory().map(4, ALL);
      memory.space.failures.plan('allocate-memory', 'ENOMEM', 1, skip);
      expect([memory.moveIn(4), memory.where(4), memory.vram.allocations]).toEqual([-Errno.ENOMEM, 'ssss', []]);
    }
  });
});

describe('bringing pages home', () => {
  it('brings the whole buffer at a fault of the CPU, which is free then', () => {
    const memory = new MovingMemory().map(8, [...ALL, 4, 5]);
    expect([memory.moveIn(4), memory.moveIn(2, START + 4), memory.where(8)]).toEqual([0, 0, '000000--']);
    memory.told.length = 0;
    expect(memory.space.touch(START + 1, START + 2, false)).toMatchObject({ result: 0, back: 1 });
    expect([memory.where(8), memory.vram.allocations.length]).toEqual(['ssss00--', 1]);
    expect(memory.told).toEqual([
      ['migrate', START, START + 4],
      ['to ram', START, 4, 0],
    ]);
  });

  it('ends the access where a page cannot come', () => {
    const memory = new MovingMemory().map(4, ALL);
    memory.moveIn(4);
    memory.vram.copyResults.push(-Errno.EIO);
    expect(memory.space.touch(START, START + 1, false)).toMatchObject({ result: -Errno.EIO, pages: 0 });
    expect([memory.where(4), memory.space.touch(START, START + 1, false).result]).toEqual(['0000', 0]);
  });
});

describe('eviction', () => {
  it('announces each page by itself and is over with the last', () => {
    const memory = new MovingMemory().map(4, ALL);
    memory.moveIn(4);
    memory.told.length = 0;
    expect([evict(memory), memory.where(4), memory.vram.allocations]).toEqual([0, 'ssss', []]);
    expect(memory.told).toEqual([...ALL.map((at) => ['clear', START + at, START + at + 1]), ['to ram', START, 4, 0]]);
  });

  it('tries three times, and is busy after that', () => {
    const memory = new MovingMemory().map(2, [0, 1]);
    memory.moveIn(2);
    const [allocation] = memory.vram.allocations;
    memory.space.pins.add(START, allocation!.firstFrame);
    memory.space.pins.add(START, allocation!.firstFrame);
    expect([evict(memory), memory.where(2)]).toEqual([-Errno.EBUSY, '0s']);
    expect(memory.told.filter(([kind]) => kind === 'clear')).toHaveLength(1 + 3);
  });

  it('needs its lists in each round, and a process', () => {
    const memory = new MovingMemory().map(2, [0, 1]);
    memory.moveIn(2);
    memory.space.failures.plan('allocate-migration-lists', 'ENOMEM');
    expect([evict(memory), evict(memory)]).toEqual([-Errno.ENOMEM, 0]);
    const gone = new MovingMemory().map(2, [0, 1]);
    gone.moveIn(2);
    gone.space.hasUsers = false;
    expect(evict(gone)).toBe(-Errno.EFAULT);
  });
});
