import { describe, expect, it } from 'vitest';
import type { MachineOptions } from '../index.ts';
import { NotifierEvent } from '../mm/interval-notifier.ts';
import { BLOCK, PTE, Rig, T, V, WINDOW } from '../../test/support/emulator-rig.ts';

function mapped(options: MachineOptions = {}): { rig: Rig; order: string[] } {
  const rig = new Rig(options);
  rig.region(V, 2 * BLOCK);
  rig.set(V, 2 * BLOCK, [T.prefetchLocation, 1]);
  const order: string[] = [];
  for (const name of ['ptes-zapped', 'tlb-flushed', 'dma-unmapped', 'collection-queued'] as const) {
    rig.machine.on(name, (event) =>
      order.push('address' in event ? `${name} ${Number(event.address >> 12n) - V}+${event.size >> 12n}` : name),
    );
  }
  return { rig, order };
}

describe('the effect of an event', () => {
  for (const [kind, code] of Object.entries(NotifierEvent).filter(([name]) => name !== 'release' && name !== 'unmap')) {
    it(`of kind ${kind} is: zap of its part, one flush, DMA unmapping of whole ranges, no queueing`, () => {
      const { rig, order } = mapped();
      rig.machine.process.space.notifiers.deliver(code, V + BLOCK - 4, V + BLOCK + 4);
      expect(order).toEqual([
        `ptes-zapped ${BLOCK - 4}+4`,
        `ptes-zapped ${BLOCK}+4`,
        'tlb-flushed',
        `dma-unmapped 0+${BLOCK}`,
        `dma-unmapped ${BLOCK}+${BLOCK}`,
      ]);
      expect(rig.snapshot().ranges).toMatchObject([
        { mapped: false, unmapped: false, dmaMapped: false },
        { mapped: false, unmapped: false, dmaMapped: false },
      ]);
      expect(rig.intervals().length).toBe(1);
    });
  }

  it('of kind unmap is: all zaps, one flush, then DMA unmapping and queueing range by range', () => {
    const { rig, order } = mapped();
    rig.unmap(V + 8, 2 * BLOCK - 8);
    expect(order).toEqual([
      `ptes-zapped 8+${BLOCK - 8}`,
      `ptes-zapped ${BLOCK}+${BLOCK}`,
      'tlb-flushed',
      `dma-unmapped 0+${BLOCK}`,
      `collection-queued 8+${BLOCK - 8}`,
      `dma-unmapped ${BLOCK}+${BLOCK}`,
      `collection-queued ${BLOCK}+${BLOCK}`,
    ]);
    expect(rig.snapshot().ranges).toMatchObject([
      { unmapped: true, partiallyUnmapped: true, queued: true },
      { unmapped: true, partiallyUnmapped: false, queued: true },
    ]);
  });

  it('of kind release is nothing', () => {
    const { rig, order } = mapped();
    rig.machine.process.space.notifiers.deliver(NotifierEvent.release, 0, 2 ** 52);
    expect([order, rig.range(V).gpuMapped]).toEqual([[], true]);
  });

  it('elsewhere in the window is nothing, but the sequence moves', () => {
    const { rig, order } = mapped();
    const before = rig.range(V).notifier.sequence;
    rig.machine.process.space.notifiers.deliver(NotifierEvent.clear, V + 4 * BLOCK, V + 5 * BLOCK);
    expect(order).toEqual([]);
    expect(rig.range(V).notifier.sequence).not.toBe(before);
  });

  it('is no flush when nothing was mapped, and none for a range that is unmapped already', () => {
    const { rig, order } = mapped();
    rig.discard(V, 2 * BLOCK);
    order.length = 0;
    rig.discard(V, 2 * BLOCK);
    expect(order).toEqual([]);
    rig.unmap(V, BLOCK);
    expect(order).toEqual([`collection-queued 0+${BLOCK}`]);
  });

  it('comes once for each notifier', () => {
    const rig = new Rig();
    rig.region(V + WINDOW - BLOCK, 2 * BLOCK);
    rig.set(V + WINDOW - BLOCK, 2 * BLOCK, [T.prefetchLocation, 1]);
    const before = rig.snapshot().counters.tlb;
    rig.discard(V + WINDOW - 1, 2);
    expect(rig.snapshot().counters.tlb - before).toBe(2);
  });

  it('does not reset the time of the last commit', () => {
    const { rig } = mapped();
    const { validationTime } = rig.range(V);
    rig.discard(V, BLOCK);
    expect([rig.range(V).validationTime, validationTime]).toEqual([validationTime, 1_000_000_000]);
  });
});

describe('the checkpoint', () => {
  const unmapped = (options: MachineOptions, ih1: boolean, soft: boolean): number => {
    const { rig } = mapped(options);
    rig.device.setInterruptRing('ih1', ih1, 111);
    rig.device.setInterruptRing('soft', soft, 222);
    rig.unmap(V, 1);
    return rig.snapshot().checkpoint;
  };

  for (const [why, options, ih1, soft, checkpoint] of [
    ['ring 1, without a retry CAM', { retryCam: false }, true, true, 111],
    ['the software ring when ring 1 is empty', { retryCam: false }, false, true, 222],
    ['the software ring with a retry CAM', {}, true, true, 222],
    ['the software ring where ring 1 does not exist', { retryCam: false, ih1: false }, true, true, 222],
    ['nowhere when both are empty', { retryCam: false }, false, false, 0],
    ['nowhere when only ring 1 has entries but the CAM is used', {}, true, false, 0],
  ] as const) {
    it(`comes from ${why}`, () => {
      expect(unmapped(options, ih1, soft)).toBe(checkpoint);
    });
  }

  it('is taken by UNMAP only, and only where a range is hit', () => {
    const { rig } = mapped();
    rig.device.setInterruptRing('soft', true, 222);
    rig.discard(V, BLOCK);
    rig.map(V + 4 * BLOCK, 4);
    rig.unmap(V + 4 * BLOCK, 4);
    expect(rig.snapshot().checkpoint).toBe(0);
  });
});

describe('a split', () => {
  it('keeps ranges that do not cross the bounds, with their DMA mapping', () => {
    const { rig, order } = mapped();
    expect(rig.set(V, BLOCK, [T.prefetchLocation, 0])).toBe(0);
    expect(order).toEqual([`ptes-zapped 0+${BLOCK}`, 'tlb-flushed']);
    expect(rig.snapshot().ranges).toMatchObject([
      { mapped: false, dmaMapped: true },
      { mapped: true, dmaMapped: true },
    ]);
    expect(rig.ptes()).toEqual([[BLOCK, BLOCK, PTE.UC.rw, 'ok']]);
  });

  it('removes ranges that cross them, and flushes once at the end', () => {
    const { rig, order } = mapped();
    rig.set(V + 8, 2 * BLOCK - 16, [T.prefetchLocation, 0]);
    expect(order).toEqual([
      `ptes-zapped 0+${BLOCK}`,
      `dma-unmapped 0+${BLOCK}`,
      `ptes-zapped ${BLOCK}+${BLOCK}`,
      `dma-unmapped ${BLOCK}+${BLOCK}`,
      'tlb-flushed',
    ]);
    expect(rig.ranges()).toEqual([]);
  });
});
