import { afterEach, describe, expect, it } from 'vitest';
import { HOST_MEMORY_BACKENDS, thrownCode } from '../../test/support/host-memory-backends.ts';
import type { HostRegionMapper } from '../backend/host-region.ts';
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
const code = thrownCode;

describe.each(HOST_MEMORY_BACKENDS)('host memory on the %s backend', (name, create) => {
  const missing = name === 'kernel' && !nativeSupport().available;
  const memory = (context: { skip: (reason: string) => void }): HostRegionMapper => {
    if (missing) context.skip(nativeSupport().reason);
    return create();
  };
  const map = (context: { skip: (reason: string) => void }, size = 4 * PAGE): HostBuffer => {
    const buffer = new HostMemory(memory(context), () => undefined).map(size);
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

  it('moves its pages to other memory, with their contents and protections', (context) => {
    const mapper = new HostMemory(memory(context), () => undefined);
    const [from, to] = [mapper.map(4 * PAGE), mapper.map(4 * PAGE)];
    open.push(from, to);
    from.write(PAGE, Uint8Array.of(1));
    to.write(0, Uint8Array.of(9));
    const views = [from.bytes, to.bytes];
    from.moveTo(to, { offset: PAGE, length: PAGE, targetOffset: 2 * PAGE });
    expect(views.map(({ length }) => length)).toEqual([0, 0]);
    expect([to.bytes[0], to.bytes[2 * PAGE], to.read(2 * PAGE, 1)[0]]).toEqual([9, 1, 1]);
    expect([code(() => from.read(PAGE, 1)), code(() => from.bytes), from.read(2 * PAGE, 1)[0]]).toEqual([
      'EFAULT',
      'ERR_SVM_PROTECTED',
      0,
    ]);
    to.protect('read', 2 * PAGE, PAGE);
    to.moveTo(to, { offset: 2 * PAGE, length: PAGE, targetOffset: PAGE });
    expect(to.read(PAGE, 1)[0]).toBe(1);
    expect(code(() => to.write(PAGE, Uint8Array.of(2)))).toBe('EFAULT');
    expect(code(() => to.read(2 * PAGE, 1))).toBe('EFAULT');
  });

  it('moves as a whole and is gone, or stays and is empty', (context) => {
    const mapper = new HostMemory(memory(context), () => undefined);
    const [from, to] = [mapper.map(2 * PAGE), mapper.map(4 * PAGE)];
    open.push(from, to);
    from.bytes[PAGE] = 7;
    from.write(PAGE, Uint8Array.of(7));
    from.moveTo(to, { keepOld: true });
    expect([from.unmapped, from.bytes[PAGE], from.read(PAGE, 1)[0], to.bytes[PAGE]]).toEqual([false, 0, 0, 7]);
    from.write(0, Uint8Array.of(8));
    expect([from.bytes[0], to.read(0, 1)[0]]).toEqual([8, 0]);
    from.moveTo(to, { targetOffset: 2 * PAGE });
    expect([from.unmapped, ...[PAGE, 2 * PAGE].map((offset) => to.bytes[offset])]).toEqual([true, 7, 8]);
    expect(code(() => from.moveTo(to))).toBe('ERR_SVM_UNMAPPED');
    expect(code(() => to.moveTo(from))).toBe('ERR_SVM_UNMAPPED');
    from.unmap();
    expect(to.read(PAGE, 1)[0]).toBe(7);
  });

  it('does not move onto itself, from or to a hole, or outside', (context) => {
    const mapper = new HostMemory(memory(context), () => undefined);
    const [from, to] = [mapper.map(4 * PAGE), mapper.map(4 * PAGE)];
    open.push(from, to);
    to.unmap(3 * PAGE, PAGE);
    expect(code(() => from.moveTo(from, { length: 2 * PAGE, targetOffset: PAGE }))).toBe('EINVAL');
    expect(code(() => from.moveTo(to))).toBe('EFAULT');
    expect(code(() => to.moveTo(from))).toBe('EFAULT');
    expect(code(() => from.moveTo(to, { targetOffset: PAGE }))).toBe('ERR_SVM_OUT_OF_RANGE');
    expect(code(() => from.moveTo(to, { length: PAGE, targetOffset: 1 }))).toBe('ERR_SVM_OUT_OF_RANGE');
    expect(code(() => from.moveTo(to, { offset: 1, length: PAGE }))).toBe('ERR_SVM_OUT_OF_RANGE');
    expect(code(() => from.moveTo({} as never))).toBe('ERR_SVM_INVALID_TYPE');
    expect(code(() => from.moveTo(to, { length: PAGE, keepOld: 1 as never }))).toBe('ERR_SVM_INVALID_TYPE');
    const other = new HostMemory(
      name === 'kernel' ? new EmulatedMemory(new EmulatedMachine().process) : create(),
      () => undefined,
    ).map(4 * PAGE);
    if (name === 'emulated') expect(code(() => from.moveTo(other))).toBe('ERR_SVM_INVALID_TYPE');
    else expect(code(() => other.moveTo(from))).toBe('ERR_SVM_INVALID_TYPE');
    from.write(0, Uint8Array.of(3));
    expect(from.read(0, 1)[0]).toBe(3);
  });

  it('can be locked in memory, but for pages that are gone', (context) => {
    const buffer = map(context);
    buffer.lock(PAGE, PAGE);
    buffer.write(PAGE, Uint8Array.of(3));
    buffer.unlock();
    buffer.unmap(0, PAGE);
    expect(code(() => buffer.lock())).toBe('ENOMEM');
    expect(code(() => buffer.unlock())).toBe('ENOMEM');
    expect(code(() => buffer.lock(1, PAGE))).toBe('ERR_SVM_OUT_OF_RANGE');
    expect(code(() => buffer.unlock(0, 5 * PAGE))).toBe('ERR_SVM_OUT_OF_RANGE');
    expect(buffer.read(PAGE, 1)[0]).toBe(3);
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
      () => buffer.lock(),
      () => buffer.unlock(),
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
