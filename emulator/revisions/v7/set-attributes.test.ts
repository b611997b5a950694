import { describe, expect, it } from 'vitest';
import { BLOCK, PTE, Rig, T, V } from '../../../test/support/emulator-rig.ts';

const [ENOMEM, EINVAL] = [-12, -22];

function mapped(): Rig {
  const rig = new Rig({ profile: 'v7' });
  rig.region();
  rig.set(V, BLOCK, [T.access, 2]);
  rig.fault(V, true);
  expect(rig.ptes()).toEqual([[0, BLOCK, PTE.UC.rw, 'ok']]);
  return rig;
}

describe('a change of attributes', () => {
  for (const [name, pair] of [
    ['access', [T.access, 0]],
    ['gpuReadOnly', [T.gpuReadOnly, 1]],
    ['hostAccess', [T.hostAccess, 0]],
    ['preferredLocation', [T.preferredLocation, 0]],
    ['prefetchLocation', [T.prefetchLocation, 0]],
  ] as const) {
    it(`of ${name} clears the PTEs and keeps the range with its pages`, () => {
      const rig = mapped();
      const { hmm } = rig.snapshot().counters;
      expect(rig.set(V, BLOCK, pair)).toBe(0);
      expect([rig.ptes(), rig.ranges()]).toEqual([[], [[0, BLOCK, false]]]);
      rig.later();
      rig.fault(V);
      expect([rig.ptes().length, rig.snapshot().counters.hmm]).toEqual([1, hmm]);
    });
  }

  it('to what it is already clears nothing', () => {
    const rig = mapped();
    rig.set(V, BLOCK, [T.access, 2]);
    expect(rig.ranges()).toEqual([[0, BLOCK, true]]);
  });

  it('of the granularity clears nothing, also where it splits', () => {
    const rig = mapped();
    rig.set(V + 8, 4, [T.granularity, 3]);
    expect([rig.ranges(), rig.intervals().length]).toEqual([[[0, BLOCK, true]], 3]);
  });

  it('of a part removes the range that crosses its ends, with all PTEs', () => {
    const rig = mapped();
    rig.set(V + 8, 4, [T.gpuReadOnly, 1]);
    expect([rig.ptes(), rig.ranges()]).toEqual([[], []]);
  });

  it('is followed by 2 ms in which a fault maps nothing', () => {
    const rig = mapped();
    rig.set(V, BLOCK, [T.gpuReadOnly, 1]);
    expect([rig.fault(V), rig.ptes()]).toEqual([0, []]);
    rig.later();
    expect([rig.fault(V), rig.pte(V)]).toEqual([0, PTE.UC.ro]);
  });
});

describe('SET_ATTR', () => {
  it('does not know type 11', () => {
    expect(mapped().set(V, 1, [T.gpuAlwaysMapped, 0])).toBe(EINVAL);
  });

  it('outlives its memory', () => {
    const rig = mapped();
    rig.set(V, BLOCK, [T.gpuExecutable, 1]);
    rig.unmap(V, BLOCK);
    rig.gc();
    rig.map(V, BLOCK);
    expect(rig.value(V, BLOCK, T.gpuExecutable)).toBe(1);
  });

  it('maps for reading only the chunks that cannot be written', () => {
    const rig = new Rig({ profile: 'v7' });
    rig.map(V, 16);
    rig.map(V + 16, 16, 'r');
    rig.map(V + 32, 16);
    expect(rig.set(V, 48, [T.prefetchLocation, 1])).toBe(0);
    expect(rig.ptes()).toEqual([
      [0, 16, PTE.UC.rw, 'ok'],
      [16, 16, PTE.UC.ro, 'ok'],
      [32, 16, PTE.UC.rw, 'ok'],
    ]);
  });

  it('prefetches again what an earlier call asked for, only where it is told to', () => {
    const rig = new Rig({ profile: 'v7' });
    rig.region();
    rig.set(V, BLOCK, [T.prefetchLocation, 1]);
    rig.discard(V, BLOCK);
    // The interval stays one; the chunks fit into the pages of this call.
    rig.unmap(V, 1);
    rig.gc();
    expect(rig.set(V + 16, 16, [T.prefetchLocation, 1])).toBe(0);
    expect([rig.ranges(), rig.intervals().length]).toEqual([[[16, 16, true]], 1]);
  });

  it('repeats the whole interval after a collision, until it is mapped', () => {
    const rig = new Rig({ profile: 'v7' });
    rig.region();
    let rounds = 3;
    const stop = rig.machine.at('pages-got', () => {
      if (rounds-- > 0) rig.discard(V, 1);
    });
    expect(rig.set(V, BLOCK, [T.prefetchLocation, 1])).toBe(0);
    stop();
    expect([rounds, rig.ranges()]).toEqual([-1, [[0, BLOCK, true]]]);
  });

  it('changes and applies a segment under one hold of the svm lock', () => {
    const rig = mapped();
    let held: string[] = [];
    rig.during(
      'attr-edited',
      () => (held = rig.heldLocks()),
      () => rig.set(V, BLOCK, [T.gpuReadOnly, 1]),
    );
    expect([held, rig.heldLocks()]).toEqual([['svm lock'], []]);
  });

  it('allocates a piece on either side, and changes nothing without memory for both', () => {
    for (const skip of [0, 1]) {
      const rig = mapped();
      rig.device.failures.plan('allocate-interval', 'ENOMEM', 1, skip);
      expect(rig.set(V + 8, 4, [T.gpuReadOnly, 1])).toBe(ENOMEM);
      expect([rig.intervals().length, rig.heldLocks()]).toEqual([1, []]);
    }
  });
});
