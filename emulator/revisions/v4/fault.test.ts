import { describe, expect, it } from 'vitest';
import { at, BLOCK, PTE, Rig, T, V } from '../../../test/support/emulator-rig.ts';

const [EPERM, EIO, EAGAIN, EOPNOTSUPP] = [-1, -5, -11, -95];

describe('VMA permission, GPU_RO and kind of fault', () => {
  // protection, GPU_RO, write -> result, PTE (spec/05-faults §5.2)
  const table: readonly (readonly [string, 0 | 1, boolean, number, bigint])[] = [
    ['rw', 0, false, 0, PTE.UC.rw],
    ['rw', 0, true, 0, PTE.UC.rw],
    ['rwx', 0, true, 0, PTE.UC.rw],
    ['rw', 1, false, 0, PTE.UC.ro],
    ['rw', 1, true, 0, PTE.UC.ro],
    ['r', 0, false, 0, PTE.UC.ro],
    ['r', 1, false, 0, PTE.UC.ro],
    ['rx', 0, false, 0, PTE.UC.ro],
    ['r', 0, true, EPERM, 0n],
    ['r', 1, true, EPERM, 0n],
    ['w', 0, false, EPERM, 0n],
    ['w', 0, true, EPERM, 0n],
    ['x', 0, false, EPERM, 0n],
    ['x', 0, true, EPERM, 0n],
    ['-', 0, false, EPERM, 0n],
    ['-', 1, true, EPERM, 0n],
  ];
  for (const [protection, readOnly, write, result, pte] of table) {
    it(`${protection}, GPU_RO ${readOnly}, ${write ? 'write' : 'read'}: ${result === 0 ? `mapped 0x${pte.toString(16)}` : 'killed'}`, () => {
      const rig = new Rig();
      rig.map(V, BLOCK, protection);
      rig.set(V, BLOCK, [T.gpuReadOnly, readOnly]);
      expect([rig.fault(V, write), rig.pte(V)]).toEqual([result, pte]);
    });
  }

  for (const [kind, registered, result] of [
    ['io', false, EOPNOTSUPP],
    ['pfnmap', false, EOPNOTSUPP],
    ['mixedmap', false, EOPNOTSUPP],
    ['io', true, EIO],
    ['pfnmap', true, EIO],
    ['mixedmap', true, 0],
  ] as const) {
    it(`${kind} ${registered ? 'under an interval' : 'unregistered'}: ${result}`, () => {
      const rig = new Rig();
      rig.map(V, BLOCK);
      if (registered) rig.set(V, BLOCK, [T.access, 2]);
      rig.unmap(V, BLOCK);
      rig.map(V, BLOCK, 'rw', kind);
      expect(rig.fault(V, true)).toBe(result);
      expect(rig.intervals().length).toBe(registered ? 1 : 0);
    });
  }

  it('a read-only io mapping under an interval is refused by permission for a write, with EIO for a read', () => {
    const rig = new Rig();
    rig.map(V, BLOCK);
    rig.set(V, BLOCK, [T.access, 2]);
    rig.unmap(V, BLOCK);
    rig.map(V, BLOCK, 'r', 'io');
    expect([rig.fault(V, true), rig.fault(V, false)]).toEqual([EPERM, EIO]);
  });
});

describe('the interval of an unregistered page', () => {
  it('is the granule, cut at the VMA', () => {
    const rig = new Rig();
    rig.map(V + 10, 3 * BLOCK);
    rig.fault(V + 20);
    rig.fault(V + BLOCK);
    rig.fault(V + 3 * BLOCK + 9);
    expect(rig.intervals().map(([first, last]) => [first, last])).toEqual([
      [10, BLOCK - 1],
      [BLOCK, 2 * BLOCK - 1],
      [3 * BLOCK, 3 * BLOCK + 9],
    ]);
  });

  it('is the granule, cut at the intervals on both sides', () => {
    const rig = new Rig();
    rig.map(V, BLOCK);
    rig.set(V + 100, 10, [T.access, 1]);
    rig.set(V + 200, 10, [T.access, 1]);
    rig.fault(V + 150);
    expect(rig.intervals().map(([first, last]) => [first, last])).toEqual([
      [100, 109],
      [110, 199],
      [200, 209],
    ]);
  });

  for (const [kind, location] of [
    ['heap', 0],
    ['stack', 0],
    ['anon', 0xffff_ffff],
  ] as const) {
    it(`in a mapping of kind ${kind} has the preferred location ${location}`, () => {
      const rig = new Rig();
      rig.map(V, BLOCK, 'rw', kind);
      rig.fault(V);
      expect(rig.snapshot().attributes).toMatchObject([
        { preferredLocation: location, prefetchLocation: 0xffff_ffff, access: 2, flags: 3 },
      ]);
    });
  }

  it('is not made without a VMA', () => {
    const rig = new Rig();
    expect([rig.fault(V), rig.intervals()]).toEqual([0, []]);
  });
});

