/** Catalogue 07-quirks, section E: faults. */
import { describe, expect, it } from 'vitest';
import { at, BLOCK, PTE, Rig, T, V } from './support/emulator-rig.ts';

const [EPERM, ENOENT, EINVAL] = [-1, -2, -22];
const NO_RETRY = 0x0140_0000_0000_0010n;
const GPU_END = 2 ** 36; // first page after 48 bits

describe('faults', () => {
  it('Q54: an access without a VMA is handled forever, with and without an interval', () => {
    const rig = new Rig();
    expect(rig.fault(0)).toBe(0);
    expect(rig.access(0)).toMatchObject({ faults: 4, result: 0, runs: [{ outcome: 'failed' }] });
    rig.region();
    rig.set(V, BLOCK, [T.access, 2]);
    rig.unmap(V, BLOCK);
    expect(rig.device.vmFault({ address: at(V), write: false })).toEqual({
      handled: true,
      askedHandler: 'svm',
      result: 0,
    });
  });

  it('Q54: faults after the exit of the process are handled too', () => {
    const rig = new Rig();
    rig.region();
    rig.set(V, BLOCK, [T.access, 2]);
    rig.machine.process.exit();
    expect(rig.fault(V)).toBe(0);
    expect(rig.set(V, BLOCK, [T.access, 1])).toBe(-14);
    expect(rig.get(V, BLOCK, T.access)).toEqual({ result: 0, values: [2] });
  });

  it('Q55: EFAULT and EOPNOTSUPP of page collection are tried three times, then the fault is answered 0', () => {
    for (const errno of ['EFAULT', 'EOPNOTSUPP'] as const) {
      const rig = new Rig();
      rig.region();
      rig.device.failures.plan('collect-pages', errno, 2);
      expect(rig.fault(V)).toBe(0);
      expect(rig.pte(V)).toBe(PTE.UC.rw); // the third attempt
      rig.discard(V, BLOCK);
      rig.later();
      rig.device.failures.plan('collect-pages', errno, 3);
      expect(rig.fault(V)).toBe(0);
      expect(rig.pte(V)).toBe(0n);
      // All three failures were used up.
      expect(rig.fault(V)).toBe(0);
      expect(rig.pte(V)).toBe(PTE.UC.rw);
    }
  });

  it('Q55: other errors of page collection are answered 0 at once, and only EPERM is reported', () => {
    for (const errno of ['EBUSY', 'ENOMEM', 'EINVAL', 'EPERM'] as const) {
      const rig = new Rig();
      rig.region();
      rig.device.failures.plan('collect-pages', errno);
      expect(rig.fault(V)).toBe(errno === 'EPERM' ? EPERM : 0);
      expect(rig.ranges()).toEqual([[0, BLOCK, false]]);
    }
  });

  it('Q56: a GPU write to GPU_RO memory is mapped read-only again every time and never reported', () => {
    const rig = new Rig();
    rig.region();
    rig.set(V, BLOCK, [T.gpuReadOnly, 1]);
    let commits = 0;
    rig.machine.on('ptes-written', () => commits++);
    for (let round = 1; round <= 3; round++) {
      expect(rig.access(V, 1, true)).toMatchObject({ faults: 4, result: 0, runs: [{ outcome: 'failed' }] });
      expect(commits).toBe(round); // once in 2 ms
      rig.later();
    }
    expect(rig.pte(V)).toBe(PTE.UC.ro);
  });

  it('Q57: a needed fault within 2 ms of the last commit is dropped, and served at exactly 2 ms', () => {
    const rig = new Rig();
    rig.region();
    rig.fault(V);
    rig.machine.clock.advance(500_000);
    rig.discard(V, BLOCK);
    rig.machine.clock.advance(500_000);
    expect([rig.fault(V), rig.pte(V)]).toEqual([0, 0n]);
    rig.machine.clock.advance(999_999);
    expect([rig.fault(V), rig.pte(V)]).toEqual([0, 0n]);
    rig.machine.clock.advance(1);
    expect([rig.fault(V), rig.pte(V)]).toEqual([0, PTE.UC.rw]);
  });

  it('Q57: the commit of a prefetch opens the window as well', () => {
    const rig = new Rig();
    rig.region();
    rig.set(V, BLOCK, [T.prefetchLocation, 1]);
    rig.discard(V, BLOCK);
    expect(rig.access(V)).toMatchObject({ faults: 4, runs: [{ outcome: 'failed' }] });
  });

  it('Q59: the address at exactly the end of the mirrored space passes the bound check', () => {
    const { framework } = new Rig().context;
    const request = { lowPage: 0, highPage: 2 ** 52, readOnly: false };
    expect(framework.findOrInsert(GPU_END, request)).toBe(ENOENT);
    expect(framework.findOrInsert(GPU_END + 1, request)).toBe(EINVAL);
  });

  it('Q60: a killed write destroys a valid mapping of which SVM still believes that it is there', () => {
    const rig = new Rig();
    rig.map(V, BLOCK, 'r');
    rig.fault(V);
    expect(rig.pte(V)).toBe(PTE.UC.ro);
    expect(rig.device.vmFault({ address: at(V), write: true })).toEqual({
      handled: false,
      askedHandler: 'svm',
      result: EPERM,
    });
    rig.later();
    expect(rig.pte(V)).toBe(NO_RETRY);
    expect(rig.access(V)).toMatchObject({ faults: 4, result: 0, runs: [{ outcome: 'failed' }] });
    expect(rig.range(V).gpuMapped).toBe(true);
    // An event rebuilds the page.
    rig.discard(V, BLOCK);
    expect(rig.reach(V)).toBe('faulted');
  });

  it('Q63: after an unmap every fault that is not younger than the ring is dropped, whatever its address', () => {
    const rig = new Rig();
    const other = V + 4 * BLOCK;
    rig.region();
    rig.region(other);
    rig.access(V);
    rig.device.setInterruptRing('soft', true, 5_000);
    rig.unmap(V, BLOCK);
    for (const timestamp of [4_999, 5_000])
      expect([rig.fault(other, false, timestamp), rig.pte(other)]).toEqual([0, 0n]);
    expect([rig.fault(other, false, 5_001), rig.pte(other)]).toEqual([0, PTE.UC.rw]);
  });

  it('Q63: the first younger fault disarms the filter for all', () => {
    const rig = new Rig();
    const other = V + 4 * BLOCK;
    rig.region();
    rig.region(other);
    rig.access(V);
    rig.device.setInterruptRing('soft', true, 5_000);
    rig.unmap(V, BLOCK);
    rig.fault(0, false, 5_001);
    expect(rig.snapshot().checkpoint).toBe(0);
    rig.fault(other, false, 1);
    expect(rig.pte(other)).toBe(PTE.UC.rw);
  });

  it('Q64: a fault more than 2^47 ticks younger counts as stale and does not clear the checkpoint', () => {
    const rig = new Rig();
    rig.region(V, 2 * BLOCK);
    rig.access(V);
    rig.device.setInterruptRing('soft', true, 1);
    rig.unmap(V, BLOCK);
    rig.fault(V + BLOCK, false, 1 + 2 ** 47 + 1);
    expect([rig.pte(V + BLOCK), rig.snapshot().checkpoint]).toEqual([0n, 1]);
    rig.fault(V + BLOCK, false, 1 + 2 ** 47);
    expect([rig.pte(V + BLOCK), rig.snapshot().checkpoint]).toEqual([PTE.UC.rw, 0]);
  });

  it('Q64: an unmap with both rings empty keeps the old checkpoint', () => {
    const rig = new Rig();
    rig.region(V, 2 * BLOCK);
    rig.access(V, 2 * BLOCK);
    rig.device.setInterruptRing('soft', true, 77);
    rig.unmap(V, BLOCK);
    rig.device.setInterruptRing('soft', false, 99);
    rig.unmap(V + BLOCK, BLOCK);
    expect(rig.snapshot().checkpoint).toBe(77);
  });

  it('Q65: a stale fault asks the duplicate filter for expiry, once for each', () => {
    const rig = new Rig();
    rig.region();
    rig.access(V);
    rig.device.setInterruptRing('soft', true, 10);
    rig.unmap(V, BLOCK);
    const before = rig.snapshot().counters.filterRemove;
    rig.fault(V, false, 10);
    rig.fault(V, false, 9);
    expect(rig.snapshot().counters.filterRemove - before).toBe(2);
  });

  it('Q70: each failing fault is logged again, without a limit', () => {
    const rig = new Rig();
    for (let round = 1; round <= 500; round++) {
      rig.later();
      rig.fault(0);
      expect(rig.snapshot().counters.errorLines).toBe(2 * round);
    }
  });
});
