import { describe, expect, it } from 'vitest';
import { EffectHub } from '../kernel/effect-hub.ts';
import { FailureInjection } from '../kernel/failures.ts';
import { PreemptionPoints } from '../kernel/preemption.ts';
import { AddressSpace } from '../mm/address-space.ts';
import type { VmaKind } from '../mm/vma.ts';
import { GpuSvm } from './gpu-svm.ts';
import { NOTIFIER_PAGES } from './notifier.ts';
import { GpuRange, RangeState } from './range.ts';

const [RW, R] = [3, 1];
const [EPERM, ENOENT, EIO, ENOMEM, EFAULT, EINVAL] = [-1, -2, -5, -12, -14, -22];
const MIRRORED = 2 ** 36;
const END = 2 ** 52;
const V = 2 * NOTIFIER_PAGES;

class Setup {
  readonly process = new AddressSpace();
  readonly failures = new FailureInjection();
  readonly points = new PreemptionPoints();
  readonly counters = { dmaPages: 0, hmm: 0 };
  readonly seen: string[] = [];
  readonly svm: GpuSvm<GpuRange>;

  constructor() {
    const effects = new EffectHub();
    effects.add(
      new Proxy({} as never, {
        get: (_, name) => (start: number, pages: number) =>
          void this.seen.push(`${String(name)} ${start - V}+${pages}`),
      }),
    );
    const { process, failures, points, counters } = this;
    this.svm = new GpuSvm<GpuRange>(
      { process, effects, failures, points, counters, clock: { now: 5 }, deviceMemory: null },
      {
        mirroredPages: MIRRORED,
        allocateRange: (block, index, pages, notifier, state) => new GpuRange(block, index, pages, notifier, state),
        invalidate: () => {},
      },
    );
  }

  map(start: number, end: number, protection = RW, kind: VmaKind = 'anon'): this {
    expect(this.process.map(start, end, protection, kind)).toBe(0);
    return this;
  }

  /** As `insert`, where a chunk of more than a page is made only over pages that the CPU has. */
  insertPresent(page: number): GpuRange | number {
    return this.svm.findOrInsert(page, { lowPage: 0, highPage: END, readOnly: false }, true);
  }

  insert(page: number, low = 0, high = END, readOnly = false): GpuRange | number {
    return this.svm.findOrInsert(page, { lowPage: low, highPage: high, readOnly });
  }

  /** Start relative to V and pages of a range, or the error. */
  try(page: number, readOnly = false, low = 0, high = END): [number, number] | number {
    const found = this.insert(page, low, high, readOnly);
    return typeof found === 'number' ? found : [found.startPage - V, found.pages];
  }
}

describe('a range that is to be present', () => {
  const sizeAt = (setup: Setup, page: number): number => {
    const made = setup.insertPresent(page);
    if (typeof made === 'number') throw new Error(`no range: ${made}`);
    return made.pages;
  };

  it('is of the largest chunk that the CPU has as a whole, and of one page where it has none', () => {
    const it = new Setup().map(V, V + 2048);
    it.process.touch(V, V + 512, true);
    it.process.touch(V + 512, V + 528, true);
    expect([V, V + 512, V + 528, V + 1024].map((page) => sizeAt(it, page))).toEqual([512, 16, 1, 1]);
  });

  it('costs a look of HMM for each chunk that is tried, and one that fails is as if the pages were missing', () => {
    const it = new Setup().map(V, V + 2048);
    it.process.touch(V, V + 512, true);
    it.failures.plan('hmm-range-fault', 'EBUSY');
    expect([sizeAt(it, V + 20), it.counters.hmm]).toEqual([16, 2]);
  });

  it('is taken as it is where it exists already', () => {
    const it = new Setup().map(V, V + 512);
    const range = it.insert(V);
    expect([it.insertPresent(V + 3), it.counters.hmm]).toEqual([range, 0]);
  });
});

