/** Catalogue 07-quirks, section D: pages and permissions. */
import { describe, expect, it } from 'vitest';
import { at, BLOCK, MIB, PTE, Rig, T, V } from './support/emulator-rig.ts';

const [EPERM, EIO, EOPNOTSUPP] = [-1, -5, -95];
const NO_RETRY = 0x0140_0000_0000_0010n;

/** The region, mapped on the GPU for writing, later than the recent-mapping window. */
function mapped(): Rig {
  const rig = new Rig();
  rig.region();
  rig.access(V, BLOCK, true);
  rig.later();
  return rig;
}

describe('pages and permissions', () => {
  it('Q48: pages collected for reading are mapped writable later, here the shared zero page', () => {
    const rig = new Rig();
    rig.map(V, BLOCK);
    rig.set(V, BLOCK, [T.gpuReadOnly, 1]);
    rig.fault(V);
    expect(rig.ptes()).toEqual([[0, BLOCK, PTE.UC.ro, 'ok']]);
    rig.later();
    rig.set(V, BLOCK, [T.gpuReadOnly, 0]);
    expect(rig.fault(V, true)).toBe(0);
    expect(rig.ptes()).toEqual([[0, BLOCK, PTE.UC.rw, 'cow']]);
  });

  it('Q49: after a read-only VMA a prefetch maps the writable one behind it read-only too', () => {
    const rig = new Rig();
    rig.map(V, BLOCK, 'r');
    rig.map(V + BLOCK, BLOCK, 'rw');
    expect(rig.set(V, 2 * BLOCK, [T.prefetchLocation, 1])).toBe(0);
    expect(rig.ptes()).toEqual([[0, 2 * BLOCK, PTE.UC.ro, 'ok']]);
    rig.later();
    expect(rig.fault(V + BLOCK, true)).toBe(0);
    expect(rig.ptes()[1]).toEqual([BLOCK, BLOCK, PTE.UC.rw, 'cow']);
  });

  it('Q49: a range that was mapped writable is downgraded', () => {
    const rig = new Rig();
    rig.map(V, BLOCK, 'r');
    rig.region(V + BLOCK);
    rig.access(V + BLOCK, BLOCK, true);
    expect(rig.pte(V + BLOCK)).toBe(PTE.UC.rw);
    rig.set(V, 2 * BLOCK, [T.granularity, 3], [T.access, 1]);
    // One interval over both, so that one operation maps both.
    const other = new Rig();
    other.map(V, BLOCK, 'r');
    other.region(V + BLOCK);
    other.set(V, 2 * BLOCK, [T.access, 2]);
    other.access(V + BLOCK, BLOCK, true);
    expect(other.pte(V + BLOCK)).toBe(PTE.UC.rw);
    expect(other.set(V, 2 * BLOCK, [T.prefetchLocation, 1])).toBe(0);
    expect(other.pte(V + BLOCK)).toBe(PTE.UC.ro);
  });

  it('Q49: in the opposite order the writable part is mapped writable', () => {
    const rig = new Rig();
    rig.map(V, BLOCK, 'rw');
    rig.map(V + BLOCK, BLOCK, 'r');
    expect(rig.set(V, 2 * BLOCK, [T.prefetchLocation, 1])).toBe(0);
    expect(rig.ptes()).toEqual([
      [0, BLOCK, PTE.UC.rw, 'ok'],
      [BLOCK, BLOCK, PTE.UC.ro, 'ok'],
    ]);
  });

  it('Q50: one part without permission makes the whole range unmappable, and the fault is answered 0 forever', () => {
    const rig = mapped();
    rig.discard(V, BLOCK);
    rig.protect(V + MIB, MIB, '-');
    const before = rig.snapshot().counters.hmm;
    expect(rig.fault(V)).toBe(0);
    expect(rig.snapshot().counters.hmm - before).toBe(3);
    expect(rig.access(V)).toMatchObject({ faults: 4, runs: [{ outcome: 'failed' }] });
    expect(rig.touch(V, 1, false).result).toBe(0);
  });

  it('Q51: a write fault next to it makes a read-only part of the range writable for the GPU', () => {
    const rig = mapped();
    rig.protect(V + MIB, MIB, 'r');
    expect(rig.fault(V + MIB)).toBe(0);
    expect(rig.ptes()).toEqual([[0, BLOCK, PTE.UC.ro, 'ok']]);
    rig.later();
    expect(rig.fault(V, true)).toBe(0);
    expect(rig.ptes()).toEqual([
      [0, MIB, PTE.UC.rw, 'ok'],
      [MIB, MIB, PTE.UC.rw, 'perm'],
    ]);
  });

  it('Q52: a legal write is killed because another part of the range is read-only', () => {
    const rig = mapped();
    rig.discard(V, BLOCK);
    rig.protect(V + MIB, MIB, 'r');
    expect(rig.fault(V, true)).toBe(EPERM);
    expect(rig.device.vmFault({ address: at(V), write: true }).handled).toBe(false);
    expect(rig.pte(V)).toBe(NO_RETRY);
    expect(rig.touch(V, 1, true).result).toBe(0);
  });

  it('Q53: a VM_MIXEDMAP mapping is refused, but served where an old interval is left', () => {
    for (const registered of [false, true]) {
      const rig = new Rig();
      rig.region();
      if (registered) rig.set(V, BLOCK, [T.access, 2]);
      rig.unmap(V, BLOCK);
      rig.map(V, BLOCK, 'rw', 'mixedmap');
      expect(rig.fault(V)).toBe(registered ? 0 : EOPNOTSUPP);
      expect(rig.ptes().length).toBe(registered ? 1 : 0);
    }
  });

  for (const kind of ['pfnmap', 'io'] as const) {
    it(`Q53: a ${kind} mapping is refused with EIO under an old interval, with EOPNOTSUPP without`, () => {
      for (const registered of [false, true]) {
        const rig = new Rig();
        rig.region();
        if (registered) rig.set(V, BLOCK, [T.access, 2]);
        rig.unmap(V, BLOCK);
        rig.map(V, BLOCK, 'rw', kind);
        expect(rig.fault(V)).toBe(registered ? EIO : EOPNOTSUPP);
        expect(rig.snapshot().notifiers).toEqual([]);
      }
    });
  }
});
