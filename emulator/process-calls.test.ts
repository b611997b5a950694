import { describe, expect, it } from 'vitest';
import { EmulatedMachine } from './machine.ts';
import type { MachineOptions } from './options.ts';
import { NotModelledError } from './kernel/not-modelled.ts';
import { NotifierEvent } from './mm/interval-notifier.ts';

const PAGE = 4096;
const BLOCK = 2 << 20;
const V = 0x1000_0000n;
const [EPERM, ENOMEM, EFAULT, EBUSY, EINVAL, EIO, ESRCH] = [-1, -12, -14, -16, -22, -5, -3];
const NAMES = Object.fromEntries(Object.entries(NotifierEvent).map(([name, code]) => [code, name]));

/** A process with `size` bytes at V, and the MMU events from then on as "kind first-end", in pages from V. */
function setUp(
  size = 16 * PAGE,
  kind: 'anon' | 'thp' | 'file' | 'shared' | 'hugetlb' = 'anon',
  options: MachineOptions = {},
) {
  const machine = new EmulatedMachine(options);
  const { process } = machine;
  process.mmap({ address: V, size, kind });
  const events: string[] = [];
  const first = Number(V >> 12n);
  process.space.notifiers.insert({
    startPage: 0,
    endPage: 2 ** 40,
    sequence: 0,
    invalidate: (event, start, end) => void events.push(`${NAMES[event]} ${start - first}-${end - first}`),
  });
  const frames = (address = V, pages = 4) =>
    Array.from({ length: pages }, (_, page) => process.space.pages.frameOf(Number(address >> 12n) + page));
  const vmas = () =>
    Array.from(process.space.vmas.values(), (vma) => `${vma.startPage - first}-${vma.endPage - first} ${vma.kind}`);
  return { machine, process, calls: process.calls, events, frames, vmas };
}

const at = (page: number): bigint => V + BigInt(page * PAGE);
const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);

