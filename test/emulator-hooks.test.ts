/** Callbacks at preemption points and listeners: what they may do, and that a failing one leaves the machine whole. */
import { describe, expect, it } from 'vitest';
import { EVENT_NAMES, LockAssertionError, COMMON_PREEMPTION_POINTS } from '../emulator/index.ts';
import type { PreemptionPoint } from '../emulator/index.ts';
import { at, BLOCK, PTE, Rig, T, V } from './support/emulator-rig.ts';

/** What V4 does not pass, but for its collector. */
const FROM_V5: readonly PreemptionPoint[] = ['svm-lock', 'svm-unlock', 'work-unlock'];

/** An operation that passes every other point: a SET that maps, on a hole. */
function prefetch(rig: Rig): number {
  return rig.set(V, BLOCK, [T.prefetchLocation, 1]);
}

function region(): Rig {
  const rig = new Rig();
  rig.region();
  return rig;
}

describe('a callback that throws', () => {
  it.each(FROM_V5)('at %s, from V5 on, is thrown when the fault has ended, which maps', (point) => {
    const rig = new Rig({ profile: 'v7' });
    rig.region();
    const remove = rig.machine.at(point, () => {
      throw new Error(`thrown at ${point}`);
    });
    expect(() => rig.fault(V, true)).toThrow(`thrown at ${point}`);
    expect([rig.heldLocks(), rig.ranges()]).toEqual([[], [[0, BLOCK, true]]]);
    remove();
    expect(rig.unmap(V, BLOCK)).toBe(0);
    expect(rig.gc()).toBe(1);
  });

  for (const point of COMMON_PREEMPTION_POINTS.filter((each) => !FROM_V5.includes(each))) {
    it(`at ${point} is thrown when the operation has ended, and the machine works on`, () => {
      const rig = region();
      const remove = rig.machine.at(
        point,
        () => {
          throw new Error(`thrown at ${point}`);
        },
        { pass: 1 },
      );
      expect(() => prefetch(rig)).toThrow(`thrown at ${point}`);
      expect(rig.heldLocks()).toEqual([]);
      expect(rig.ptes()).toEqual([[0, BLOCK, PTE.UC.rw, 'ok']]);
      remove();
      rig.discard(V, BLOCK);
      rig.later();
      expect([rig.reach(V), rig.set(V, 8, [T.gpuReadOnly, 1]), rig.unmap(V, BLOCK), rig.gc()]).toEqual([
        'faulted',
        0,
        0,
        1,
      ]);
    });
  }
});

