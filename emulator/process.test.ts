import { describe, expect, it } from 'vitest';
import { Rig } from '../test/support/emulator-rig.ts';
import { EmulatedMachine } from './machine.ts';

const MIB = 1 << 20;

describe('the emulated process', () => {
  it('finds free places that are aligned to 2 MiB, apart from each other and from explicit mappings', () => {
    const { process } = new EmulatedMachine();
    const first = process.mmap({ size: 4096 });
    process.mmap({ address: first + 2n * BigInt(MIB), size: 4 * MIB });
    const second = process.mmap({ size: 3 * MIB });
    const third = process.mmap({ size: 4096, kind: 'file', protection: 'r' });
    for (const address of [first, second, third]) expect(address % BigInt(2 * MIB)).toBe(0n);
    expect([second > first + 6n * BigInt(MIB), third > second + 3n * BigInt(MIB)]).toEqual([true, true]);
    expect(process.space.vmas.size).toBe(4);
  });

  it('reads zeros from new memory, and what was written, across pages', () => {
    const { process } = new EmulatedMachine();
    const address = process.mmap({ size: 3 * 4096 });
    expect([...process.read(address + 4094n, 4)]).toEqual([0, 0, 0, 0]);
    process.write(address + 4094n, Uint8Array.of(1, 2, 3, 4));
    expect([...process.read(address + 4093n, 6)]).toEqual([0, 1, 2, 3, 4, 0]);
    process.write(address, new Uint8Array(0));
  });

  it('shares the bytes of a mapping with its owner', () => {
    const { process } = new EmulatedMachine();
    const bytes = new Uint8Array(2 * 4096);
    const address = process.mmap({ size: bytes.length, bytes });
    bytes[4096] = 7;
    process.write(address, Uint8Array.of(9));
    expect([process.read(address + 4096n, 1)[0], bytes[0]]).toEqual([7, 9]);
  });

  it('reads zeros after a discard, but what a file holds', () => {
    const { process } = new EmulatedMachine();
    const [memory, file] = [process.mmap({ size: 4096 }), process.mmap({ size: 4096, kind: 'file' })];
    for (const address of [memory, file]) process.write(address, Uint8Array.of(5));
    process.discard(memory, 4096);
    process.discard(file, 4096);
    expect([process.read(memory, 1)[0], process.read(file, 1)[0]]).toEqual([0, 5]);
  });

  it('forgets contents with their mapping', () => {
    const { process } = new EmulatedMachine();
    const address = process.mmap({ size: 4096 });
    process.write(address, Uint8Array.of(5));
    process.munmap(address, 4096);
    process.mmap({ address, size: 4096 });
    expect(process.read(address, 1)[0]).toBe(0);
  });

  it('is stopped by protection', () => {
    const { process } = new EmulatedMachine();
    const address = process.mmap({ size: 4096, protection: 'r' });
    expect(() => process.write(address, Uint8Array.of(1))).toThrow(
      expect.objectContaining({ code: 'EACCES', syscall: 'touch' }),
    );
    process.mprotect(address, 4096, '-');
    expect(() => process.read(address, 1)).toThrow(expect.objectContaining({ code: 'EACCES' }));
    process.mprotect(address, 0, 'rw');
    process.mprotect(address, 4096, 'rw');
    process.write(address, Uint8Array.of(1));
    expect(process.read(address, 1)[0]).toBe(1);
  });

  it('keeps the old bytes of a page that a stale PTE still reaches', () => {
    const rig = new Rig();
    const { process } = rig.machine;
    const address = process.mmap({ size: 4 * 4096 });
    process.write(address + 4096n, Uint8Array.of(42));
    rig.device.access({ address, size: 4 * 4096, write: true });
    const frame = process.space.pages.frameOf(Number(address >> 12n) + 1);
    rig.device.closeContext(rig.node.file);
    process.discard(address + 4096n, 4096);
    expect(process.read(address + 4096n, 1)[0]).toBe(0);
    expect([process.space.contents.ghostOf(frame)![0], process.space.contents.ghostPages]).toEqual([42, 1]);
  });
});
