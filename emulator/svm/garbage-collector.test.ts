import { describe, expect, it } from 'vitest';
import { BLOCK, Rig, T, V } from '../../test/support/emulator-rig.ts';
import { SvmRangeState } from './svm-range.ts';
import type { AmdgpuSvmRange } from './svm-range.ts';

/** Two ranges of 2 MiB under one interval, mapped on the GPU. */
function mapped(): Rig {
  const rig = new Rig();
  rig.region(V, 2 * BLOCK);
  rig.set(V, 2 * BLOCK, [T.prefetchLocation, 1]);
  return rig;
}

/** [owned, queued, pending] of a range (spec/04-invalidation-and-gc §5.1). */
function state(range: AmdgpuSvmRange): [boolean, boolean, boolean] {
  return [(range.state & SvmRangeState.owned) !== 0, range.queued, range.hasPending];
}

describe("the collector's queue", () => {
  it('takes a range from idle over waiting to idle again', () => {
    const rig = mapped();
    const range = rig.range(V);
    expect(state(range)).toEqual([false, false, false]);
    rig.unmap(V, 8);
    expect(state(range)).toEqual([true, true, true]);
    rig.gc();
    expect(state(range)).toEqual([false, false, false]);
  });

  it('holds a range that is being collected, without a place on the list', () => {
    const rig = mapped();
    const range = rig.range(V);
    rig.unmap(V, 8);
    let seen: unknown;
    rig.during(
      'tree-unlock',
      () => void (seen = state(range)),
      () => rig.gc(),
    );
    expect(seen).toEqual([true, false, false]);
  });

  it('queues a range once, however often it is hit, with the hull of the pages', () => {
    const rig = mapped();
    const range = rig.range(V);
    const events: bigint[] = [];
    rig.machine.on('collection-queued', ({ size }) => events.push(size >> 12n));
    rig.unmap(V + 100, 4);
    rig.unmap(V + 20, 2);
    expect([rig.snapshot().collectorPending, range.pendingFirst - V, range.pendingLast - V, events]).toEqual([
      1,
      20,
      103,
      [4n, 2n],
    ]);
  });

  it('clips what is queued to each range, and keeps the order of queueing', () => {
    const rig = mapped();
    rig.unmap(V + BLOCK + 8, 8);
    rig.unmap(V + BLOCK - 8, 16);
    const removed: bigint[] = [];
    rig.machine.on('range-removed', ({ address }) => removed.push((address >> 12n) - BigInt(V)));
    expect([rig.range(V).pendingFirst - V, rig.range(V).pendingLast - V]).toEqual([BLOCK - 8, BLOCK - 1]);
    expect([rig.range(V + BLOCK).pendingFirst - V, rig.range(V + BLOCK).pendingLast - V]).toEqual([BLOCK, BLOCK + 15]);
    rig.gc();
    expect(removed).toEqual([BigInt(BLOCK), 0n]);
  });

  it('is not used while the context closes', () => {
    const rig = mapped();
    rig.device.closeContext(rig.node.file);
    rig.unmap(V, 2 * BLOCK);
    expect(rig.snapshot()).toMatchObject({ collectorPending: 0, collectorQueued: false });
  });
});

describe('a collection', () => {
  it('clears attributes before it removes the range, and neither zaps nor flushes', () => {
    const rig = mapped();
    rig.unmap(V, 8);
    const order: string[] = [];
    for (const name of ['ptes-zapped', 'tlb-flushed', 'range-removed'] as const)
      rig.machine.on(name, () => order.push(name));
    rig.during(
      'tree-unlock',
      () =>
        order.push(
          `intervals ${rig
            .intervals()
            .map(([first]) => first)
            .join()}`,
        ),
      () => rig.gc(),
    );
    expect(order).toEqual(['intervals 8', 'range-removed']);
  });

  it('runs once for any number of events, and says whether it ran', () => {
    const rig = mapped();
    rig.unmap(V, 1);
    rig.unmap(V + BLOCK, 1);
    expect([rig.gc(), rig.gc(), rig.snapshot().counters.gcRuns]).toEqual([1, 0, 1]);
  });

  it('is done by a fault too, which leaves the work item queued', () => {
    const rig = mapped();
    rig.unmap(V, BLOCK);
    rig.later();
    expect(rig.fault(V + BLOCK)).toBe(0);
    expect(rig.snapshot()).toMatchObject({ collectorPending: 0, collectorQueued: true });
    expect(rig.ranges().map(([start]) => start)).toEqual([BLOCK]);
  });

  it('is waited for by SET, before any validation, and not by GET', () => {
    const rig = mapped();
    rig.unmap(V, BLOCK);
    rig.get(V, 1, T.access);
    expect(rig.snapshot().collectorPending).toBe(1);
    expect(rig.set(V, 1, [12, 0])).toBe(-22);
    expect(rig.snapshot()).toMatchObject({ collectorPending: 0, collectorQueued: false });
  });

  it('is waited for by close, and dropped by finalisation', () => {
    const rig = mapped();
    rig.unmap(V, BLOCK);
    rig.device.closeContext(rig.node.file);
    expect(rig.ranges().map(([start]) => start)).toEqual([BLOCK]);
    expect(rig.device.finaliseContext(rig.node.file)).toEqual({ ranges: 0, attrs: 0, dmaPages: 0 });
  });

  it('keeps attributes of pages that no range covered', () => {
    const rig = new Rig();
    rig.region(V, 2 * BLOCK);
    rig.set(V, 2 * BLOCK, [T.gpuExecutable, 1]);
    rig.access(V);
    rig.unmap(V, 2 * BLOCK);
    rig.gc();
    expect(rig.intervals()).toEqual([[BLOCK, 2 * BLOCK - 1, 0x23]]);
  });
});