describe('find or insert', () => {
  it('makes a notifier of 512 MiB with the first range, then the range in it', () => {
    const setup = new Setup().map(V, V + 1024);
    expect(setup.try(V + 700)).toEqual([512, 512]);
    expect(setup.seen).toEqual([`notifierInserted 0+${NOTIFIER_PAGES}`, 'rangeInserted 512+512']);
    expect(setup.try(V)).toEqual([0, 512]);
    expect(setup.seen.length).toBe(3);
  });

  it('returns the range that is there without comparing it with VMA rest or bounds', () => {
    const setup = new Setup().map(V, V + 512);
    const range = setup.insert(V);
    expect(setup.insert(V + 300, V + 300, V + 301)).toBe(range);
    expect(setup.insert(V + 300, V + 400, V + 401)).toBe(range);
  });

  it('1: refuses what lies beyond the mirrored space before it looks at anything, but not its very end', () => {
    const setup = new Setup();
    setup.process.exit();
    expect(setup.try(MIRRORED + 1)).toBe(EINVAL);
    expect(setup.try(MIRRORED)).toBe(EFAULT);
  });

  it('2: gives EFAULT for a dead process, before the notifier is allocated', () => {
    const setup = new Setup();
    setup.failures.plan('allocate-notifier', 'ENOMEM');
    setup.process.exit();
    expect(setup.try(V)).toBe(EFAULT);
  });

  it('3: gives ENOMEM for a notifier that cannot be allocated, before the VMA is looked for', () => {
    const setup = new Setup();
    setup.failures.plan('allocate-notifier', 'ENOMEM');
    expect(setup.try(V)).toBe(ENOMEM);
    expect([setup.seen, setup.process.notifiers.size]).toEqual([[], 0]);
  });

  it('5: gives ENOENT without a VMA, and undoes the notifier', () => {
    const setup = new Setup().map(V + 1, V + 2);
    expect(setup.try(V)).toBe(ENOENT);
    expect(setup.seen).toEqual([`notifierInserted 0+${NOTIFIER_PAGES}`, `notifierRemoved 0+${NOTIFIER_PAGES}`]);
    expect([setup.process.notifiers.size, setup.svm.notifiers.size, setup.process.mmapLock.held]).toEqual([
      0,
      0,
      false,
    ]);
  });

  it('6: gives EPERM for a VMA that is not writable, unless read-only is asked for', () => {
    const setup = new Setup().map(V, V + 512, R);
    expect(setup.try(V)).toBe(EPERM);
    expect(setup.try(V, true)).toEqual([0, 512]);
    // Also when the range exists.
    expect(setup.try(V)).toBe(EPERM);
  });

  it('6 comes before 7: a read-only pfnmap VMA gives EPERM first, then EIO', () => {
    for (const kind of ['io', 'pfnmap'] as const) {
      const setup = new Setup().map(V, V + 512, R, kind);
      expect([setup.try(V), setup.try(V, true)]).toEqual([EPERM, EIO]);
    }
  });

  it('7: gives EIO for io and pfnmap VMAs, and accepts mixedmap', () => {
    expect(new Setup().map(V, V + 512, RW, 'io').try(V)).toBe(EIO);
    expect(new Setup().map(V, V + 512, RW, 'pfnmap').try(V)).toBe(EIO);
    expect(new Setup().map(V, V + 512, RW, 'mixedmap').try(V)).toEqual([0, 512]);
  });

  it('7 comes before 8: also for a range that exists', () => {
    const setup = new Setup().map(V, V + 512);
    setup.insert(V);
    setup.process.unmap(V, V + 512);
    setup.map(V, V + 512, RW, 'io');
    expect(setup.try(V)).toBe(EIO);
    expect(setup.svm.notifiers.size).toBe(1); // not made in this call, so not undone
  });

  it('9: gives EINVAL when no chunk fits, before the range is allocated', () => {
    const setup = new Setup().map(V, V + 512);
    setup.failures.plan('allocate-range', 'ENOMEM');
    expect(setup.try(V, false, V, 0)).toBe(EINVAL);
    expect(setup.try(V, false, V + 1, END)).toBe(EINVAL);
    expect(setup.try(V)).toBe(ENOMEM);
    expect([setup.svm.notifiers.size, setup.try(V)]).toEqual([0, [0, 512]]);
  });
});

