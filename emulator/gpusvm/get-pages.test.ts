import { describe, expect, it } from 'vitest';
import { Errno } from '../../lib/uapi/errno.ts';
import type { ErrnoName } from '../../lib/uapi/errno.ts';
import { EffectHub } from '../kernel/effect-hub.ts';
import { FailureInjection } from '../kernel/failures.ts';
import { PreemptionPoints } from '../kernel/preemption.ts';
import type { PreemptionPoint } from '../kernel/preemption.ts';
import { AddressSpace } from '../mm/address-space.ts';
import { PRESENT, WRITE_FAULTED } from '../mm/cpu-pages.ts';
import { COLLECTION_TIMEOUT, getPages } from './get-pages.ts';
import { GpuSvm } from './gpu-svm.ts';
import { GpuRange } from './range.ts';

const V = 0x40000;
const [EPERM, EFAULT, EBUSY] = [-1, -14, -16];

/** A framework whose invalidation only unmaps, with one range of 2 MiB over the areas given (protection by page count). */
function setup(...areas: readonly (readonly [pages: number, protection: number])[]) {
  const process = new AddressSpace();
  const points = new PreemptionPoints();
  const failures = new FailureInjection();
  const counters = { dmaPages: 0, hmm: 0 };
  const clock = { now: 1000 };
  process.map(V, V + 512, 3, 'anon');
  const svm: GpuSvm<GpuRange> = new GpuSvm<GpuRange>(
    { process, effects: new EffectHub(), points, failures, counters, clock, deviceMemory: null },
    {
      mirroredPages: 2 ** 36,
      allocateRange: (block, index, pages, notifier, state) => new GpuRange(block, index, pages, notifier, state),
      invalidate: (_, event, start, end) => {
        const range = svm.findRange(start, end);
        if (range === undefined) return;
        svm.unmapPages(range);
        if (event === 0) range.setUnmapped(range.firstIndexIn(start), range.endIndexIn(end));
      },
    },
  );
  const range = svm.findOrInsert(V, { lowPage: V, highPage: V + 512, readOnly: false }) as GpuRange;
  let page = V;
  for (const [pages, protection] of areas) {
    process.protect(page, page + pages, protection);
    page += pages;
  }
  const passes: PreemptionPoint[] = [];
  return { process, points, failures, counters, clock, svm, range, passes };
}

describe('get pages', () => {
  it('brings the pages in for writing, and DMA-maps the whole range', () => {
    const it = setup();
    expect(getPages(it.svm, it.range, false)).toBe(0);
    expect([it.range.pagesValid, it.counters.dmaPages, it.process.pages.marksOf(V)]).toEqual([
      true,
      512,
      PRESENT | WRITE_FAULTED,
    ]);
    expect([it.svm.notifierLock.held, it.process.mmapLock.held]).toEqual([false, false]);
  });

  it('refuses pages in system memory where only those of the device are wanted, after it has brought them in', () => {
    const it = setup();
    expect(getPages(it.svm, it.range, false, true)).toBe(EFAULT);
    expect([it.range.pagesValid, it.counters.dmaPages, it.process.pages.marksOf(V)]).toEqual([
      false,
      0,
      PRESENT | WRITE_FAULTED,
    ]);
    expect([it.svm.notifierLock.held, it.process.mmapLock.held]).toEqual([false, false]);
  });

  it('brings them in for reading when it is read-only', () => {
    const it = setup();
    expect(getPages(it.svm, it.range, true)).toBe(0);
    expect(it.process.pages.marksOf(V + 511)).toBe(PRESENT);
  });

  it('reuses a DMA mapping whatever it was made for (Q48)', () => {
    const it = setup();
    getPages(it.svm, it.range, true);
    expect(getPages(it.svm, it.range, false)).toBe(0);
    expect([it.counters.hmm, it.counters.dmaPages, it.process.pages.marksOf(V)]).toEqual([1, 512, PRESENT]);
  });

  it('fails with EFAULT for a single page that is not readable, and leaves nothing DMA-mapped (Q50)', () => {
    const it = setup([256, 3], [1, 0]);
    expect([getPages(it.svm, it.range, false), getPages(it.svm, it.range, true)]).toEqual([EFAULT, EFAULT]);
    expect([it.range.pagesValid, it.counters.dmaPages]).toEqual([false, 0]);
  });

  it('fails with EPERM for a single page that is not writable, but not for reading (Q52)', () => {
    const it = setup([256, 3], [1, 1]);
    expect(getPages(it.svm, it.range, false)).toBe(EPERM);
    expect(getPages(it.svm, it.range, true)).toBe(0);
  });

  it('fails with EFAULT for a dead process', () => {
    const it = setup();
    it.process.hasUsers = false;
    expect([getPages(it.svm, it.range, false), it.counters.hmm]).toEqual([EFAULT, 0]);
  });

  it('fails with EFAULT after an UNMAP, at the map point and not before', () => {
    const it = setup();
    it.process.unmap(V + 511, V + 512);
    it.process.map(V + 511, V + 512, 3, 'anon');
    expect([getPages(it.svm, it.range, false), it.counters.hmm]).toEqual([EFAULT, 1]);
  });

  it('starts over when any event in the window came after the sequence was read', () => {
    const it = setup();
    it.process.map(V + 5000, V + 5001, 3, 'anon');
    let events = 2;
    it.points.listener = {
      pointReached: (point) => {
        // Far away from the range, but in the same 512 MiB.
        if (point === 'hmm' && events-- > 0) it.process.discard(V + 5000, V + 5001);
      },
    };
    expect(getPages(it.svm, it.range, false)).toBe(0);
    expect([it.counters.hmm, it.counters.dmaPages]).toEqual([3, 512]);
  });

  it('does not call HMM while the sequence has moved already', () => {
    const it = setup();
    let moved = false;
    it.points.listener = {
      pointReached: (point) => {
        if (point !== 'mmap-lock' || moved) return;
        moved = true;
        it.process.discard(V, V + 1);
      },
    };
    expect(getPages(it.svm, it.range, false)).toBe(0);
    expect(it.counters.hmm).toBe(1);
  });

  it('gives up with EBUSY when collisions go on beyond the deadline, and not at it', () => {
    const it = setup();
    let calls = 0;
    it.points.listener = {
      pointReached: (point) => {
        if (point !== 'hmm') return;
        calls++;
        it.process.discard(V, V + 1);
        it.clock.now += COLLECTION_TIMEOUT / 4;
      },
    };
    expect(getPages(it.svm, it.range, false)).toBe(EBUSY);
    expect(calls).toBe(5);
    expect([it.svm.notifierLock.held, it.process.mmapLock.held, it.range.pagesValid]).toEqual([false, false, false]);
  });

  for (const errno of ['ENOMEM', 'EBUSY', 'EOPNOTSUPP', 'EFAULT'] satisfies ErrnoName[]) {
    it(`passes an injected ${errno} on`, () => {
      const it = setup();
      it.failures.plan('collect-pages', errno);
      expect(getPages(it.svm, it.range, false)).toBe(-Errno[errno]);
      expect(getPages(it.svm, it.range, false)).toBe(0);
    });
  }
});