describe('retry budget', () => {
  const failing = (errno: 'EFAULT' | 'EOPNOTSUPP', count: number): Rig => {
    const rig = new Rig();
    rig.region();
    rig.device.failures.plan('collect-pages', errno, count);
    return rig;
  };

  for (const errno of ['EFAULT', 'EOPNOTSUPP'] as const) {
    it(`is three attempts for ${errno}: the third one may succeed, a fourth one does not come`, () => {
      for (const [failures, pte] of [
        [1, PTE.UC.rw],
        [2, PTE.UC.rw],
        [3, 0n],
      ] as const) {
        const rig = failing(errno, failures);
        expect([rig.fault(V), rig.pte(V)]).toEqual([0, pte]);
      }
    });
  }

  it('is shared by collection and commit: two failures and one EAGAIN use it up', () => {
    const rig = failing('EFAULT', 2);
    const passes: number[] = [];
    const remove = rig.machine.at('pages-got', () => passes.push(rig.discard(V, 1)), { pass: 1 });
    // The third attempt ends with EAGAIN: the handler starts over with a fresh budget.
    expect(rig.fault(V)).toBe(0);
    remove();
    expect([passes.length, rig.pte(V), rig.snapshot().counters.filterRemove]).toEqual([1, PTE.UC.rw, 1]);
  });

  it('takes an EAGAIN of the commit three times without starting over', () => {
    const rig = new Rig();
    rig.region();
    let rounds = 2;
    const remove = rig.machine.at('pages-got', () => {
      if (rounds-- > 0) rig.discard(V, 1);
    });
    expect(rig.fault(V)).toBe(0);
    remove();
    expect([rig.pte(V), rig.snapshot().counters.filterRemove]).toEqual([PTE.UC.rw, 0]);
  });

  it('keeps read-only over the attempts', () => {
    const rig = new Rig();
    rig.map(V, BLOCK, 'r');
    rig.device.failures.plan('collect-pages', 'EFAULT');
    // The fallback to read-only happened in the first attempt; then the VMA becomes writable.
    const remove = rig.machine.at(
      'mmap-unlock',
      () => {
        remove();
        rig.protect(V, BLOCK, 'rw');
      },
      { pass: 4 },
    );
    expect([rig.fault(V), rig.pte(V)]).toEqual([0, PTE.UC.ro]);
    remove();
  });
});

describe('the handler', () => {
  it('knows nothing of a PASID without context', () => {
    const rig = new Rig();
    expect(rig.device.fault({ address: at(V), write: false, pasid: 0x7000 })).toBe(EOPNOTSUPP);
  });

  it('serves each PASID from its own context', () => {
    const rig = new Rig();
    rig.region();
    const other = rig.device.open();
    expect(rig.device.fault({ address: at(V), write: true, pasid: other.file.vm.pasid })).toBe(0);
    expect([rig.ptes(), other.file.vm.pageTable.flagsOf(V) !== 0]).toEqual([[], true]);
  });

  it('refuses every fault while the context closes', () => {
    const rig = new Rig();
    rig.device.closeContext(rig.node.file);
    expect(rig.fault(0)).toBe(EAGAIN);
  });

  it('drops a fault below 2 ms after the commit, and takes one at exactly 2 ms', () => {
    const rig = new Rig();
    rig.region();
    rig.set(V, BLOCK, [T.gpuReadOnly, 1]);
    let commits = 0;
    rig.machine.on('ptes-written', () => commits++);
    rig.fault(V, true);
    rig.machine.clock.advance(1_999_999);
    rig.fault(V, true);
    expect(commits).toBe(1);
    rig.machine.clock.advance(1);
    rig.fault(V, true);
    expect(commits).toBe(2);
  });

  it('maps the whole range for one page, and does nothing for a valid one', () => {
    const rig = new Rig();
    rig.region();
    rig.fault(V + 77);
    expect(rig.ptes()).toEqual([[0, BLOCK, PTE.UC.rw, 'ok']]);
    rig.later();
    const before = rig.snapshot().counters;
    expect(rig.fault(V + 5, true)).toBe(0);
    expect(rig.snapshot().counters).toEqual({ ...before, faults: before.faults + 1 });
  });

  it('neither flushes nor leaves a lock behind, whatever comes out', () => {
    const rig = new Rig();
    rig.map(V, BLOCK, 'r');
    for (const write of [false, true]) {
      rig.fault(V, write);
      expect([rig.snapshot().counters.tlb, rig.heldLocks()]).toEqual([0, []]);
    }
  });
});
