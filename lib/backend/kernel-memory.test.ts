import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { describeNative, errorOf } from '../../test/support/native-helpers.ts';
import { KernelMemory, type KernelRegion, type MemoryProtection } from './kernel-memory.ts';

/** The line of /proc/self/maps that holds the address: its permissions, or undefined. */
function permissionsAt(address: bigint): string | undefined {
  for (const line of readFileSync('/proc/self/maps', 'utf8').split('\n')) {
    const match = /^([0-9a-f]+)-([0-9a-f]+) (....)/.exec(line);
    if (match && BigInt(`0x${match[1]}`) <= address && address < BigInt(`0x${match[2]}`)) return match[3];
  }
  return undefined;
}

describeNative('KernelMemory', () => {
  const memory = new KernelMemory();
  const page = memory.pageSize;
  const at = (region: KernelRegion, offset: number) => region.address + BigInt(offset);

  it('maps real pages of this process', () => {
    const region = memory.map(4 * page);
    expect(permissionsAt(region.address)).toBe('rw-p');
    expect([region.size, region.bytes.length, region.unmapped]).toEqual([4 * page, 4 * page, false]);
    region.bytes[page] = 42;
    expect([...region.read(page, 2)]).toEqual([42, 0]);
    region.write(2 * page - 1, Uint8Array.of(1, 2));
    expect([region.bytes[2 * page - 1], region.bytes[2 * page]]).toEqual([1, 2]);
    expect(region.bytes).toBe(region.bytes);
    region.unmap();
  });

  it('gives the addresses back at once where nobody asked for bytes', () => {
    const region = memory.map(4 * page);
    region.write(0, Uint8Array.of(1));
    region.unmap();
    expect(permissionsAt(region.address)).toBeUndefined();
  });

  it('leaves other pages at the addresses while somebody may have bytes', () => {
    const region = memory.map(page);
    const { address, bytes } = region;
    bytes[0] = 42;
    region.unmap();
    expect(bytes.length).toBe(0);
    expect(permissionsAt(address)).toBe('rw-p');
  });

  it.each<[MemoryProtection, string]>([
    ['-', '---p'],
    ['none', '---p'],
    ['r', 'r--p'],
    ['read', 'r--p'],
    ['w', '-w-p'],
    ['x', '--xp'],
    ['rx', 'r-xp'],
    ['read-execute', 'r-xp'],
    ['wx', '-wxp'],
    ['rw', 'rw-p'],
    ['read-write', 'rw-p'],
    ['rwx', 'rwxp'],
    ['read-write-execute', 'rwxp'],
  ])('protect %s gives %s to the pages, and bytes only where they are safe', (protection, permissions) => {
    const region = memory.map(3 * page);
    const before = region.bytes;
    region.protect(protection, page, page);
    expect(permissionsAt(at(region, page))).toBe(permissions);
    expect(permissionsAt(region.address)).toBe('rw-p');
    expect(permissionsAt(at(region, 2 * page))).toBe('rw-p');
    if (permissions.startsWith('rw')) {
      expect(region.bytes).toBe(before);
    } else {
      expect(before.length).toBe(0);
      expect(errorOf(() => region.bytes)).toMatchObject({
        code: 'ERR_SVM_PROTECTED',
        message: 'bytes: a page is not both readable and writable; use read() and write()',
      });
    }
    region.unmap();
  });

  it('keeps the contents over a time without permission', () => {
    const region = memory.map(page);
    region.bytes.fill(7);
    region.protect('none');
    expect(errorOf(() => region.read(10, 4))).toMatchObject({
      code: 'EFAULT',
      errno: -14,
      syscall: 'process_vm_readv',
      address: at(region, 10),
    });
    expect(errorOf(() => region.write(10, new Uint8Array(4)))).toMatchObject({
      code: 'EFAULT',
      syscall: 'process_vm_writev',
    });
    region.protect('read');
    expect([...region.read(0, 2)]).toEqual([7, 7]);
    expect(errorOf(() => region.write(0, new Uint8Array(1)))).toMatchObject({ code: 'EFAULT' });
    region.protect('rw');
    expect(region.bytes.every((byte) => byte === 7)).toBe(true);
    region.unmap();
  });

  it('names the first byte that was refused', () => {
    const region = memory.map(3 * page);
    region.protect('-', page, page);
    expect(errorOf(() => region.read(100, 2 * page))).toMatchObject({ code: 'EFAULT', address: at(region, page) });
    expect(errorOf(() => region.read(100, 2 * page)).message).toContain(`0x${at(region, page).toString(16)}`);
    expect(errorOf(() => region.write(page + 5, new Uint8Array(page)))).toMatchObject({
      address: at(region, page + 5),
    });
    region.unmap();
  });

  it('discards', () => {
    const region = memory.map(3 * page);
    const bytes = region.bytes.fill(1);
    region.discard(page, page);
    expect([bytes[page - 1], bytes[page], bytes[2 * page - 1], bytes[2 * page]]).toEqual([1, 0, 0, 1]);
    region.discard();
    expect(bytes.every((byte) => byte === 0)).toBe(true);
    region.unmap();
    expect(bytes.length).toBe(0);
  });

  it('says so after unmap, and unmaps twice', () => {
    const region = memory.map(page);
    const bytes = region.bytes;
    region.unmap();
    region.unmap();
    expect([bytes.length, region.unmapped]).toEqual([0, true]);
    const calls: (() => unknown)[] = [
      () => region.bytes,
      () => region.read(0, 1),
      () => region.write(0, new Uint8Array(1)),
      () => region.protect('rw'),
      () => region.discard(),
    ];
    for (const call of calls) expect(errorOf(call)).toMatchObject({ code: 'ERR_SVM_UNMAPPED' });
  });

  it('unmaps in parts', () => {
    const region = memory.map(3 * page);
    region.write(0, new Uint8Array(3 * page).fill(9));
    region.unmap(page, page);
    expect(permissionsAt(at(region, page))).not.toBe('rw-p');
    expect(errorOf(() => region.bytes)).toMatchObject({ code: 'ERR_SVM_PROTECTED' });
    expect(region.read(2 * page, 1)[0]).toBe(9);
    expect(errorOf(() => region.read(page, 1))).toMatchObject({ code: 'EFAULT' });
    expect(errorOf(() => region.protect('r'))).toMatchObject({ code: 'ENOMEM', syscall: 'mprotect' });
    expect(errorOf(() => region.discard())).toMatchObject({ code: 'ENOMEM', syscall: 'madvise' });
    region.unmap(page, page);
    expect(region.unmapped).toBe(false);
    region.unmap();
    expect(region.unmapped).toBe(true);
  });

  it('reads and writes nothing at the very end', () => {
    const region = memory.map(page);
    expect(region.read(page, 0).length).toBe(0);
    region.write(page, new Uint8Array(0));
    region.unmap();
  });

  it('refuses impossible arguments by name', () => {
    for (const size of [0, -page, page + 1, NaN])
      expect(errorOf(() => memory.map(size))).toMatchObject({ code: 'ERR_SVM_OUT_OF_RANGE' });
    expect(errorOf(() => memory.map(2 ** 52))).toMatchObject({ code: 'ENOMEM', errno: -12, syscall: 'mmap' });
    const region = memory.map(page);
    const intervals: [number, number][] = [
      [-1, 1],
      [0, page + 1],
      [page, 1],
      [0.5, 1],
      [0, NaN],
      [2 ** 53, 1],
    ];
    for (const [offset, length] of intervals) {
      expect(errorOf(() => region.read(offset, length))).toMatchObject({
        name: 'RangeError',
        code: 'ERR_SVM_OUT_OF_RANGE',
      });
    }
    expect(errorOf(() => region.write(page, new Uint8Array(1)))).toMatchObject({ code: 'ERR_SVM_OUT_OF_RANGE' });
    expect(errorOf(() => region.write(0, [1] as never))).toMatchObject({
      name: 'TypeError',
      code: 'ERR_SVM_INVALID_TYPE',
    });
    expect(errorOf(() => region.protect('write' as never)).message).toMatch(/^protection: must be one of -, r, w, /);
    expect(errorOf(() => region.protect('toString' as never))).toMatchObject({ name: 'TypeError' });
    expect(errorOf(() => region.protect('r', 1))).toMatchObject({ code: 'ERR_SVM_OUT_OF_RANGE' });
    expect(errorOf(() => region.unmap(0, 2 * page))).toMatchObject({ code: 'ERR_SVM_OUT_OF_RANGE' });
    expect(errorOf(() => region.unmap(0, 0))).toMatchObject({ code: 'EINVAL', syscall: 'munmap' });
    region.unmap();
  });
});
