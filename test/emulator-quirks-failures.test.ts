/** Catalogue 07-quirks, kind F: injected failures. */
import { describe, expect, it } from 'vitest';
import { at, BLOCK, MIB, PTE, Rig, T, V } from './support/emulator-rig.ts';

const [EINTR, ENOMEM, EBUSY] = [-4, -12, -16];
const NO_RETRY = 0x0140_0000_0000_0010n;

/** A region with one interval, mapped on the GPU for writing, later than the recent-mapping window. */
function mapped(pages = BLOCK): Rig {
  const rig = new Rig();
  rig.region(V, pages);
  rig.set(V, pages, [T.access, 1]);
  rig.access(V, pages, true);
  rig.later();
  return rig;
}

/** After Q25: GPU_RO on the first MiB only in the tree, one range over both halves. */
function interrupted(): Rig {
  const rig = mapped();
  rig.device.failures.plan('lock-page-directory', 'EINTR');
  expect(rig.set(V, MIB, [T.gpuReadOnly, 1])).toBe(EINTR);
  return rig;
}

describe('injected failures', () => {
  it('Q20: when the second segment cannot be allocated, the first stays changed', () => {
    const rig = new Rig();
    rig.region(V, 2 * BLOCK);
    rig.set(V, BLOCK, [T.access, 1]);
    rig.device.failures.plan('allocate-interval', 'ENOMEM');
    expect(rig.set(V, 2 * BLOCK, [T.gpuExecutable, 1])).toBe(ENOMEM);
    expect(rig.intervals()).toEqual([[0, BLOCK - 1, 0x23]]);
  });

  it('Q25: the repetition of an interrupted SET returns 0 and repeats nothing', () => {
    const rig = interrupted();
    expect(rig.set(V, MIB, [T.gpuReadOnly, 1])).toBe(0);
    expect(rig.intervals()).toEqual([
      [0, MIB - 1, 0x13],
      [MIB, BLOCK - 1, 0x03],
    ]);
    expect(rig.ranges()).toEqual([[0, BLOCK, true]]);
    expect(rig.ptes()).toEqual([[0, BLOCK, PTE.UC.rw, 'ok']]);
  });

  it('Q25: a prefetch that was interrupted is not redone either', () => {
    const rig = new Rig();
    rig.region();
    rig.device.failures.plan('lock-page-directory', 'EINTR');
    expect(rig.set(V, BLOCK, [T.prefetchLocation, 1])).toBe(EINTR);
    expect(rig.set(V, BLOCK, [T.prefetchLocation, 1])).toBe(0);
    expect(rig.ptes()).toEqual([]);
  });

  it('Q39: a failed zap is swallowed: live PTEs, range not mapped, DMA gone, and the flush is done all the same', () => {
    const rig = mapped();
    const { tlb } = rig.snapshot().counters;
    rig.device.failures.plan('zap-ptes', 'EBUSY');
    expect(rig.discard(V, BLOCK)).toBe(0);
    expect(rig.snapshot().ranges).toMatchObject([{ mapped: false, dmaMapped: false }]);
    expect(rig.snapshot().counters.tlb).toBe(tlb + 1);
    expect(rig.ptes()).toEqual([[0, BLOCK, PTE.UC.rw, 'stale']]);
  });

  it('Q41: when the directory update fails, the written PTEs stay and the range is not marked', () => {
    const rig = new Rig();
    rig.region();
    rig.device.failures.plan('update-directories', 'ENODEV');
    expect(rig.fault(V)).toBe(-19);
    expect(rig.ranges()).toEqual([[0, BLOCK, false]]);
    expect(rig.pte(V)).toBe(PTE.UC.rw);
    rig.discard(V, BLOCK);
    expect(rig.ptes()).toEqual([[0, BLOCK, PTE.UC.rw, 'stale']]);
  });

  it('Q41: a failed commit leaves a range that was mapped before marked as it was', () => {
    const rig = mapped();
    rig.set(V, BLOCK, [T.gpuExecutable, 1]);
    rig.device.failures.plan('update-directories', 'ENOMEM');
    expect(rig.fault(V)).toBe(ENOMEM);
    expect(rig.range(V).gpuMapped).toBe(true);
  });

  /** A middle part of an interval over 6 MiB is unmapped, its clearing fails, and it is mapped again. */
  function zombie(collect: (rig: Rig) => void): Rig {
    const rig = new Rig();
    rig.region(V, 3 * BLOCK);
    rig.set(V, 3 * BLOCK, [T.access, 1]);
    rig.access(V + BLOCK);
    rig.later();
    rig.unmap(V + BLOCK, BLOCK);
    rig.device.failures.plan('clear-split', 'ENOMEM');
    collect(rig);
    rig.region(V + BLOCK);
    return rig;
  }

  it('Q46: a failed collection leaves a zombie range on which the GPU retries forever', () => {
    const rig = zombie((each) => expect(each.gc()).toBe(1));
    expect(rig.ranges()).toEqual([[BLOCK, BLOCK, false]]);
    expect(rig.snapshot()).toMatchObject({ collectorPending: 0, collectorQueued: false });
    for (let round = 0; round < 3; round++) {
      expect(rig.access(V + BLOCK)).toMatchObject({ faults: 4, result: 0, runs: [{ outcome: 'failed' }] });
      rig.later();
      rig.gc();
    }
  });

  it('Q46: only another UNMAP that touches the zombie queues it again', () => {
    const rig = zombie((each) => each.gc());
    rig.discard(V + BLOCK, BLOCK);
    expect(rig.snapshot().collectorPending).toBe(0);
    rig.unmap(V + BLOCK, 1);
    expect(rig.gc()).toBe(1);
    expect(rig.ranges()).toEqual([]);
  });

  it('Q46: in the synchronous collection of a fault the failure kills that fault', () => {
    const rig = zombie((each) => expect(each.fault(V + 2 * BLOCK)).toBe(ENOMEM));
    expect(rig.ranges()).toEqual([[BLOCK, BLOCK, false]]);
  });

  it('Q46: the entries after the failed one wait for the next submission or fault', () => {
    const rig = new Rig();
    rig.region(V, 4 * BLOCK);
    rig.set(V, 4 * BLOCK, [T.access, 1]);
    rig.access(V + BLOCK, 2 * BLOCK);
    rig.unmap(V + BLOCK, 2 * BLOCK);
    rig.device.failures.plan('clear-split', 'ENOMEM');
    rig.gc();
    expect(rig.snapshot()).toMatchObject({ collectorPending: 1, collectorQueued: false });
    expect(rig.gc()).toBe(0);
    rig.fault(V);
    expect(rig.snapshot().collectorPending).toBe(0);
    expect(rig.ranges().map(([start]) => start)).toEqual([0, BLOCK]);
  });

  it('Q47: an error in a split returns without the flush for ranges zapped before', () => {
    const rig = mapped(2 * BLOCK);
    const { tlb } = rig.snapshot().counters;
    rig.device.failures.plan('zap-ptes', 'EBUSY', 1, 1);
    expect(rig.set(V + MIB, BLOCK, [T.gpuReadOnly, 1])).toBe(EBUSY);
    expect(rig.snapshot().counters.tlb).toBe(tlb);
    expect(rig.ranges()).toEqual([[BLOCK, BLOCK, true]]);
    expect(rig.ptes()).toEqual([[BLOCK, BLOCK, PTE.UC.rw, 'ok']]);
    expect(rig.heldLocks()).toEqual([]);
  });

  for (const errno of ['EBUSY', 'ENODEV'] as const) {
    it(`Q61: ${errno} of the page-table layer in a fault commit kills the access`, () => {
      const rig = new Rig();
      rig.region();
      rig.device.failures.plan('write-ptes', errno);
      expect(rig.device.vmFault({ address: at(V), write: false })).toEqual({
        handled: false,
        askedHandler: 'svm',
        result: errno === 'EBUSY' ? EBUSY : -19,
      });
      expect(rig.pte(V)).toBe(NO_RETRY);
      expect(rig.range(V).gpuMapped).toBe(false);
    });
  }

  for (const point of ['allocate-interval', 'allocate-notifier', 'allocate-range', 'write-ptes'] as const) {
    it(`Q62: ENOMEM at ${point} kills the access, and the next one is served`, () => {
      const rig = new Rig();
      rig.region();
      rig.device.failures.plan(point, 'ENOMEM');
      expect(rig.fault(V)).toBe(ENOMEM);
      expect(rig.snapshot().notifiers.length).toBe(point === 'write-ptes' ? 1 : 0);
      expect(rig.reach(V)).toBe('faulted');
    });
  }

  it('Q62: ENOMEM in page collection is answered 0', () => {
    const rig = new Rig();
    rig.region();
    rig.device.failures.plan('collect-pages', 'ENOMEM');
    expect(rig.fault(V)).toBe(0);
    expect(rig.ranges()).toEqual([[0, BLOCK, false]]);
  });

  it('Q68: a range over two intervals is mapped as a whole with the record of whichever was faulted', () => {
    const rig = interrupted();
    rig.discard(V, BLOCK);
    expect(rig.fault(V + MIB, true)).toBe(0);
    expect(rig.value(V, MIB, T.gpuReadOnly)).toBe(1);
    expect(rig.ptes()).toEqual([[0, BLOCK, PTE.UC.rw, 'ok']]);
    rig.later();
    expect(rig.fault(V)).toBe(0);
    expect(rig.ptes()).toEqual([[0, BLOCK, PTE.UC.ro, 'ok']]);
    rig.later();
    expect(rig.fault(V + MIB, true)).toBe(0);
    expect(rig.pte(V)).toBe(PTE.UC.rw);
  });

  it('Q68: a SET on exactly one of the intervals does not invalidate the range', () => {
    const rig = interrupted();
    expect(rig.set(V, MIB, [T.gpuExecutable, 1])).toBe(0);
    expect(rig.ranges()).toEqual([[0, BLOCK, true]]);
  });
});