describe('mremap', () => {
  it('moves pages with their frames and contents, and announces the old addresses twice', () => {
    const { process, events, frames, vmas } = setUp();
    process.write(V, bytes(1, 2, 3));
    process.write(at(3), bytes(9));
    const before = frames();
    const moved = process.mremap(V, 16 * PAGE, 16 * PAGE, { address: at(1024) });
    expect([moved, events]).toEqual([at(1024), ['unmap 0-16', 'unmap 0-16']]);
    expect([frames(moved), vmas()]).toEqual([before, ['1024-1040 anon']]);
    expect([process.read(moved, 3), process.read(moved + BigInt(3 * PAGE), 1)]).toEqual([bytes(1, 2, 3), bytes(9)]);
    expect(process.calls.touch(V, 1n, false).result).toBe(EFAULT);
  });

  it('grows in place where there is room, else at another place; and shrinks', () => {
    const { process, events, vmas } = setUp();
    process.write(V, bytes(5));
    expect(process.mremap(V, 16 * PAGE, 32 * PAGE)).toBe(V);
    process.mmap({ address: at(32), size: PAGE, protection: 'r' });
    expect([process.calls.mremap(V, BigInt(32 * PAGE), BigInt(33 * PAGE)), events]).toEqual([ENOMEM, []]);
    expect(() => process.mremap(V, 32 * PAGE, 33 * PAGE, { mayMove: false })).toThrow(/^ENOMEM: .*, mremap/);
    const moved = process.mremap(V, 32 * PAGE, 64 * PAGE);
    expect([process.read(moved, 1), events]).toEqual([bytes(5), ['unmap 0-32', 'unmap 0-32']]);
    expect(process.mremap(moved, 64 * PAGE, PAGE)).toBe(moved);
    expect([events.length, vmas().length]).toEqual([3, 2]);
  });

  it('takes what is mapped at the new place away, and keeps the old addresses if asked to', () => {
    const { process, events, vmas } = setUp();
    process.mmap({ address: at(100), size: 4 * PAGE });
    process.write(at(2), bytes(7));
    process.mremap(at(2), 2 * PAGE, 2 * PAGE, { address: at(101), keepOld: true });
    expect(events).toEqual(['unmap 101-103', 'unmap 2-4']);
    expect(vmas()).toEqual(['0-16 anon', '100-104 anon']);
    expect([process.read(at(2), 1), process.read(at(101), 1)]).toEqual([bytes(0), bytes(7)]);
  });

  it('splits a huge page that does not move as one, and moves one that does', () => {
    const apart = setUp(2 * BLOCK, 'thp');
    apart.process.write(V, bytes(4));
    apart.process.mremap(V, BLOCK, BLOCK, { address: at(2049) });
    expect(apart.events).toEqual(['unmap 0-512', 'clear 0-512', 'unmap 0-512']);
    const whole = setUp(2 * BLOCK, 'thp');
    whole.process.write(V, bytes(4));
    const before = whole.frames();
    whole.process.mremap(V, BLOCK, BLOCK, { address: at(2048) });
    expect(whole.events).toEqual(['unmap 0-512', 'unmap 0-512']);
    expect([whole.frames(at(2048)), whole.process.space.pages.isHuge(Number(at(2048) >> 12n))]).toEqual([before, true]);
    expect(whole.process.read(at(2048), 1)).toEqual(bytes(4));
  });

  it.each([
    ['an old range over two mappings', [at(8), 16, 16, at(500)], EFAULT],
    ['nothing mapped', [at(300), 1, 1, at(500)], EFAULT],
    ['places that overlap', [V, 4, 4, at(2)], EINVAL],
    ['no pages', [V, 4, 0, at(500)], EINVAL],
    ['address 0', [V, 4, 4, 0n], EPERM],
  ] as const)('refuses %s', (_what, [address, size, newSize, target], result) => {
    const { calls, events } = setUp();
    expect(calls.mremap(address, BigInt(size * PAGE), BigInt(newSize * PAGE), target)).toBe(result);
    expect([calls.mremap(V + 1n, 4096n, 4096n, target), events]).toEqual([EINVAL, []]);
  });

  it('is refused by name for hugetlbfs and for what a child shares', () => {
    const huge = setUp(BLOCK, 'hugetlb');
    expect(() => huge.process.mremap(V, BLOCK, BLOCK, { address: at(2048) })).toThrow(NotModelledError);
    const { process } = setUp();
    process.write(V, bytes(1));
    const child = process.fork();
    expect(() => process.mremap(V, PAGE, PAGE, { address: at(500) })).toThrow(NotModelledError);
    child.exit();
    expect(process.mremap(V, PAGE, PAGE, { address: at(500) })).toBe(at(500));
  });
});

