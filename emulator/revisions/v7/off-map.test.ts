import { describe, expect, it } from 'vitest';
import { at, BLOCK, PTE, Rig, T, V } from '../../../test/support/emulator-rig.ts';
import type { Pair } from '../../../test/support/emulator-rig.ts';

const DEVICE = 1;
const SYSTEM = 0;

function rigOff(pages = BLOCK): Rig {
  const rig = new Rig({ profile: 'v7-xnack-off', xnackOff: true });
  rig.region(V, pages);
  return rig;
}

/** 2 MiB with access, mapped. */
function mapped(...more: Pair[]): Rig {
  const rig = rigOff();
  expect(rig.set(V, BLOCK, [T.access, 1], ...more)).toBe(0);
  expect(rig.ranges()).toEqual([[0, BLOCK, true]]);
  return rig;
}

describe('SET_ATTR without retry faults', () => {
  it.each([
    ['in-place', [T.access, 1], true],
    ['allow-migrate', [T.access, 2], true],
    ['inaccessible', [T.access, 0], false],
    ['a flag without access', [T.coherent, 1], false],
    ['a prefetch to the device without access', [T.prefetchLocation, DEVICE], true],
    ['a prefetch to the system', [T.prefetchLocation, SYSTEM], false],
  ] as const)('of %s maps at once: %o %s', (_name, pair, maps) => {
    const rig = rigOff();
    const prefetches: number[] = [];
    rig.machine.on('prefetch', ({ result }) => void prefetches.push(result));
    expect(rig.set(V, BLOCK, pair)).toBe(0);
    expect(rig.ptes()).toEqual(maps ? [[0, BLOCK, expect.any(BigInt), 'ok']] : []);
    expect(prefetches).toEqual(maps ? [0] : []);
  });

  it('maps again when it is repeated: what lost its mapping gets it back', () => {
    const rig = mapped();
    rig.discard(V, BLOCK);
    expect(rig.ranges()).toEqual([[0, BLOCK, false]]);
    expect(rig.set(V, BLOCK, [T.access, 1])).toBe(0);
    expect([rig.ranges(), rig.ptes().map(([, , , state]) => state)]).toEqual([[[0, BLOCK, true]], ['ok']]);
  });

  it('of the granularity alone maps nothing', () => {
    const rig = rigOff();
    rig.set(V, BLOCK, [T.access, 1]);
    rig.map(V + BLOCK, BLOCK);
    rig.set(V + BLOCK, BLOCK, [T.access, 1]);
    rig.discard(V + BLOCK, BLOCK);
    const { hmm } = rig.snapshot().counters;
    // The event is served by the drain at the start; the change itself adds nothing.
    rig.set(V + BLOCK, BLOCK, [T.granularity, 4]);
    expect(rig.snapshot().counters.hmm - hmm).toBe(1);
  });

  it('unmaps nothing where access is lost', () => {
    const rig = mapped();
    expect(rig.set(V, BLOCK, [T.access, 0])).toBe(0);
    expect([rig.ranges(), rig.reach(V, true)]).toEqual([[[0, BLOCK, true]], 'hit']);
  });

  it('writes new flags over the PTEs of the range, which stays, while the queues run', () => {
    const rig = mapped();
    expect(rig.set(V, BLOCK, [T.gpuReadOnly, 1])).toBe(0);
    expect(rig.ptes()).toEqual([[0, BLOCK, PTE.UC.ro, 'ok']]);
    expect(rig.restore()).toMatchObject({ evicted: 0, quiesceCalls: 0 });
  });

  it('maps for reading what cannot be written', () => {
    const rig = new Rig({ profile: 'v7-xnack-off', xnackOff: true });
    rig.map(V, 16, 'r');
    rig.touch(V, 16, false);
    expect([rig.set(V, 16, [T.access, 1]), rig.pte(V)]).toEqual([0, PTE.UC.ro]);
  });

  it.each([
    ['collect-pages', 'EFAULT', -14],
    ['collect-pages', 'EBUSY', -16],
    ['write-ptes', 'ENOMEM', -12],
    ['lock-page-directory', 'EINTR', -4],
    ['allocate-range', 'ENOMEM', -12],
  ] as const)('returns the error of mapping: %s %s', (point, errno, result) => {
    const rig = rigOff();
    rig.device.failures.plan(point, errno);
    expect(rig.set(V, BLOCK, [T.access, 1])).toBe(result);
    // The attributes were written before.
    expect(rig.value(V, BLOCK, T.access)).toBe(1);
  });

  it('keeps the chunks that were mapped before an error', () => {
    const rig = rigOff(2 * BLOCK);
    rig.device.failures.plan('write-ptes', 'ENOMEM', 1, 1);
    expect(rig.set(V, 2 * BLOCK, [T.access, 1])).toBe(-12);
    expect(rig.ranges()).toEqual([
      [0, BLOCK, true],
      [BLOCK, BLOCK, false],
    ]);
  });
});

