import { describe, expect, it } from 'vitest';
import { GpuEngine, gpuModel } from '../index.ts';
import { at, BLOCK, Rig, T, V } from '../../test/support/emulator-rig.ts';

const MIB = 1 << 20;

/** A GPU with VRAM, and 2 MiB of memory whose first four bytes are 1, 2, 3, 4. */
function filled(options: object = {}): Rig {
  const rig = new Rig({ profile: 'v8', vram: 4 * MIB, ...options });
  rig.map(V, BLOCK);
  rig.machine.process.write(at(V), Uint8Array.of(1, 2, 3, 4));
  return rig;
}

const prefetch = (rig: Rig, page = V, pages = BLOCK): number => rig.set(page, pages, [T.prefetchLocation, 1]);
const engine = (rig: Rig): GpuEngine => new GpuEngine(rig.device, rig.file, rig.machine.clock);
const inVram = (rig: Rig): number => rig.machine.memorySnapshot().pages.reduce((sum, { pages }) => sum + pages, 0);

describe('contents', () => {
  it('go to VRAM with a prefetch and come home when the CPU looks', () => {
    const rig = filled();
    expect([prefetch(rig), inVram(rig)]).toEqual([0, BLOCK]);
    expect([...engine(rig).read(at(V), 4)]).toEqual([1, 2, 3, 4]);
    engine(rig).write(at(V) + 1n, Uint8Array.of(9));
    engine(rig).fill(at(V + 7), 0x0606_0606, 4096);
    expect(inVram(rig)).toBe(BLOCK);
    expect([...rig.machine.process.read(at(V), 4)]).toEqual([1, 9, 3, 4]);
    expect([...rig.machine.process.read(at(V + 7) + 4092n, 4)]).toEqual([6, 6, 6, 6]);
    expect(inVram(rig)).toBe(0);
  });

  it('go there at a fault where the GPU is preferred', () => {
    const rig = filled();
    rig.set(V, BLOCK, [T.preferredLocation, 1]);
    expect(inVram(rig)).toBe(0);
    expect([...engine(rig).read(at(V), 4)]).toEqual([1, 2, 3, 4]);
    expect(inVram(rig)).toBe(BLOCK);
  });

  it('stay where the CPU reads VRAM itself', () => {
    const rig = filled({ coherentVram: true });
    prefetch(rig);
    engine(rig).write(at(V), Uint8Array.of(5));
    expect([[...rig.machine.process.read(at(V), 2)], inVram(rig)]).toEqual([[5, 2], BLOCK]);
    rig.machine.process.write(at(V), Uint8Array.of(6));
    expect(engine(rig).read(at(V), 1)[0]).toBe(6);
  });

  it('survive that others need the VRAM', () => {
    const rig = filled();
    prefetch(rig);
    expect([rig.device.takeVram(BigInt(4 * MIB)), inVram(rig)]).toEqual([0, 0]);
    expect([...rig.machine.process.read(at(V), 4)]).toEqual([1, 2, 3, 4]);
    expect([prefetch(rig), rig.device.freeVram(0), prefetch(rig)]).toEqual([-12, 0, 0]);
    expect([...engine(rig).read(at(V), 4)]).toEqual([1, 2, 3, 4]);
  });

  it('of another buffer are what a PTE reaches that an eviction left behind', () => {
    const rig = filled({ vram: 2 * MIB });
    rig.map(V + BLOCK, BLOCK);
    prefetch(rig);
    engine(rig).write(at(V + 3), Uint8Array.of(77));
    rig.machine.process.write(at(V + BLOCK + 3), Uint8Array.of(88));
    prefetch(rig, V + BLOCK);
    // One event for each page: only the first clears its PTE.
    expect([rig.reach(V + 3), engine(rig).read(at(V + 3), 1)[0]]).toEqual(['hit', 88]);
    engine(rig).write(at(V + 3), Uint8Array.of(99));
    expect(rig.machine.process.read(at(V + BLOCK + 3), 1)[0]).toBe(99);
    expect(rig.machine.process.read(at(V + 3), 1)[0]).toBe(77);
  });

  it('of a huge page get lost but for its first 4 KiB', () => {
    const rig = new Rig({ profile: 'v8', vram: 4 * MIB, thp: true, thpMigration: true });
    rig.map(V, BLOCK);
    rig.machine.process.write(at(V), Uint8Array.of(1));
    rig.machine.process.write(at(V + 1), Uint8Array.of(2));
    prefetch(rig);
    expect([engine(rig).read(at(V), 1)[0], engine(rig).read(at(V + 1), 1)[0]]).toEqual([1, 0]);
  });
});

describe('pages that somebody else holds', () => {
  it('cannot be moved, and the prefetch fails', () => {
    const rig = filled();
    expect(rig.machine.process.calls.pin(at(V + 5), 1n)).toMatchObject({ result: 0, pages: 1 });
    expect([prefetch(rig), inVram(rig)]).toEqual([-16, 0]);
    expect([rig.machine.process.calls.unpin(at(V + 5), 1n), prefetch(rig)]).toEqual([1, 0]);
  });

  it('come home first', () => {
    const rig = filled();
    prefetch(rig);
    rig.machine.process.calls.pin(at(V), 1n);
    expect(inVram(rig)).toBe(0);
  });
});

describe('registration', () => {
  it.each([
    ['succeeds', {}, 1],
    ['needs VRAM', { vram: 0 }, 0],
    ['is left out where system memory is preferred', { preferGtt: true }, 0],
    ['can fail', { vramRegistration: -12 }, -12],
    ['needs GC 9.0.1', { gc: '9.0.0' }, -22],
  ])('%s', (_, options, expected) => {
    const rig = filled(options);
    expect([rig.device.registration, rig.device.memory === null]).toEqual([expected, expected !== 1]);
  });

  it('is not there before PATCH v8', () => {
    const rig = filled({ profile: 'v7' });
    expect([rig.device.registration, prefetch(rig), inVram(rig)]).toEqual([0, 0, 0]);
  });
});

describe('options', () => {
  it('can name the VRAM of the board', () => {
    const rig = new Rig({ profile: 'v8', asic: 'gfx90a', vram: 'board' });
    expect(rig.machine.memorySnapshot().vram).toEqual([{ evictable: 0, pinned: 0, total: 2 ** 24 }]);
  });

  it.each([
    [{ vram: 4097 }, /vram.*multiple of 4096/],
    [{ vram: [4096, 4096] }, /vram.*expected 1 values/],
    [{ vram: 'board', asic: { ...gpuModel('gfx942'), asic: 'gfx9999' } }, /board.*catalogue/],
    [{ links: 'nvlink' }, /links/],
    [{ links: [7] }, /links\[0\]/],
  ])('%j is refused', (options, message) => {
    expect(() => new Rig({ profile: 'v8', ...(options as object) })).toThrow(message);
  });
});