describe('what another thread may do', () => {
  const POINTS_UNDER_MMAP_LOCK = ['hmm'];
  const POINTS_UNDER_SVM_LOCK = ['hmm', 'pages-got', 'pte-committed'];

  for (const point of ['vma-checked', 'attr-edited', 'hmm', 'pages-got', 'pte-committed'] as const) {
    const mmapLock = POINTS_UNDER_MMAP_LOCK.includes(point);
    it(`at ${point}: to change mappings is ${mmapLock ? 'refused, for the mmap lock is held' : 'possible'}`, () => {
      for (const call of [
        (rig: Rig) => rig.unmap(V + 4 * BLOCK, 1),
        (rig: Rig) => rig.protect(V + 4 * BLOCK, 1, 'r'),
        (rig: Rig) => rig.map(V + 9 * BLOCK, 1),
      ]) {
        const rig = region();
        rig.region(V + 4 * BLOCK, 4);
        const run = (): number =>
          rig.during(
            point,
            () => void expect(call(rig)).toBe(0),
            () => prefetch(rig),
          );
        if (mmapLock) expect(run).toThrow(LockAssertionError);
        else expect(run()).toBe(0);
        expect(rig.heldLocks()).toEqual([]);
      }
    });

    const svmLock = POINTS_UNDER_SVM_LOCK.includes(point);
    it(`at ${point}: to fault, access or collect is ${svmLock ? 'refused, for the svm lock is held' : 'possible'}`, () => {
      for (const call of [
        (rig: Rig) => rig.fault(V + 4 * BLOCK),
        (rig: Rig) => rig.access(V + 4 * BLOCK),
        (rig: Rig) => rig.gc(),
      ]) {
        const rig = region();
        rig.region(V + 4 * BLOCK);
        const run = (): number =>
          rig.during(
            point,
            () => void call(rig),
            () => prefetch(rig),
          );
        if (svmLock) expect(run).toThrow(LockAssertionError);
        else expect(run()).toBe(0);
        expect(rig.heldLocks()).toEqual([]);
        expect(rig.reach(V)).toBe('hit');
      }
    });

    it(`at ${point}: to discard, touch, GET and let time pass is always possible`, () => {
      const rig = region();
      rig.region(V + 4 * BLOCK, 4);
      const results: unknown[] = [];
      rig.during(
        point,
        () => {
          results.push(
            rig.discard(V + 4 * BLOCK, 4),
            rig.touch(V + 4 * BLOCK, 4).fresh,
            rig.get(V, 1, T.access).result,
          );
          rig.machine.clock.advance(5);
        },
        () => prefetch(rig),
      );
      expect(results).toEqual([0, 4, 0]);
    });
  }

  it('a SET that would sleep is refused, unless it is asynchronous; then it ends after the operation', async () => {
    const rig = region();
    rig.region(V + 4 * BLOCK, 4);
    expect(() =>
      rig.during(
        'pages-got',
        () => void rig.set(V + 4 * BLOCK, 4, [T.prefetchLocation, 1]),
        () => prefetch(rig),
      ),
    ).toThrow(LockAssertionError);
    expect(rig.heldLocks()).toEqual([]);
    const other = region();
    other.region(V + 4 * BLOCK, 4);
    let answer: Promise<number> | undefined;
    other.during(
      'pages-got',
      () => void (answer = other.setAsync(V + 4 * BLOCK, 4, [T.prefetchLocation, 1])),
      () => prefetch(other),
    );
    expect([await answer, other.pte(V + 4 * BLOCK), other.machine.scope.sleepers]).toEqual([0, PTE.UC.rw, 0]);
  });

  it('is done at the pass asked for, or at every one', () => {
    const rig = region();
    rig.map(V + BLOCK, BLOCK);
    const passes: string[] = [];
    const removes = [
      rig.machine.at('pages-got', () => passes.push('every')),
      rig.machine.at('pages-got', () => passes.push('second'), { pass: 2 }),
    ];
    rig.set(V, 2 * BLOCK, [T.prefetchLocation, 1]);
    for (const remove of removes) remove();
    rig.set(V, 2 * BLOCK, [T.gpuExecutable, 1]);
    expect(passes).toEqual(['every', 'every', 'second']);
  });
});

describe('listeners', () => {
  it('hear what happens to a region from its first fault to its end', () => {
    const rig = region();
    const names = [
      'notifier-inserted',
      'notifier-removed',
      'range-inserted',
      'range-removed',
      'ptes-written',
      'ptes-zapped',
      'tlb-flushed',
      'dma-mapped',
      'dma-unmapped',
      'collection-queued',
      'fault',
      'hazard',
    ];
    const seen = new Set<string>();
    for (const name of EVENT_NAMES) rig.machine.on(name, () => seen.add(name));
    rig.fault(V);
    rig.unmap(V, BLOCK);
    rig.region();
    rig.later();
    rig.fault(V); // Q32: a hazard
    rig.unmap(V, BLOCK);
    rig.gc();
    expect([...seen]).toEqual(expect.arrayContaining(names));
    expect([...EVENT_NAMES]).toEqual(expect.arrayContaining(names));
  });

  it('hear nothing any more when they were taken out, and files that are opened later are heard too', () => {
    const rig = region();
    const seen: number[] = [];
    const listener = ({ address }: { address: bigint }): void => void seen.push(Number(address >> 12n) - V);
    const remove = rig.machine.on('range-inserted', listener);
    rig.machine.on('range-inserted', listener); // the same one twice counts once
    const node = rig.device.open();
    rig.device.access({ address: at(V), size: 1, write: false, file: node.file });
    expect(seen).toEqual([0]);
    remove();
    rig.fault(V);
    expect(seen).toEqual([0]);
  });

  it('that throw leave no lock behind', () => {
    const rig = region();
    const remove = rig.machine.on('ptes-written', () => {
      throw new Error('of the listener');
    });
    expect(() => rig.fault(V)).toThrow('of the listener');
    remove();
    expect(rig.heldLocks()).toEqual([]);
    rig.later();
    expect(['hit', 'faulted']).toContain(rig.reach(V));
  });
});