describe('a SET_ATTR whose bounds ranges cross', () => {
  it('stops the queues, maps the part again and lets the worker map the rest', () => {
    const rig = mapped();
    expect(rig.set(V + 256, 256, [T.gpuReadOnly, 1])).toBe(0);
    // Before the segment there are placeholders of 64 KiB, which wait; the worker is due at once.
    expect(rig.ranges().filter(([start]) => start < 256)).toEqual(
      Array.from({ length: 16 }, (_, index) => [16 * index, 16, false]),
    );
    expect(rig.restore()).toMatchObject({ evicted: 1, quiesced: true, stopped: 1, due: rig.machine.clock.now });
    expect(rig.work()).toEqual(['restore']);
    expect(rig.restore()).toMatchObject({ evicted: 0, quiesced: false, stopped: 0, pending: 0 });
    expect(rig.ptes()).toEqual([
      [0, 256, PTE.UC.rw, 'ok'],
      [256, 256, PTE.UC.ro, 'ok'],
    ]);
  });

  it('loses what one range over both bounds has after the segment', () => {
    const rig = mapped();
    expect(rig.set(V + 16, 16, [T.gpuReadOnly, 1])).toBe(0);
    rig.work();
    expect(rig.ptes()).toEqual([
      [0, 16, PTE.UC.rw, 'ok'],
      [16, 16, PTE.UC.ro, 'ok'],
    ]);
    // The next SET over it brings it back.
    expect(rig.set(V + 32, BLOCK - 32, [T.access, 1])).toBe(0);
    expect(rig.reach(V + BLOCK - 1)).toBe('hit');
  });

  it('makes no placeholders where the pages around have no access', () => {
    const rig = rigOff();
    rig.set(V, BLOCK, [T.prefetchLocation, DEVICE]);
    expect(rig.ranges()).toEqual([[0, BLOCK, true]]);
    rig.set(V + 256, 256, [T.access, 1]);
    rig.work();
    expect(rig.ranges().every(([start, , isMapped]) => start >= 256 && isMapped)).toBe(true);
    expect(rig.reach(V)).toBe('failed');
  });

  it('keeps the crossing range where the page directory cannot be reserved', () => {
    const rig = mapped();
    rig.device.failures.plan('lock-page-directory', 'EINTR');
    expect(rig.set(V + 256, 256, [T.gpuReadOnly, 1])).toBe(-4);
    expect(rig.ranges()).toEqual([[0, BLOCK, true]]);
    // The queues were stopped all the same, and are resumed by the worker.
    expect(rig.restore()).toMatchObject({ stopped: 1 });
    rig.work();
    expect(rig.restore()).toMatchObject({ stopped: 0 });
  });

  it('ends where PTEs cannot be cleared', () => {
    const rig = mapped();
    rig.device.failures.plan('zap-ptes', 'ENOMEM');
    expect(rig.set(V + 256, 256, [T.gpuReadOnly, 1])).toBe(-12);
    expect(rig.heldLocks()).toEqual([]);
    expect(rig.ranges()).toEqual([[0, BLOCK, true]]);
  });

  it('stops nothing for a crossing range that is not mapped', () => {
    const rig = mapped();
    rig.discard(V, BLOCK);
    rig.device.failures.plan('collect-pages', 'EFAULT', 1);
    rig.work();
    rig.machine.clock.advance(1_000_000);
    expect(rig.work()).toEqual(['restore']);
    expect(rig.ranges()).toEqual([[0, BLOCK, false]]);
    const { quiesceCalls } = rig.restore();
    rig.set(V + 256, 256, [T.gpuReadOnly, 1]);
    // Placeholders are of one page where the CPU has none.
    expect(rig.restore()).toMatchObject({ quiesceCalls, evicted: 0, pending: 256 });
  });
});

it('a prefetch to the device is served with pages of the system: there is no VRAM', () => {
  const rig = rigOff();
  expect(rig.set(V, BLOCK, [T.access, 1], [T.prefetchLocation, DEVICE])).toBe(0);
  expect([rig.reach(V), rig.device.access({ address: at(V), size: 4096, write: true }).faults]).toEqual(['hit', 0]);
});
