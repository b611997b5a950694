import { describe, expect, it } from 'vitest';
import { at, BLOCK, Rig, T, V } from '../../test/support/emulator-rig.ts';

/** Runs as [outcome, first page relative to V, pages, state]. */
function runs(rig: Rig, page: number, pages: number, write = false): unknown[] {
  return rig
    .access(page, pages, write)
    .runs.map(({ outcome, startPage, pages: count, state }) => [outcome, startPage - V, count, state]);
}

describe('an access of the GPU', () => {
  it('faults once for a range and hits the rest of it', () => {
    const rig = new Rig();
    rig.region(V, 2 * BLOCK);
    expect(runs(rig, V, 2 * BLOCK, true)).toEqual([
      ['faulted', 0, 1, 'ok'],
      ['hit', 1, BLOCK - 1, 'ok'],
      ['faulted', BLOCK, 1, 'ok'],
      ['hit', BLOCK + 1, BLOCK - 1, 'ok'],
    ]);
  });

  it('gives a page up after four faults and goes on with the next', () => {
    const rig = new Rig();
    rig.region(V, 1);
    const access = rig.access(V - 1, 3);
    expect([access.faults, access.result]).toEqual([9, 0]);
    expect(access.runs.map(({ outcome }) => outcome)).toEqual(['failed', 'faulted', 'failed']);
  });

  it('tells the result of the last fault', () => {
    const rig = new Rig();
    rig.map(V, 1, '-');
    expect(rig.access(V)).toMatchObject({ result: -1, faults: 4 });
    expect(rig.access(V, 2)).toMatchObject({ result: 0, faults: 8 });
  });

  it('needs a writable PTE for a write', () => {
    const rig = new Rig();
    rig.region();
    rig.set(V, BLOCK, [T.gpuReadOnly, 1], [T.prefetchLocation, 1]);
    expect([runs(rig, V, 1), runs(rig, V, 1, true)]).toEqual([[['hit', 0, 1, 'ok']], [['failed', 0, 1, undefined]]]);
  });

  it('touches every page from the first to the last byte; no byte counts as one', () => {
    const rig = new Rig();
    rig.region();
    const touched = (address: bigint, size: number): number =>
      rig.device.access({ address, size, write: false }).runs.reduce((sum, run) => sum + run.pages, 0);
    expect([
      touched(at(V) + 4095n, 2),
      touched(at(V) + 4095n, 1),
      touched(at(V) + 100n, 0),
      touched(at(V), 4096),
      touched(at(V), 4097),
    ]).toEqual([2, 1, 1, 1, 2]);
  });
});

describe('the state of a PTE', () => {
  const mapped = (kind: 'anon' | 'file' = 'anon'): Rig => {
    const rig = new Rig();
    rig.map(V, BLOCK, 'rw', kind);
    rig.access(V, BLOCK, true);
    rig.later();
    return rig;
  };
  const states = (rig: Rig): unknown[] => rig.ptes().map(([start, pages, , state]) => [start, pages, state]);

  it('is ok where everything fits', () => {
    expect(states(mapped())).toEqual([[0, BLOCK, 'ok']]);
  });

  it('is stale where the CPU has no page, or another one', () => {
    const rig = mapped();
    rig.discard(V, 1);
    rig.discard(V + 1, 2);
    rig.touch(V + 1, 1);
    expect(states(rig)).toEqual([
      [1, 2, 'stale'],
      [3, BLOCK - 3, 'nodma'],
    ]);
  });

  it('is not stale for a page of a file that is still in the page cache', () => {
    const rig = mapped('file');
    rig.discard(V, 1);
    rig.discard(V + 1, 1);
    expect(states(rig)).toEqual([[1, BLOCK - 1, 'nodma']]);
  });

  it('is perm where the VMA allows less than the PTE', () => {
    const rig = mapped();
    rig.protect(V, 1, 'r');
    rig.protect(V + 1, 1, 'r');
    rig.protect(V + 2, 1, '-');
    expect(states(rig)).toEqual([
      [1, 2, 'perm'],
      [3, BLOCK - 3, 'nodma'],
    ]);
  });

  it('is cow where the PTE is writable and the CPU never wrote', () => {
    const rig = new Rig();
    rig.map(V, BLOCK);
    rig.set(V, BLOCK, [T.gpuReadOnly, 1]);
    rig.access(V);
    rig.later();
    rig.set(V, BLOCK, [T.gpuReadOnly, 0]);
    rig.fault(V, true);
    expect(states(rig)).toEqual([[0, BLOCK, 'cow']]);
    rig.touch(V, 1);
    expect(states(rig)).toEqual([
      [0, 1, 'ok'],
      [1, BLOCK - 1, 'cow'],
    ]);
  });

  it('is orphan where no range is left', () => {
    const rig = mapped();
    rig.unmap(V, 1);
    rig.gc();
    expect(states(rig)).toEqual([[1, BLOCK - 1, 'orphan']]);
  });
});