describe('fork', () => {
  it('makes private pages read-only, copies one when the process writes to it, and shares no more after the child', () => {
    const { process, events, frames } = setUp();
    process.write(V, bytes(1));
    process.write(at(1), bytes(2));
    const before = frames(V, 2);
    const child = process.fork();
    expect(events).toEqual(['protectionPage 0-16']);
    process.read(V, 1);
    expect([frames(V, 2), events.length]).toEqual([before, 1]);
    process.write(V, bytes(10));
    expect(events.slice(1)).toEqual(['clear 0-1']);
    expect(frames(V, 2)[0]).not.toBe(before[0]);
    expect([child.read(V, 1), process.read(V, 1), child.read(at(1), 1)]).toEqual([bytes(1), bytes(10), bytes(2)]);
    child.write(at(1), bytes(20));
    expect([child.read(at(1), 1), process.read(at(1), 1)]).toEqual([bytes(20), bytes(2)]);
    // Nobody else has that page now: it becomes writable as it is.
    process.write(at(1), bytes(3));
    expect([frames(V, 2)[1], events.length]).toEqual([before[1], 2]);
    child.exit();
    expect(() => child.read(V, 1)).toThrow(/^ESRCH/);
    expect([process.calls.childExit(1), process.calls.childWrite(7, V, 1n)]).toEqual([ESRCH, ESRCH]);
  });

  it('keeps for the child what the process unmaps or discards, and shares what is shared memory', () => {
    const { process } = setUp(4 * PAGE);
    process.mmap({ address: at(64), size: PAGE, kind: 'shared' });
    for (const page of [0, 1, 64]) process.write(at(page), bytes(page + 1));
    const child = process.fork();
    process.munmap(V, PAGE);
    process.discard(at(1), PAGE);
    process.write(at(64), bytes(99));
    expect([0, 1, 64].map((page) => child.read(at(page), 1)[0])).toEqual([1, 2, 99]);
    expect(process.read(at(1), 1)).toEqual(bytes(0));
    expect(() => child.read(at(300), 1)).toThrow(/^EFAULT/);
  });

  it('announces nothing for memory without pages, and copies for the GPU what it writes', () => {
    const { machine, process, events } = setUp();
    const node = machine.devices[0]!.open();
    process.fork();
    expect(events).toEqual([]);
    process.write(V, bytes(1));
    const child = process.fork();
    expect(machine.devices[0]!.access({ address: V, size: 1n, write: true }).result).toBe(0);
    expect(events).toEqual(['protectionPage 0-16', 'clear 0-1']);
    expect(child.read(V, 1)).toEqual(bytes(1));
    node.close();
  });
});

describe('mlock, swap-out and collapse', () => {
  it('brings locked pages in, and leaves them there', () => {
    const { process, calls, frames, events } = setUp();
    process.mlock(at(1), 2 * PAGE);
    expect([frames().map(Boolean), events]).toEqual([[false, true, true, false], []]);
    expect(calls.swapOut(V, BigInt(4 * PAGE))).toEqual({ result: EINVAL, pages: 0 });
    expect(calls.dontneed(at(1), BigInt(PAGE))).toBe(EINVAL);
    process.munlock(V, 16 * PAGE);
    expect([process.swapOut(V, 4 * PAGE), Array.from(process.space.vmas.values()).length]).toEqual([2, 1]);
    expect(calls.mlock(at(15), BigInt(2 * PAGE))).toBe(ENOMEM);
  });

  it('swaps out page by page, and brings back what they held in other frames', () => {
    const { process, events, frames } = setUp();
    process.write(V, bytes(1, 2));
    process.write(at(1), bytes(3));
    const before = frames(V, 2);
    expect([process.swapOut(V, 16 * PAGE), events]).toEqual([2, ['clear 0-1', 'clear 1-2']]);
    expect(frames(V, 2)).toEqual([0, 0]);
    expect(process.touch(V, 2 * PAGE, false)).toMatchObject({ result: 0, fresh: 2 });
    expect([process.read(V, 2), process.read(at(1), 1)]).toEqual([bytes(1, 2), bytes(3)]);
    expect(frames(V, 2).some((frame) => before.includes(frame))).toBe(false);
    process.calls.pin(V, 1n);
    expect(process.swapOut(V, 2 * PAGE)).toBe(1);
    expect(process.calls.swapOut(at(15), BigInt(2 * PAGE)).result).toBe(ENOMEM);
  });

  it('splits a huge page that it swaps out, and keeps file pages in the cache', () => {
    const huge = setUp(BLOCK, 'thp');
    huge.process.write(V, bytes(1));
    expect([huge.process.swapOut(V, PAGE), huge.events]).toEqual([1, ['clear 0-512', 'clear 0-1']]);
    const file = setUp(16 * PAGE, 'file');
    file.process.write(V, bytes(8));
    const before = file.frames(V, 1);
    expect(file.process.swapOut(V, PAGE)).toBe(1);
    expect([file.process.read(V, 1), file.frames(V, 1)]).toEqual([bytes(8), before]);
  });

  it('collapses 2 MiB to one huge page of new frames, with one event', () => {
    const { process, calls, events, frames } = setUp(2 * BLOCK);
    process.write(V, bytes(1));
    process.write(at(511), bytes(2));
    const before = frames();
    process.collapse(V, 2 * BLOCK);
    expect([events, process.space.pages.isHuge(Number(V >> 12n))]).toEqual([['clear 0-512'], true]);
    expect(frames()[0]).not.toBe(before[0]);
    expect([process.read(V, 1), process.read(at(511), 1), process.read(at(5), 1)]).toEqual([
      bytes(1),
      bytes(2),
      bytes(0),
    ]);
    // Part of it goes: the split is announced, whatever kind of memory it is.
    process.discard(at(1), PAGE);
    expect(events.slice(1)).toEqual(['clear 1-2', 'clear 0-512']);
    process.write(at(512), bytes(1));
    process.calls.pin(at(512), 1n);
    expect([calls.collapse(at(512), BigInt(BLOCK)), calls.collapse(at(1024), BigInt(BLOCK))]).toEqual([EBUSY, ENOMEM]);
    expect(setUp(BLOCK).calls.collapse(V, BigInt(BLOCK))).toBe(EINVAL);
    expect(setUp(BLOCK, 'shared').calls.collapse(V, BigInt(BLOCK))).toBe(EINVAL);
  });
});

