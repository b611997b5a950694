import { describe, expect, it } from 'vitest';
import { BLOCK, PTE, Rig, T, V } from '../../../test/support/emulator-rig.ts';
import type { Pair } from '../../../test/support/emulator-rig.ts';

const MILLISECOND = 1_000_000;

function mapped(pages = BLOCK, ...more: Pair[]): Rig {
  const rig = new Rig({ profile: 'v7-xnack-off', xnackOff: true });
  rig.region(V, pages);
  expect(rig.set(V, pages, [T.access, 1], ...more)).toBe(0);
  return rig;
}

/** The time of the restore worker comes, and what is due runs. */
function restore(rig: Rig): string[] {
  rig.machine.clock.advance(MILLISECOND);
  return rig.work();
}

describe('the restore worker', () => {
  it('is due 1 ms after the first event, and maps again', () => {
    const rig = mapped();
    rig.discard(V, 1);
    rig.machine.clock.advance(MILLISECOND - 1);
    rig.discard(V + 1, 1);
    expect([rig.work(), rig.restore().stopped]).toEqual([[], 1]);
    rig.machine.clock.advance(1);
    expect([rig.work(), rig.restore().stopped]).toEqual([['restore'], 0]);
    expect(rig.ptes()).toEqual([[0, BLOCK, PTE.UC.rw, 'ok']]);
    expect(rig.restore().statistics).toMatchObject({ passes: 1, restored: 1, rebuilds: 0 });
  });

  it.each([
    ['EFAULT', 14],
    ['ENOENT', 2],
    ['EPERM', 1],
    ['EINVAL', 22],
    ['EHWPOISON', 133],
  ] as const)('drops a range for good after %s, resumes the queues, and leaves the PTEs', (errno, number) => {
    const rig = mapped();
    const dropped: unknown[] = [];
    rig.machine.on('restore-dropped', ({ address, size, result }) => void dropped.push([address, size, result]));
    rig.discard(V, 1);
    rig.device.failures.plan('collect-pages', errno, 2);
    expect(restore(rig)).toEqual(['restore']);
    expect(dropped).toEqual(
      [[BigInt(V) << 12n, BLOCK * 4096, -number]].map(([a, s, r]) => [a, BigInt(s as number), r]),
    );
    expect(rig.restore()).toMatchObject({ evicted: 0, stopped: 0, pending: 0 });
    expect(rig.restore().statistics!.dropped).toEqual(new Map([[number, 1]]));
    // The GPU still can use them.
    expect(rig.reach(V + 8, true)).toBe('hit');
    expect(rig.ranges()).toEqual([[0, BLOCK, false]]);
  });

  it.each(['EAGAIN', 'ENOMEM', 'EBUSY', 'ETIME'] as const)('tries a range again after %s, in the same run', (errno) => {
    const rig = mapped();
    const ends: boolean[] = [];
    rig.machine.on('restore-ended', ({ again }) => void ends.push(again));
    rig.discard(V, 1);
    rig.device.failures.plan('write-ptes', errno, 3);
    expect(restore(rig)).toEqual(['restore']);
    // Mapped, but the queues are resumed by a run without an error only.
    expect([rig.ranges(), rig.restore().stopped]).toEqual([[[0, BLOCK, true]], 1]);
    expect([restore(rig), rig.restore().stopped, ends]).toEqual([['restore'], 0, [true, false]]);
  });

  it.each([
    ['fails for now', (rig: Rig) => rig.device.failures.plan('write-ptes', 'ENOMEM', Number.MAX_SAFE_INTEGER)],
    ['is interrupted by an event', (rig: Rig) => rig.machine.at('pte-committed', () => void rig.discard(V, 1))],
  ] as const)('would loop forever where each attempt %s', (_name, disturb) => {
    const rig = mapped(1);
    rig.discard(V, 1);
    disturb(rig);
    expect(() => restore(rig)).toThrow(/a restore worker that loops forever/);
  });

  it('drops pages without access: the attributes of the first page decide', () => {
    const rig = mapped();
    rig.set(V, BLOCK, [T.access, 0]);
    rig.discard(V, 1);
    restore(rig);
    expect([rig.ranges(), rig.restore().stopped]).toEqual([[[0, BLOCK, false]], 0]);
  });

  it('gives up pages that prefer the device, as long as nothing can be there', () => {
    const rig = mapped(BLOCK, [T.preferredLocation, 1]);
    expect(rig.ranges()).toEqual([[0, BLOCK, true]]);
    rig.discard(V, 1);
    restore(rig);
    expect(rig.restore().statistics!.dropped).toEqual(new Map([[14, 1]]));
  });

  it('comes again where an event has come meanwhile', () => {
    const rig = mapped();
    rig.discard(V, 1);
    rig.machine.clock.advance(MILLISECOND);
    rig.during(
      'pte-committed',
      () => rig.discard(V + 1, 1),
      () => rig.work(),
    );
    expect(rig.restore()).toMatchObject({ evicted: 2, stopped: 1, resumeCalls: 0 });
    expect([restore(rig), rig.restore().stopped]).toEqual([['restore'], 0]);
  });

  it('leaves a range to the collector that was unmapped meanwhile', () => {
    const rig = mapped();
    rig.discard(V, 1);
    rig.machine.clock.advance(MILLISECOND);
    const ran = rig.during(
      'pages-got',
      () => rig.unmap(V, BLOCK),
      () => rig.work(),
    );
    expect(ran).toEqual(['restore', 'gc']);
    expect([rig.ranges(), rig.restore().pending, rig.snapshot().collectorPending]).toEqual([[], 0, 0]);
  });

  it('of an ended process resumes without a call of KFD', () => {
    const rig = mapped();
    rig.discard(V, 1);
    rig.machine.process.exit();
    restore(rig);
    expect(rig.restore()).toMatchObject({ evicted: 0, quiesced: false, resumeCalls: 0 });
  });

  it('does nothing once the context is closing, which waits for it', () => {
    const rig = mapped();
    rig.discard(V, 1);
    rig.device.closeContext(rig.file);
    expect(rig.restore()).toMatchObject({ evicted: 1, stopped: 1, due: undefined });
    expect([restore(rig), rig.ranges()]).toEqual([[], [[0, BLOCK, false]]]);
  });
});

