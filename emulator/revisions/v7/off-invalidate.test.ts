import { describe, expect, it } from 'vitest';
import { BLOCK, Rig, T, V } from '../../../test/support/emulator-rig.ts';

const MILLISECOND = 1_000_000;

function mapped(pages = BLOCK): Rig {
  const rig = new Rig({ profile: 'v7-xnack-off', xnackOff: true });
  rig.region(V, pages);
  expect(rig.set(V, pages, [T.access, 1])).toBe(0);
  return rig;
}

describe('an MMU event without retry faults', () => {
  it.each([
    ['discard', (rig: Rig) => rig.discard(V + 8, 8)],
    ['mprotect', (rig: Rig) => rig.protect(V + 8, 8, 'r')],
  ] as const)('of %s stops the queues, leaves the PTEs, and queues the range', (_name, act) => {
    const rig = mapped();
    const events: unknown[] = [];
    rig.machine.onAny(({ name }) => void events.push(name), ['queues-stopped', 'restore-queued', 'ptes-zapped']);
    act(rig);
    expect(events).toEqual(['queues-stopped', 'restore-queued']);
    expect(rig.ptes().reduce((pages, [, count]) => pages + count, 0)).toBe(BLOCK);
    expect(rig.snapshot().ranges[0]).toMatchObject({
      mapped: false,
      dmaMapped: false,
      queue: 'restore',
      pending: { firstPage: V + 8, lastPage: V + 15, operation: 'restore' },
    });
    expect(rig.restore()).toMatchObject({ evicted: 1, stopped: 1, due: rig.machine.clock.now + MILLISECOND });
  });

  it('is counted each time, and stops the queues once', () => {
    const rig = mapped();
    rig.discard(V, 1);
    rig.discard(V + 4, 1);
    expect(rig.restore()).toMatchObject({ evicted: 2, quiesceCalls: 1, pending: 1 });
    expect(rig.snapshot().ranges[0]!.pending).toMatchObject({ firstPage: V, lastPage: V + 4 });
  });

  it('without a range in it does nothing', () => {
    const rig = mapped();
    rig.region(V + 4 * BLOCK, BLOCK);
    rig.discard(V + 4 * BLOCK, BLOCK);
    expect(rig.restore()).toMatchObject({ evicted: 0, quiesceCalls: 0 });
  });

  it('stops the queues for a range that is not mapped, too', () => {
    const rig = mapped();
    rig.discard(V, 1);
    rig.device.failures.plan('collect-pages', 'EFAULT', 1);
    rig.machine.clock.advance(MILLISECOND);
    rig.work();
    expect([rig.ranges(), rig.restore().stopped]).toEqual([[[0, BLOCK, false]], 0]);
    rig.discard(V, 1);
    expect(rig.restore()).toMatchObject({ evicted: 1, stopped: 1 });
  });

  it('of a whole munmap clears the PTEs while the queues run', () => {
    const rig = mapped();
    rig.unmap(V, BLOCK);
    expect([rig.ptes(), rig.restore()]).toMatchObject([[], { evicted: 0, quiesceCalls: 0 }]);
    expect(rig.snapshot().ranges[0]).toMatchObject({ unmapped: true, queue: 'gc' });
    expect([rig.work(), rig.ranges()]).toEqual([['gc'], []]);
  });

  it('of a munmap of a part stops the queues once, and clears the PTEs of that part', () => {
    const rig = mapped(2 * BLOCK);
    rig.unmap(V + 256, BLOCK);
    expect(rig.restore()).toMatchObject({ evicted: 1, quiesceCalls: 1 });
    expect(rig.ptes().map(([start, pages]) => [start, pages])).toEqual([
      [0, 256],
      [256 + BLOCK, 256],
    ]);
    expect(rig.snapshot().ranges.map(({ queue, partiallyUnmapped }) => [queue, partiallyUnmapped])).toEqual([
      ['gc', true],
      ['gc', true],
    ]);
  });

  it('takes a range from the restore list to the collector', () => {
    const rig = mapped();
    rig.discard(V, 1);
    expect([rig.restore().pending, rig.snapshot().collectorPending]).toEqual([1, 0]);
    rig.unmap(V, BLOCK);
    expect([rig.restore().pending, rig.snapshot().collectorPending]).toEqual([0, 1]);
    // What waits for the collector is not marked for the worker any more.
    expect(rig.snapshot().ranges[0]!.pending).toMatchObject({
      operation: 'unmap',
      firstPage: V,
      lastPage: V + BLOCK - 1,
    });
  });

  it('after a discard clears nothing: the GPU could use what was freed', () => {
    const rig = mapped();
    rig.discard(V, BLOCK);
    rig.unmap(V, BLOCK);
    expect(rig.ptes().map(([start, pages]) => [start, pages])).toEqual([[0, BLOCK]]);
    rig.work();
    expect([rig.ranges(), rig.ptes()]).toEqual([[], [[0, BLOCK, expect.any(BigInt), 'stale']]]);
  });

  it('is ignored by a closing context and at the exit of the process', () => {
    const rig = mapped();
    rig.device.closeContext(rig.file);
    rig.discard(V, BLOCK);
    expect(rig.restore()).toMatchObject({ evicted: 0, quiesceCalls: 0 });
    const other = mapped();
    other.machine.process.exit();
    expect(other.restore().evicted).toBe(0);
  });
});