describe('kinds of memory', () => {
  it('has huge pages of hugetlbfs, which are never cut', () => {
    const { process, calls, frames } = setUp(2 * BLOCK, 'hugetlb');
    expect(process.touch(V, PAGE, true)).toMatchObject({ fresh: 1 });
    expect(frames().every((frame) => frame > 0)).toBe(true);
    expect([
      calls.munmap(at(1), BigInt(PAGE)),
      calls.mprotect(V, BigInt(PAGE), 1),
      calls.dontneed(V, BigInt(PAGE)),
      calls.swapOut(V, BigInt(BLOCK)).result,
      calls.mmap(at(2048), BigInt(PAGE), 3, 'hugetlb'),
    ]).toEqual([EINVAL, EINVAL, EINVAL, EINVAL, EINVAL]);
    const before = frames();
    process.discard(V, BLOCK);
    expect([process.touch(V, PAGE, false), frames()]).toEqual([{ result: 0, pages: 1, fresh: 1, back: 0 }, before]);
    expect(calls.munmap(V, BigInt(BLOCK))).toBe(0);
  });

  it('keeps shared anonymous memory when its pages are given back', () => {
    const { process, frames } = setUp(4 * PAGE, 'shared');
    process.write(V, bytes(3));
    const before = frames(V, 1);
    process.discard(V, PAGE);
    expect([process.read(V, 1), frames(V, 1)]).toEqual([bytes(3), before]);
  });

  it.each([
    ['v4', {}],
    ['v8', { vram: 4 << 20 }],
  ] as const)('ends in a bus error after the end of a file, for the CPU and for the GPU (%s)', (profile, more) => {
    const machine = new EmulatedMachine({ profile, ...more });
    const { process } = machine;
    process.mmap({ address: V, size: 4 * PAGE, kind: 'file', fileSize: PAGE + 1 });
    const [device] = machine.devices;
    const node = device!.open();
    expect([
      process.calls.touch(V, BigInt(2 * PAGE), true).result,
      process.calls.touch(at(2), 1n, false).result,
    ]).toEqual([0, EIO]);
    expect(device!.access({ address: at(1), size: 1n, write: true }).result).toBe(0);
    expect(device!.access({ address: at(2), size: 1n, write: true }).result).not.toBe(1);
    process.munmap(V, PAGE);
    expect(process.calls.touch(at(2), 1n, false).result).toBe(EIO);
    node.close();
    expect(() => process.mmap({ size: PAGE, fileSize: 1 })).toThrow(
      'fileSize: only mappings of kinds file and shared have one, not anon',
    );
  });
});