describe('ranges and notifiers', () => {
  it('are found by any page, first the one that starts lowest', () => {
    const setup = new Setup().map(V, V + 16).map(V + 100, V + 101);
    const [first, second] = [setup.insert(V), setup.insert(V + 100)];
    expect(setup.svm.findRange(V + 15, V + 16)).toBe(first);
    expect(setup.svm.findRange(V + 16, V + 100)).toBeUndefined();
    expect(setup.svm.findRange(V + 16, V + 101)).toBe(second);
    expect(setup.svm.findRange(0, END)).toBe(first);
    expect(setup.svm.rangeAfter(first as GpuRange)).toBe(second);
    expect(setup.svm.rangeAfter(second as GpuRange)).toBeUndefined();
    // Whoever asks up to a page gets no range that begins after it.
    expect(setup.svm.rangeAfter(first as GpuRange, V + 16)).toBeUndefined();
    expect(setup.svm.rangeAfter(first as GpuRange, V + 101)).toBe(second);
  });

  it('are all found that have a page of an interval, in address order', () => {
    const setup = new Setup()
      .map(V, V + 16)
      .map(V + 100, V + 101)
      .map(V + 200, V + 201);
    const third = setup.insert(V + 200);
    const [first, second] = [setup.insert(V), setup.insert(V + 100)];
    const found: readonly [number, number, readonly unknown[]][] = [
      [V + 15, V + 16, [first]],
      [V + 15, V + 100, [first]],
      [V + 15, V + 101, [first, second]],
      [0, END, [first, second, third]],
      [V + 16, V + 201, [second, third]],
      [V + 16, V + 100, []],
      // The end wrapped.
      [V + 15, 0, []],
    ];
    for (const [from, to, ranges] of found) expect(setup.svm.rangesIn(from, to)).toEqual(ranges);
  });

  it('that were found last are not found when they are gone', () => {
    const setup = new Setup().map(V, V + 512);
    const first = setup.insert(V) as GpuRange;
    expect(setup.svm.findRange(V + 5, V + 6)).toBe(first);
    setup.svm.removeRange(first);
    expect(setup.svm.findRange(V + 5, V + 6)).toBeUndefined();
    const again = setup.insert(V) as GpuRange;
    expect([again === first, setup.svm.findRange(V + 5, V + 6)]).toEqual([false, again]);
  });

  it('keep a notifier until its last range goes', () => {
    const setup = new Setup().map(V, V + 1024);
    const [first, second] = [setup.insert(V) as GpuRange, setup.insert(V + 512) as GpuRange];
    setup.seen.length = 0;
    expect(setup.svm.removeRange(first)).toBe(true);
    expect(setup.svm.notifiers.size).toBe(1);
    expect(setup.svm.removeRange(second)).toBe(true);
    expect(setup.seen).toEqual(['rangeRemoved 0+512', 'rangeRemoved 512+512', `notifierRemoved 0+${NOTIFIER_PAGES}`]);
    expect([setup.svm.notifiers.size, setup.process.notifiers.size]).toEqual([0, 0]);
  });

  it('say so when a range is removed twice', () => {
    const setup = new Setup().map(V, V + 1024);
    const range = setup.insert(V) as GpuRange;
    setup.insert(V + 512);
    expect([setup.svm.removeRange(range), setup.svm.removeRange(range)]).toEqual([true, false]);
    expect(setup.svm.notifiers.first()!.rangeCount).toBe(1);
  });

  it('never cross the boundary of two notifiers', () => {
    const setup = new Setup().map(V - 512, V + 512);
    expect([setup.try(V - 1), setup.try(V)]).toEqual([
      [-512, 512],
      [0, 512],
    ]);
    expect(setup.svm.notifiers.size).toBe(2);
  });

  it('lose their DMA mapping as a whole, once', () => {
    const setup = new Setup().map(V, V + 512);
    const range = setup.insert(V) as GpuRange;
    range.state |= RangeState.dmaMapped;
    setup.counters.dmaPages = 512;
    setup.svm.unmapPages(range);
    setup.svm.unmapPages(range);
    expect([range.pagesValid, setup.counters.dmaPages, setup.seen.filter((line) => line.startsWith('dma'))]).toEqual([
      false,
      0,
      ['dmaUnmapped 0+512'],
    ]);
  });

  it('are all gone after finalisation, notifiers unregistered first', () => {
    const setup = new Setup().map(V - 512, V + 512);
    setup.insert(V);
    setup.insert(V - 1);
    setup.seen.length = 0;
    setup.svm.finalise();
    expect(setup.seen.map((line) => line.split(' ')[0])).toEqual([
      'notifierRemoved',
      'rangeRemoved',
      'notifierRemoved',
      'rangeRemoved',
    ]);
    expect([setup.svm.notifiers.size, setup.svm.ranges.size, setup.process.notifiers.size]).toEqual([0, 0, 0]);
  });
});

describe('an UNMAP event', () => {
  for (const [event, partial] of [
    [[0, 512], false],
    [[-5, 600], false],
    [[0, 511], true],
    [[1, 512], true],
    [[10, 20], true],
  ] as const) {
    it(`over ${event.join('-')} marks a range of 0-512 ${partial ? 'partially ' : ''}unmapped`, () => {
      const setup = new Setup().map(V, V + 512);
      const range = setup.insert(V) as GpuRange;
      range.setUnmapped(range.firstIndexIn(V + event[0]), range.endIndexIn(V + event[1]));
      expect((range.state & RangeState.unmapped) !== 0).toBe(true);
      expect((range.state & RangeState.partiallyUnmapped) !== 0).toBe(partial);
    });
  }

  it('never takes a mark back', () => {
    const setup = new Setup().map(V, V + 512);
    const range = setup.insert(V) as GpuRange;
    range.setUnmapped(0, 1);
    range.setUnmapped(0, 512);
    expect(range.state & RangeState.partiallyUnmapped).not.toBe(0);
  });
});
