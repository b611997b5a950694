/** Catalogue 07-quirks, kind R: what another thread does at a named preemption point. */
import { describe, expect, it } from 'vitest';
import { FaultLivelockError } from '../emulator/index.ts';
import { BLOCK, MIB, PTE, Rig, T, V } from './support/emulator-rig.ts';

const ENOENT = -2;

function region(pages = BLOCK): Rig {
  const rig = new Rig();
  rig.region(V, pages);
  return rig;
}

function hazards(rig: Rig): string[] {
  const seen: string[] = [];
  rig.machine.on('hazard', ({ quirk }) => seen.push(quirk));
  return seen;
}

describe('races', () => {
  it('Q08: two first ioctls make two contexts; what was set through the first one is gone, and its pages stay mapped', () => {
    const rig = new Rig({ compute: false });
    const seen = hazards(rig);
    rig.region();
    const first = (): void => {
      expect(rig.set(V, BLOCK, [T.gpuReadOnly, 1], [T.prefetchLocation, 1])).toBe(0);
      expect(rig.value(V, 1, T.gpuReadOnly)).toBe(1);
    };
    expect(rig.during('context-made', first, () => rig.set(V + 1, 1, [T.gpuExecutable, 1]))).toBe(0);
    expect(seen).toContain('Q08');
    expect(rig.value(V, 1, T.gpuReadOnly)).toBe(0);
    expect(rig.device.finaliseContext(rig.node.file)).toMatchObject({ dmaPages: BLOCK });
  });

  it('Q08: two first contexts of a machine make the slab caches twice', () => {
    const rig = new Rig({ gpus: 2, compute: false });
    const seen = hazards(rig);
    rig.region();
    const other = (): void => void rig.machine.devices[1]!.openFile();
    expect(rig.during('caches-checked', other, () => rig.set(V, 1, [T.gpuExecutable, 1]))).toBe(0);
    expect(seen).toEqual(['Q08']);
    // They are there already: nobody can get in any more.
    rig.device.finaliseContext(rig.node.file);
    expect(() => rig.during('caches-checked', other, () => rig.set(V, 1, [T.gpuExecutable, 1]))).toThrow('not passed');
  });

  for (const profile of ['v4', 'v7'] as const) {
    it(`Q09: a fault uses a context that is finalised before it has a reference, ${profile}`, () => {
      const rig = new Rig({ profile });
      const seen = hazards(rig);
      rig.region();
      const end = (): void => void rig.device.finaliseContext(rig.node.file);
      expect(rig.during('context-looked-up', end, () => rig.fault(V))).toBe(-11);
      expect(seen).toContain('Q09');
      expect(rig.heldLocks()).toEqual([]);
      expect(rig.fault(V)).toBe(-95);
    });
  }

  it('Q09: without retry faults, too', () => {
    const rig = new Rig({ profile: 'v7-xnack-off', xnackOff: true });
    const seen = hazards(rig);
    rig.region();
    const end = (): void => void rig.device.finaliseContext(rig.node.file);
    expect(rig.during('context-looked-up', end, () => rig.fault(V))).toBe(-11);
    expect(seen[0]).toBe('Q09');
  });

  it('Q09: no second fault is looked up meanwhile, since the lock of the PASID table is held', () => {
    const rig = region();
    const other = (): void => void rig.fault(V + 1);
    expect(() => rig.during('context-looked-up', other, () => rig.fault(V))).toThrow('lock of the PASID table is held');
    expect(rig.heldLocks()).toEqual([]);
  });

  for (const [profile, point] of [
    ['v4', 'closing-checked'],
    ['v7', 'svm-lock'],
  ] as const) {
    it(`Q10: a fault goes on in a context that was finalised before it got the svm lock, ${profile}`, () => {
      const rig = new Rig({ profile });
      const seen = hazards(rig);
      rig.region();
      const end = (): void => void rig.device.finaliseContext(rig.node.file);
      expect(rig.during(point, end, () => rig.fault(V))).toBe(0);
      expect(seen).toContain('Q10');
      // What it has mapped belongs to nobody.
      expect(rig.ptes()).toEqual([[0, BLOCK, PTE.UC.rw, 'orphan']]);
      expect(rig.device.gpu.counters.dmaPages).toBe(BLOCK);
    });
  }

  it('Q15: a prefetch whose pages are discarded at the critical moment returns 0 and leaves the rest unmapped', () => {
    const rig = region(4 * BLOCK);
    const prefetch = (): number => rig.set(V, 4 * BLOCK, [T.prefetchLocation, 1]);
    expect(rig.during('pages-got', () => rig.discard(V + 2 * BLOCK, BLOCK), prefetch, 3)).toBe(0);
    expect(rig.ptes()).toEqual([[0, 2 * BLOCK, PTE.UC.rw, 'ok']]);
    expect(rig.ranges()).toEqual([
      [0, BLOCK, true],
      [BLOCK, BLOCK, true],
      [2 * BLOCK, BLOCK, false],
    ]);
    expect(prefetch()).toBe(0);
    expect(rig.ptes().length).toBe(1);
  });

  it('Q21: the second pass of a SET works on memory that has no VMA any more', () => {
    const rig = region();
    const unmap = (): void => void rig.unmap(V, BLOCK);
    expect(rig.during('pages-got', unmap, () => rig.set(V, BLOCK, [T.prefetchLocation, 1]))).toBe(ENOENT);
    expect(rig.intervals()).toEqual([[0, BLOCK - 1, 0x03]]);
    expect(rig.snapshot().vmas).toEqual([]);
  });

  it('Q24: attributes are stored for memory that was unmapped after its validation', () => {
    const rig = region();
    expect(
      rig.during(
        'vma-checked',
        () => rig.unmap(V, BLOCK),
        () => rig.set(V, BLOCK, [T.gpuReadOnly, 1]),
      ),
    ).toBe(0);
    rig.gc();
    expect(rig.intervals()).toEqual([[0, BLOCK - 1, 0x13]]);
  });

  it('Q31: a SET into the hole that a fault is about to fill is hidden by the interval of the fault', async () => {
    const rig = region();
    let answer: Promise<number> | undefined;
    // The fault has looked at the hole and at the VMA, but has not inserted its interval yet.
    const set = (): void => void (answer = rig.setAsync(V + 16, 16, [T.gpuExecutable, 1]));
    expect(rig.during('mmap-unlock', set, () => rig.fault(V))).toBe(0);
    expect(await answer).toBe(0);
    expect(rig.context.tree.overlapping).toBe(true);
    expect(rig.intervals()).toEqual([
      [0, BLOCK - 1, 0x03],
      [16, 31, 0x23],
    ]);
    expect(rig.value(V + 16, 16, T.gpuExecutable)).toBe(0);
  });

  it('Q33: a SET that splits the interval in the middle of a fault makes a legal access fail', async () => {
    const rig = region();
    rig.set(V, BLOCK, [T.access, 2]);
    let answer: Promise<number> | undefined;
    const set = (): void => void (answer = rig.setAsync(V + 16, 16, [T.gpuExecutable, 1]));
    expect(rig.during('mmap-lock', set, () => rig.fault(V))).toBe(-22);
    expect(await answer).toBe(0);
    expect(rig.reach(V)).toBe('faulted');
  });

  it('Q34: a prefetch maps only what another SET has left of its interval', () => {
    const rig = region(2 * BLOCK);
    rig.set(V, 2 * BLOCK, [T.access, 2]);
    const inner = (): void => void rig.set(V + BLOCK, MIB, [T.gpuReadOnly, 1]);
    expect(rig.during('attr-edited', inner, () => rig.set(V, 2 * BLOCK, [T.prefetchLocation, 1]))).toBe(0);
    expect(rig.ptes()).toEqual([[BLOCK, MIB, PTE.UC.ro, 'ok']]);
    expect(rig.value(V, 2 * BLOCK, T.prefetchLocation)).toBe(1);
  });

  it('Q34: the effect on an interval that the collector freed is reported', () => {
    const rig = region();
    rig.set(V, BLOCK, [T.access, 2]);
    rig.access(V);
    const seen = hazards(rig);
    const inner = (): void => {
      rig.unmap(V, BLOCK);
      rig.gc();
    };
    expect(rig.during('attr-edited', inner, () => rig.set(V, BLOCK, [T.prefetchLocation, 1]))).toBe(ENOENT);
    expect([seen, rig.intervals()]).toEqual([['Q34'], []]);
  });

  it('Q34: the reading of a freed interval is reported too where the change has no effect, but not where nothing is read', () => {
    const freedMeanwhile = (...attributes: [number, number][]): readonly string[] => {
      const rig = region();
      rig.set(V, BLOCK, [T.access, 2]);
      rig.access(V);
      const seen = hazards(rig);
      const inner = (): void => {
        rig.unmap(V, BLOCK);
        rig.gc();
      };
      expect(rig.during('attr-edited', inner, () => rig.set(V, BLOCK, ...attributes))).toBe(0);
      return seen;
    };
    expect(freedMeanwhile([T.gpuExecutable, 1])).toEqual(['Q34']);
    expect(freedMeanwhile([T.granularity, 3])).toEqual(['Q34']);
    // Only the prefetch location changes, to system memory: the call ends before it looks at the interval.
    expect(freedMeanwhile([T.prefetchLocation, 0])).toEqual([]);
    expect(freedMeanwhile([T.access, 2])).toEqual([]);
  });

  it('Q40: an event between the writing of PTEs and the mark leaves PTEs of freed pages in a range marked mapped', () => {
    const rig = region();
    const zaps: bigint[] = [];
    rig.machine.on('ptes-zapped', ({ address }) => zaps.push(address));
    const prefetch = (): number => rig.set(V, BLOCK, [T.prefetchLocation, 1]);
    expect(rig.during('pte-committed', () => rig.discard(V, BLOCK), prefetch)).toBe(0);
    expect(zaps).toEqual([]);
    expect(rig.snapshot().ranges).toMatchObject([{ mapped: true, dmaMapped: false }]);
    expect(rig.ptes()).toEqual([[0, BLOCK, PTE.UC.rw, 'stale']]);
  });

  it('Q44: a range that is queued is removed by a split and again by the collector', () => {
    const rig = region();
    rig.set(V, BLOCK, [T.access, 2]);
    rig.access(V);
    const seen = hazards(rig);
    expect(
      rig.during(
        'attr-edited',
        () => rig.unmap(V + 8, 1),
        () => rig.set(V, 4, [T.gpuReadOnly, 1]),
      ),
    ).toBe(0);
    expect(seen).toEqual(['Q44']);
    rig.gc();
    expect(seen).toEqual(['Q44', 'Q44']);
    expect([rig.ranges(), rig.snapshot().collectorPending, rig.device.gpu.counters.dmaPages]).toEqual([[], 0, 0]);
  });

  it('Q45: a range that is queued again while it is collected is removed twice', () => {
    const rig = region();
    rig.access(V);
    rig.unmap(V, 1);
    const seen = hazards(rig);
    rig.during(
      'tree-unlock',
      () => rig.unmap(V + 5, 1),
      () => rig.gc(),
    );
    expect(seen).toContain('Q45');
    expect(rig.ranges()).toEqual([]);
  });

  it('Q58: a range that is invalidated forever is reported by name, and the machine works on', () => {
    const rig = new Rig();
    rig.map(V, 1);
    const remove = rig.machine.at('pages-got', () => rig.discard(V, 1));
    expect(() => rig.fault(V)).toThrow(FaultLivelockError);
    remove();
    expect(rig.heldLocks()).toEqual([]);
    expect(rig.reach(V)).toBe('faulted');
  });

  it('Q58: each restart after three attempts has a fresh budget and asks for expiry of the filter', () => {
    const rig = region();
    let passes = 0;
    const remove = rig.machine.at('pages-got', () => {
      if (++passes <= 7) rig.discard(V, 1);
    });
    expect(rig.fault(V)).toBe(0);
    remove();
    expect(passes).toBe(8);
    expect(rig.snapshot().counters.filterRemove).toBe(2);
    expect(rig.pte(V)).toBe(PTE.UC.rw);
  });
});
