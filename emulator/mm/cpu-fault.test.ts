import { describe, expect, it } from 'vitest';
import { awake, MovingMemory, START } from '../../test/support/moving-memory.ts';
import { Errno } from '../../lib/uapi/errno.ts';
import { CpuAccess } from './cpu-fault.ts';
import { PageMigration } from './page-migration.ts';

const access = ({ space }: MovingMemory, pages: number, write = false, pins = false): CpuAccess =>
  new CpuAccess(space, START, START + pages, write, undefined, pins);

describe('an access of the CPU', () => {
  it('makes missing pages, and counts those and the ones that came home', () => {
    const memory = new MovingMemory().map(4, [0, 1]);
    memory.moveIn(2);
    expect(access(memory, 4).run().next().value).toEqual({ result: 0, pages: 4, fresh: 2, back: 1 });
    expect(memory.where(4)).toBe('ssss');
  });

  it('reads coherent VRAM where it is', () => {
    const memory = new MovingMemory({ coherent: true }).map(2, [0, 1]);
    memory.moveIn(2);
    expect(access(memory, 2, true).run().next().value).toEqual({ result: 0, pages: 2, fresh: 0, back: 0 });
    expect(memory.where(2)).toBe('00');
  });

  it('sleeps while somebody moves the page', () => {
    const memory = new MovingMemory().map(2, [0, 1]);
    const migration = new PageMigration(memory.space, 1);
    migration.collect(memory.space.findVma(START)!, START + 1, { system: true, owner: memory.vram.owner });
    const steps = access(memory, 2).run();
    expect([steps.next().done, steps.next().done]).toEqual([false, false]);
    migration.move();
    migration.finish();
    expect(steps.next()).toMatchObject({ done: true, value: { result: 0, pages: 2 } });
  });

  it('gives up at a page that never stays', () => {
    const memory = new MovingMemory().map(1, [0]);
    memory.moveIn(1);
    // Comes home and is found nowhere: the copy is there, the mapping is not.
    memory.vram.migrateToRam = () => awake(0);
    expect(access(memory, 1).run().next().value).toMatchObject({ result: -Errno.EAGAIN, pages: 0 });
  });

  it.each([
    ['without a mapping', new MovingMemory(), -Errno.EFAULT],
    ['without permission', new MovingMemory().map(1, []), -Errno.EACCES],
    ['of device registers, to pin them', new MovingMemory().map(1, [], 'io'), -Errno.EFAULT],
  ])('is refused %s', (_, memory, errno) => {
    memory.space.protect(START, START + 1, 1);
    expect(
      access(memory, 1, errno === -Errno.EACCES, true)
        .run()
        .next().value,
    ).toMatchObject({ result: errno });
  });

  it('passes device registers, and ends without memory', () => {
    expect(
      access(new MovingMemory().map(2, [], 'io'), 2)
        .run()
        .next().value,
    ).toMatchObject({ result: 0, fresh: 0 });
    const memory = new MovingMemory().map(2, []);
    memory.space.failures.plan('allocate-page', 'ENOMEM', 1, 1);
    expect(access(memory, 2).run().next().value).toMatchObject({ result: -Errno.ENOMEM, pages: 1 });
  });
});