describe('the collector without retry faults', () => {
  it('maps the rest of a range at once that was unmapped in part; the worker resumes the queues', () => {
    const rig = mapped();
    rig.unmap(V, 256);
    expect(rig.work()).toEqual(['gc']);
    expect(rig.ranges().every(([start, , isMapped]) => start >= 256 && isMapped)).toBe(true);
    expect(rig.ptes()).toEqual([[256, 256, PTE.UC.rw, 'ok']]);
    expect(rig.restore()).toMatchObject({ stopped: 1, evicted: 1 });
    expect(rig.restore().statistics).toMatchObject({ rebuilds: 1 });
    expect([restore(rig), rig.restore().stopped]).toEqual([['restore'], 0]);
  });

  it('leaves a range that cannot be mapped for now to the worker, and what lies after it to nobody', () => {
    const rig = mapped();
    rig.unmap(V, 256);
    rig.device.failures.plan('write-ptes', 'ENOMEM');
    rig.work();
    expect(rig.restore().pending).toBe(1);
    restore(rig);
    expect(rig.restore()).toMatchObject({ pending: 0, stopped: 0 });
    expect(rig.ptes()).toEqual([
      [256, 16, PTE.UC.rw, 'ok'],
      [272, 240, PTE.UC.rw, 'orphan'],
    ]);
  });

  it('forgets what cannot be mapped for good', () => {
    const rig = mapped();
    rig.unmap(V, 256);
    rig.device.failures.plan('collect-pages', 'EFAULT');
    rig.work();
    expect(rig.restore().pending).toBe(0);
    restore(rig);
    expect(rig.restore().stopped).toBe(0);
  });

  it('rebuilds each mapping of the process by itself, and skips holes and pages without access', () => {
    const rig = mapped();
    rig.set(V + 384, 128, [T.access, 0]);
    restore(rig);
    rig.set(V, 384, [T.access, 1]);
    rig.unmap(V + 16, 16);
    rig.work();
    restore(rig);
    const pages = rig.ptes().filter(([, , , state]) => state === 'ok');
    expect(pages.map(([start, count]) => [start, count])).toEqual([
      [0, 16],
      [32, 352],
    ]);
  });
});

describe('SET, GET and RESET', () => {
  it.each([
    ['SET', (rig: Rig) => rig.set(V + 4 * BLOCK, 1, [T.granularity, 3])],
    ['GET', (rig: Rig) => rig.get(V + 4 * BLOCK, 1, T.access).result],
    ['RESET', (rig: Rig) => rig.reset(V + 4 * BLOCK, 1)],
  ] as const)('wait for the worker, whatever its time is: %s', (_name, call) => {
    const rig = mapped();
    rig.map(V + 4 * BLOCK, BLOCK);
    rig.discard(V, 1);
    expect(rig.restore().stopped).toBe(1);
    expect(call(rig)).toBe(0);
    expect(rig.restore()).toMatchObject({ stopped: 0, due: undefined });
  });
});

describe('the lists', () => {
  it('release their ranges at the end', () => {
    const rig = mapped(3 * BLOCK);
    rig.discard(V, 1);
    rig.unmap(V + BLOCK, BLOCK);
    expect([rig.restore().pending, rig.snapshot().collectorPending]).toEqual([1, 1]);
    const left = rig.device.finaliseContext(rig.file);
    expect(left).toMatchObject({ ranges: 0, dmaPages: 0 });
  });

  it('can be left by a range: it is neither restored nor collected then', () => {
    const rig = mapped(2 * BLOCK);
    rig.discard(V, 1);
    rig.unmap(V + BLOCK, BLOCK);
    const { collector } = rig.context;
    for (const page of [V, V + BLOCK]) collector.dequeue(rig.range(page));
    expect([rig.restore().pending, rig.snapshot().collectorPending]).toEqual([0, 0]);
    expect(rig.snapshot().ranges.map(({ queue, pending }) => [queue, pending])).toEqual([
      ['none', undefined],
      ['none', undefined],
    ]);
  });

  it('are worked off in the order of their times, the one that was queued first before the other', () => {
    const rig = mapped(2 * BLOCK);
    rig.discard(V, 1);
    rig.machine.clock.advance(MILLISECOND);
    rig.unmap(V + BLOCK, BLOCK);
    // Both are due now, the worker first: its time was fixed earlier. It leaves the queues to a run after the collector.
    expect(rig.context.collector).toMatchObject({ nextDue: rig.machine.clock.now });
    expect(rig.work()).toEqual(['restore', 'gc']);
    expect([rig.ranges(), rig.restore().stopped]).toEqual([[[0, BLOCK, true]], 1]);
    expect([restore(rig), rig.restore().stopped]).toEqual([['restore'], 0]);
  });
});
