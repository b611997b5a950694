/** Catalogue 07-quirks, section C: invalidation and ranges. */
import { describe, expect, it } from 'vitest';
import type { EventName } from '../emulator/index.ts';
import { BLOCK, MIB, PTE, Rig, T, V } from './support/emulator-rig.ts';

/** The region, mapped on the GPU for writing, later than the recent-mapping window. */
function mapped(pages = BLOCK): Rig {
  const rig = new Rig();
  rig.region(V, pages);
  rig.access(V, pages, true);
  rig.later();
  return rig;
}

/** Records the events of those names, as "name first page+pages". */
function watch(rig: Rig, ...names: EventName[]): string[] {
  const seen: string[] = [];
  for (const name of names) {
    rig.machine.on(name, (event) => {
      seen.push(
        'address' in event && 'size' in event
          ? `${name} ${Number(event.address >> 12n) - V}+${event.size >> 12n}`
          : name,
      );
    });
  }
  return seen;
}

describe('invalidation and ranges', () => {
  it('Q35: the second of two partial invalidations is skipped, and its PTE maps the freed page', () => {
    const rig = mapped();
    const seen = watch(rig, 'ptes-zapped', 'tlb-flushed', 'dma-unmapped');
    rig.discard(V, 1);
    rig.discard(V + 1, 1);
    expect(seen).toEqual(['ptes-zapped 0+1', 'tlb-flushed', `dma-unmapped 0+${BLOCK}`]);
    expect(rig.ptes()).toEqual([
      [1, 1, PTE.UC.rw, 'stale'],
      [2, BLOCK - 2, PTE.UC.rw, 'nodma'],
    ]);
    expect(rig.access(V + 1)).toMatchObject({ faults: 0, runs: [{ outcome: 'hit', state: 'stale' }] });
  });

  it('Q35: only a fault on the zapped page cures it', () => {
    const rig = mapped();
    rig.discard(V, 1);
    rig.discard(V + 1, 1);
    expect(rig.reach(V)).toBe('faulted');
    expect(rig.ptes()).toEqual([[0, BLOCK, PTE.UC.rw, 'ok']]);
  });

  it('Q35: a partial change of protection leaves the rest live as well', () => {
    const rig = mapped();
    rig.protect(V, 16, 'r');
    expect(rig.range(V).gpuMapped).toBe(false);
    expect(rig.ptes()).toEqual([[16, BLOCK - 16, PTE.UC.rw, 'nodma']]);
  });

  it('Q36: unmapping after a partial invalidation leaves PTEs of freed memory without range and VMA', () => {
    const rig = mapped();
    rig.discard(V, 1);
    const seen = watch(rig, 'ptes-zapped', 'tlb-flushed');
    rig.unmap(V, BLOCK);
    rig.gc();
    expect(seen).toEqual([]);
    expect([rig.ranges(), rig.snapshot().vmas]).toEqual([[], []]);
    expect(rig.ptes()).toEqual([[1, BLOCK - 1, PTE.UC.rw, 'stale']]);
    expect(rig.access(V + 1, BLOCK - 1, true)).toMatchObject({ faults: 0, runs: [{ outcome: 'hit', state: 'stale' }] });
  });

  it('Q37: a partial unmap removes the whole range and leaves the PTEs of the rest to nobody', () => {
    const rig = mapped();
    rig.unmap(V, 1);
    rig.gc();
    expect(rig.ranges()).toEqual([]);
    expect(rig.ptes()).toEqual([[1, BLOCK - 1, PTE.UC.rw, 'orphan']]);
  });

  it('Q37: a later unmap of the rest zaps and clears nothing', () => {
    const rig = mapped();
    rig.unmap(V, 1);
    rig.gc();
    const seen = watch(rig, 'ptes-zapped', 'collection-queued');
    rig.unmap(V + 1, BLOCK - 1);
    rig.gc();
    expect(seen).toEqual([]);
    expect(rig.ptes()).toEqual([[1, BLOCK - 1, PTE.UC.rw, 'stale']]);
    expect(rig.intervals()).toEqual([[1, BLOCK - 1, 0x03]]);
  });

  it('Q38: a split removes a range that was not marked mapped, without zap and flush', () => {
    const rig = mapped();
    rig.discard(V, 1);
    const seen = watch(rig, 'ptes-zapped', 'tlb-flushed', 'range-removed');
    expect(rig.set(V, MIB, [T.gpuReadOnly, 1])).toBe(0);
    expect(seen).toEqual([`range-removed 0+${BLOCK}`]);
    expect(rig.ptes()).toEqual([[1, BLOCK - 1, PTE.UC.rw, 'orphan']]);
  });

  it('Q42: a fault commit flushes no TLB, not even when it rewrites live PTEs; a prefetch does', () => {
    const rig = mapped();
    const seen = watch(rig, 'ptes-written', 'tlb-flushed');
    rig.discard(V, 1);
    rig.discard(V + 1, 1);
    expect(seen).toEqual(['tlb-flushed']);
    rig.fault(V);
    expect(seen).toEqual(['tlb-flushed', `ptes-written 0+${BLOCK}`]);
    rig.set(V, BLOCK, [T.prefetchLocation, 1], [T.gpuExecutable, 1]);
    expect(seen.slice(2)).toEqual([`ptes-written 0+${BLOCK}`, 'tlb-flushed']);
  });

  it('Q47: a SET on one page zaps the whole range around it', () => {
    const rig = mapped();
    const seen = watch(rig, 'ptes-zapped', 'tlb-flushed', 'range-removed');
    expect(rig.set(V + 7, 1, [T.gpuReadOnly, 1])).toBe(0);
    expect(seen).toEqual([`ptes-zapped 0+${BLOCK}`, `range-removed 0+${BLOCK}`, 'tlb-flushed']);
    expect(rig.ptes()).toEqual([]);
  });
});
