/** Catalogue 07-quirks, section B: attributes. */
import { describe, expect, it } from 'vitest';
import { at, BLOCK, MIB, PTE, Rig, SET, T, V } from './support/emulator-rig.ts';

const [EFAULT, EINVAL] = [-14, -22];
const UNDEFINED = 0xffff_ffff;
const EXEC = 0x23;

/** A machine with the region at V. */
function region(pages = BLOCK): Rig {
  const rig = new Rig();
  rig.region(V, pages);
  return rig;
}

describe('attributes', () => {
  it('Q13: GPU_RO on the whole interval leaves writable PTEs, and a GPU write goes through without a fault', () => {
    const rig = region();
    rig.set(V, BLOCK, [T.access, 2]);
    rig.access(V, 1, true);
    rig.later();
    expect(rig.set(V, BLOCK, [T.gpuReadOnly, 1])).toBe(0);
    expect(rig.value(V, BLOCK, T.gpuReadOnly)).toBe(1);
    expect(rig.access(V, 1, true)).toMatchObject({ faults: 0, runs: [{ outcome: 'hit' }] });
    expect(rig.pte(V)).toBe(PTE.UC.rw);
  });

  it('Q14: prefetch maps INACCESSIBLE memory', () => {
    const rig = region();
    expect(rig.set(V, BLOCK, [T.access, 0], [T.prefetchLocation, 1])).toBe(0);
    expect(rig.ptes()).toEqual([[0, BLOCK, PTE.UC.rw, 'ok']]);
  });

  it('Q14: faults on INACCESSIBLE memory are served', () => {
    const rig = region();
    rig.set(V, BLOCK, [T.access, 0]);
    expect(rig.reach(V)).toBe('faulted');
  });

  it('Q16: repeating a prefetch after the mapping was lost does nothing', () => {
    const rig = region();
    rig.set(V, BLOCK, [T.prefetchLocation, 1]);
    rig.discard(V, BLOCK);
    expect(rig.set(V, BLOCK, [T.prefetchLocation, 1])).toBe(0);
    expect(rig.ptes()).toEqual([]);
  });

  it('Q17: once there is a GPU prefetch location, any change maps the interval again', () => {
    const rig = region();
    rig.set(V, BLOCK, [T.prefetchLocation, 1]);
    rig.discard(V, BLOCK);
    expect(rig.set(V, BLOCK, [T.granularity, 5])).toBe(0);
    expect(rig.ptes()).toEqual([[0, BLOCK, PTE.UC.rw, 'ok']]);
  });

  it('Q17: the sticky prefetch enforces PTE flags that would stay as they were', () => {
    const rig = region();
    rig.set(V, BLOCK, [T.prefetchLocation, 1]);
    expect(rig.set(V, BLOCK, [T.gpuReadOnly, 1])).toBe(0);
    expect(rig.pte(V)).toBe(PTE.UC.ro);
  });

  it('Q18: SYSMEM on a part zaps and removes the range and maps nothing; on the whole it does nothing', () => {
    const rig = region();
    rig.set(V, BLOCK, [T.prefetchLocation, 1]);
    rig.set(V, BLOCK, [T.prefetchLocation, 0]);
    expect(rig.ranges()).toEqual([[0, BLOCK, true]]);
    rig.set(V, BLOCK, [T.prefetchLocation, 1]);
    expect(rig.set(V, MIB, [T.prefetchLocation, 0])).toBe(0);
    expect([rig.ranges(), rig.ptes()]).toEqual([[], []]);
  });

  it('Q19: the granularity attribute does not limit what a fault maps', () => {
    const rig = region();
    rig.set(V, BLOCK, [T.granularity, 0]);
    expect(rig.reach(V)).toBe('faulted');
    expect(rig.ranges()).toEqual([[0, BLOCK, true]]);
  });

  it('Q19: COHERENT has no influence on GC 9.4.3, and READ_MOSTLY only makes the next fault rewrite the same PTEs', () => {
    const rig = region();
    rig.set(V, BLOCK, [T.coherent, 0]);
    rig.access(V);
    expect(rig.pte(V)).toBe(PTE.UC.rw);
    rig.later();
    const written: bigint[] = [];
    rig.machine.on('ptes-written', ({ flags }) => written.push(flags));
    rig.fault(V);
    expect(written).toEqual([]);
    rig.set(V, BLOCK, [T.gpuReadMostly, 1]);
    rig.fault(V);
    expect(written).toEqual([PTE.UC.rw]);
  });

  it('Q20: a failing SET keeps what came before: the record of A is stored, the hole after has no interval', () => {
    const rig = region(2 * BLOCK);
    rig.set(V, BLOCK, [T.gpuExecutable, 1]);
    rig.protect(V + 32, 1, '-');
    expect(rig.set(V, 2 * BLOCK, [T.prefetchLocation, 1])).toBe(EFAULT);
    expect(rig.value(V, BLOCK, T.prefetchLocation)).toBe(1);
    expect(rig.intervals()).toEqual([[0, BLOCK - 1, EXEC]]);
    expect(rig.ptes()).toEqual([[0, 32, PTE.UC.rw | 0x10n, 'ok']]);
  });

  it('Q22: an interval up to 2^64 escapes VMA validation, and ordinary memory in it cannot be faulted', () => {
    const rig = region();
    expect(rig.ioctl(SET, at(V), (1n << 64n) - at(V), [[T.access, 2]]).result).toBe(0);
    expect(rig.snapshot().attributes).toMatchObject([{ firstPage: V, lastPage: 2 ** 52 - 1 }]);
    expect(rig.fault(V)).toBe(EINVAL);
    expect(rig.device.vmFault({ address: at(V), write: false }).handled).toBe(false);
  });

  it('Q22: prefetch and split over an interval up to 2^64 do nothing and return 0', () => {
    const rig = region();
    expect(rig.ioctl(SET, at(V), (1n << 64n) - at(V), [[T.prefetchLocation, 1]]).result).toBe(0);
    expect(rig.ioctl(SET, at(V + MIB), (1n << 64n) - at(V + MIB), [[T.prefetchLocation, 0]]).result).toBe(0);
    expect(rig.ranges()).toEqual([]);
  });

  it('Q27: two partial unmaps before the worker runs clear the pages between them too', () => {
    const rig = region();
    rig.set(V, BLOCK, [T.gpuExecutable, 1], [T.prefetchLocation, 1]);
    rig.unmap(V, 1);
    rig.unmap(V + BLOCK - 1, 1);
    rig.gc();
    expect(rig.intervals()).toEqual([]);
    expect(rig.value(V + 1, BLOCK - 2, T.gpuExecutable)).toBe(0);
  });

  it('Q27: with the worker in between only the first page is cleared', () => {
    const rig = region();
    rig.set(V, BLOCK, [T.gpuExecutable, 1], [T.prefetchLocation, 1]);
    rig.unmap(V, 1);
    rig.gc();
    rig.unmap(V + BLOCK - 1, 1);
    rig.gc();
    expect(rig.intervals()).toEqual([[1, BLOCK - 1, EXEC]]);
  });

  it('Q28: a fault on an unregistered heap page leaves an interval whose preferred location GET sees', () => {
    const rig = new Rig();
    rig.map(V, BLOCK, 'rw', 'heap');
    expect(rig.value(V, 1, T.preferredLocation)).toBe(UNDEFINED);
    rig.access(V);
    expect(rig.value(V, 1, T.preferredLocation)).toBe(0);
  });

  it('Q28: the interval is made before the permission check, and a later SET on a part of it zaps', () => {
    const rig = new Rig();
    rig.map(V, BLOCK, '-');
    expect(rig.fault(V)).toBe(-1);
    expect(rig.intervals()).toEqual([[0, BLOCK - 1, 0x03]]);
    rig.protect(V, BLOCK, 'rw');
    rig.access(V);
    rig.set(V, 1, [T.gpuReadOnly, 1]);
    expect(rig.ptes()).toEqual([]);
  });

  it('Q29: intervals are never merged, not even when all records are equal again', () => {
    const rig = region();
    for (let page = 0; page < BLOCK; page += 2) rig.set(V + page, 1, [T.gpuExecutable, 1]);
    rig.set(V, BLOCK, [T.gpuExecutable, 1]);
    expect(rig.intervals()).toEqual(Array.from({ length: BLOCK }, (_, page) => [page, page, EXEC]));
  });

  it('Q30: GET sees the old attributes until the worker has run, and SET waits for it', () => {
    const rig = region();
    rig.set(V, BLOCK, [T.gpuExecutable, 1], [T.prefetchLocation, 1]);
    rig.unmap(V, BLOCK);
    expect(rig.value(V, BLOCK, T.gpuExecutable)).toBe(1);
    expect(rig.set(V, BLOCK, [T.access, 9])).toBe(EINVAL);
    expect(rig.value(V, BLOCK, T.gpuExecutable)).toBe(0);
  });

  it('Q32: a fault uses the interval that its own collector freed, and the machine reports it', () => {
    const rig = region();
    rig.set(V, BLOCK, [T.gpuExecutable, 1]);
    rig.access(V);
    rig.unmap(V, BLOCK);
    rig.region();
    const hazards: string[] = [];
    rig.machine.on('hazard', ({ quirk, address }) => hazards.push(`${quirk} ${address === at(V)}`));
    expect(rig.fault(V)).toBe(0);
    expect(rig.pte(V)).toBe(PTE.UC.rw | 0x10n);
    expect(rig.value(V, BLOCK, T.gpuExecutable)).toBe(0);
    expect([hazards, rig.intervals()]).toEqual([['Q32 true'], []]);
  });

  it('Q33: a legal access is killed because the collector trimmed its interval', () => {
    const rig = region(2 * BLOCK);
    rig.set(V, 2 * BLOCK, [T.access, 2]);
    rig.access(V);
    rig.unmap(V, BLOCK);
    rig.region();
    expect(rig.fault(V)).toBe(EINVAL);
    expect(rig.intervals()).toEqual([[BLOCK, 2 * BLOCK - 1, 0x03]]);
    // The interval is trimmed now: the next access gets one of its own.
    expect(rig.reach(V)).toBe('faulted');
  });

  it('Q33: with the worker first the same access succeeds', () => {
    const rig = region(2 * BLOCK);
    rig.set(V, 2 * BLOCK, [T.access, 2]);
    rig.access(V);
    rig.unmap(V, BLOCK);
    rig.region();
    rig.gc();
    expect(rig.fault(V)).toBe(0);
    expect(rig.ranges()).toEqual([[0, BLOCK, true]]);
  });
});
