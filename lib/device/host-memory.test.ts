import { afterEach, describe, expect, it } from 'vitest';
import { KernelMemory } from '../backend/kernel-memory.ts';
import { EmulatedMemory } from '../backend/emulated-memory.ts';
import { HOST_PROTECTIONS } from '../uapi/protection.ts';
import { HostMemory } from './host-memory.ts';
import type { HostBuffer } from './host-memory.ts';
import { nativeSupport } from '../backend/native-addon.ts';
import { EmulatedMachine } from '../../emulator/index.ts';

const PAGE = 4096;
const open: HostBuffer[] = [];
afterEach(() => {
  for (const buffer of open.splice(0)) buffer.unmap();
});
const code = (action: () => unknown): unknown => {
  try {
    action();
  } catch (error) {
    return (error as { code?: unknown }).code;
  }
  return 'accepted';
};

// One contract, two backends, one body.
const backends = [
  ['emulated', () => new EmulatedMemory(new EmulatedMachine().process)],
  ['kernel', () => new KernelMemory()],
] as const;

describe.each(backends)('host memory on the %s backend', (name, create) => {
  const missing = name === 'kernel' && !nativeSupport().available;
  const map = (context: { skip: (reason: string) => void }, size = 4 * PAGE): HostBuffer => {
    if (missing) context.skip(nativeSupport().reason);
    const buffer = new HostMemory(create(), () => undefined).map(size);
    open.push(buffer);
    return buffer;
  };

  it('is zero filled, page aligned and keeps what is written', (context) => {
    const buffer = map(context);
    expect(buffer.size).toBe(4 * PAGE);
    expect(buffer.address % 4096n).toBe(0n);
    expect(buffer.read(PAGE, 4)).toEqual(new Uint8Array(4));
    buffer.write(PAGE - 2, new Uint8Array([1, 2, 3, 4]));
    expect([...buffer.read(PAGE - 2, 4)]).toEqual([1, 2, 3, 4]);
    expect([...buffer.bytes.subarray(PAGE - 2, PAGE + 2)]).toEqual([1, 2, 3, 4]);
    buffer.bytes[0] = 9;
    expect(buffer.read(0, 1)[0]).toBe(9);
  });

  it('reads as zeros after a discard, only there', (context) => {
    const buffer = map(context);
    buffer.bytes.fill(5);
    buffer.write(0, new Uint8Array(4 * PAGE).fill(5));
    buffer.discard(PAGE, PAGE);
    expect([buffer.read(0, 1)[0], buffer.read(PAGE, 1)[0], buffer.read(2 * PAGE, 1)[0]]).toEqual([5, 0, 5]);
    expect(buffer.bytes[PAGE]).toBe(0);
  });

  it('hides its bytes while a page is protected, and shows them again', (context) => {
    const buffer = map(context);
    const before = buffer.bytes;
    before[PAGE] = 7;
    buffer.write(PAGE, new Uint8Array([7]));
    buffer.protect('none', PAGE, PAGE);
    expect(before.length).toBe(0);
    expect(code(() => buffer.bytes)).toBe('ERR_SVM_PROTECTED');
    expect(code(() => buffer.read(PAGE, 1))).toBe('EFAULT');
    expect(code(() => buffer.write(PAGE, new Uint8Array(1)))).toBe('EFAULT');
    expect(buffer.read(0, 1)).toEqual(new Uint8Array(1));
    buffer.protect('read', PAGE, PAGE);
    expect(buffer.read(PAGE, 1)[0]).toBe(7);
    expect(code(() => buffer.write(PAGE, new Uint8Array(1)))).toBe('EFAULT');
    buffer.protect('read-write', PAGE, PAGE);
    expect(buffer.bytes[PAGE]).toBe(7);
  });

  it('takes every protection', (context) => {
    const buffer = map(context);
    for (const protection of HOST_PROTECTIONS) buffer.protect(protection);
    expect(code(() => buffer.protect('rw' as never))).toBe('ERR_SVM_INVALID_VALUE');
  });

  it('can be unmapped in part: the rest keeps its contents', (context) => {
    const buffer = map(context);
    buffer.write(0, new Uint8Array([1]));
    buffer.write(3 * PAGE, new Uint8Array([4]));
    const bytes = buffer.bytes;
    buffer.unmap(PAGE, PAGE);
    expect(bytes.length).toBe(0);
    expect(code(() => buffer.bytes)).toBe('ERR_SVM_PROTECTED');
    expect(code(() => buffer.read(PAGE, 1))).toBe('EFAULT');
    expect([buffer.read(0, 1)[0], buffer.read(3 * PAGE, 1)[0]]).toEqual([1, 4]);
    buffer.unmap(PAGE, PAGE);
  });

  it('is gone after unmap, which may be called again', (context) => {
    const buffer = map(context);
    const bytes = buffer.bytes;
    buffer.unmap();
    buffer.unmap();
    expect(buffer.unmapped).toBe(true);
    expect(bytes.length).toBe(0);
    for (const action of [
      () => buffer.bytes,
      () => buffer.read(),
      () => buffer.write(0, new Uint8Array(1)),
      () => buffer.protect('read'),
      () => buffer.discard(),
    ]) {
      expect(code(action)).toBe('ERR_SVM_UNMAPPED');
    }
  });

  it.each([0, -PAGE, 100, PAGE + 1, 1.5, NaN, 2 ** 53, -1n, 5n, '4096', null, undefined])(
    'refuses a size of %s',
    (size) => {
      if (missing) return;
      expect(code(() => new HostMemory(create(), () => undefined).map(size as number))).toMatch(
        /^ERR_SVM_(OUT_OF_RANGE|INVALID_TYPE)$/,
      );
    },
  );

  it('refuses intervals that are not inside it', (context) => {
    const buffer = map(context);
    for (const action of [
      () => buffer.read(-1, 1),
      () => buffer.read(0, 4 * PAGE + 1),
      () => buffer.read(1.5, 1),
      () => buffer.read(NaN),
      () => buffer.write(4 * PAGE, new Uint8Array(1)),
      () => buffer.slice(PAGE, 4 * PAGE),
      () => buffer.discard(1, PAGE),
      () => buffer.protect('read', 0, 100),
      () => buffer.unmap(0, 0),
      () => buffer.unmap(PAGE, 4 * PAGE),
    ]) {
      expect(code(action)).toBe('ERR_SVM_OUT_OF_RANGE');
    }
    expect(code(() => buffer.read('0' as never, 1))).toBe('ERR_SVM_INVALID_TYPE');
    expect(code(() => buffer.write(0, [1] as never))).toBe('ERR_SVM_INVALID_TYPE');
  });
});

describe('emulated memory', () => {
  it('gives no bytes above 2^32, but can be written anywhere', () => {
    const buffer = new HostMemory(new EmulatedMemory(new EmulatedMachine().process), () => undefined).map(2 ** 40);
    expect(code(() => buffer.bytes)).toBe('ERR_SVM_TOO_LARGE');
    buffer.write(2 ** 39 - 1, new Uint8Array([1, 2]));
    expect([...buffer.read(2 ** 39 - 1, 3)]).toEqual([1, 2, 0]);
    buffer.unmap();
  });
});
