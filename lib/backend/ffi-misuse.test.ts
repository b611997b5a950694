/** What a hostile or unlucky caller hands to the ffi backend: it is looked at once, and never believed afterwards. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { temporaryFolder } from '../../test/support/after-file.ts';
import { errorOf } from '../../test/support/native-helpers.ts';
import { describeWhere } from '../../test/support/served-node.ts';
import type { MemoryHandle } from '../../native/native.d.ts';
import { DRM_IOCTL_VERSION } from '../uapi/index.ts';
import { ffiSupport, libC } from './ffi-library.ts';
import { ffiMemoryFunctions } from './ffi-memory.ts';
import { FfiNode } from './ffi-node.ts';

const FIONREAD = 0x541b;
const [EBADF, ENOTTY] = [-9, -25];

// These are younger than the library that TypeScript is told to use.
type Resizable = ArrayBuffer & { resize(length: number): void };
function resizable(length: number): Resizable {
  const Constructor = ArrayBuffer as unknown as new (length: number, options: object) => Resizable;
  return new Constructor(length, { maxByteLength: 1 << 20 });
}

describeWhere(ffiSupport().available ? '' : ffiSupport().reason, 'arguments of the ffi backend', () => {
  const file = join(temporaryFolder(), 'file');
  writeFileSync(file, '12345678');

  it.each([8192, 1 << 20, 4, 0])(
    'a buffer of 64 bytes that has %i when the ioctl ends is left as it is',
    async (then) => {
      const node = FfiNode.open(file);
      const [argument, behind] = [resizable(64), resizable(64)];
      const [arg, data] = [new Uint8Array(argument), new Uint8Array(behind)];
      const calls = [node.ioctlAsync(FIONREAD, arg), node.ioctlAsync(DRM_IOCTL_VERSION, arg, [{ offset: 24, data }])];
      argument.resize(then);
      behind.resize(then);
      expect(await Promise.all(calls)).toEqual([0, ENOTTY]);
      for (const bytes of [arg, data]) {
        expect(bytes.length).toBe(then);
        expect(Buffer.compare(bytes, new Uint8Array(then))).toBe(0);
      }
      node.close();
    },
  );

  it('a buffer that is detached meanwhile is left out', async () => {
    const node = FfiNode.open(file);
    const arg = new Uint8Array(64);
    const call = node.ioctlAsync(FIONREAD, arg);
    structuredClone(arg, { transfer: [arg.buffer] });
    expect(await call).toBe(0);
    node.close();
  });

  it('what the caller does with the list and its elements after the call changes nothing', async () => {
    const node = FfiNode.open(file);
    const arg = new Uint8Array(64).fill(7);
    const element: { offset: number; data: unknown } = { offset: 24, data: new Uint8Array(64) };
    const pointers = [element] as unknown as Parameters<FfiNode['ioctl']>[2] & unknown[];
    const call = node.ioctlAsync(DRM_IOCTL_VERSION, arg, pointers);
    element.offset = 1 << 20;
    element.data = new Uint8Array(1 << 20);
    pointers.push({ offset: 2 ** 40, data: 'x' });
    expect(await call).toBe(ENOTTY);
    expect(arg).toEqual(new Uint8Array(64).fill(7));
    node.close();
  });

  it('each property is read once, before the bytes', () => {
    const node = FfiNode.open(file);
    const read: string[] = [];
    const pointer = {
      get offset() {
        read.push('offset');
        return read.length === 1 ? 24 : 2 ** 30;
      },
      get data() {
        read.push('data');
        // Afterwards something that is no buffer at all, or one that is far larger.
        return read.length === 2 ? new Uint8Array(8) : ({ length: 1 << 30 } as unknown as Uint8Array);
      },
    };
    expect(node.ioctl(DRM_IOCTL_VERSION, new Uint8Array(64), [pointer])).toBe(ENOTTY);
    expect(read).toEqual(['offset', 'data']);
    const growing = resizable(64);
    const argument = new Uint8Array(growing);
    const resizes = {
      offset: 24,
      get data() {
        growing.resize(16);
        return new Uint8Array(8);
      },
    };
    expect(errorOf(() => node.ioctl(DRM_IOCTL_VERSION, argument, [resizes]))).toMatchObject({
      code: 'ERR_SVM_OUT_OF_RANGE',
      message: expect.stringMatching(/^arg: /),
    });
    node.close();
  });

  it('a getter that closes the node ends the call with EBADF, not on the file that has the number next', () => {
    const node = FfiNode.open(file);
    const pointer = {
      offset: 24,
      get data() {
        node.close();
        return new Uint8Array(8);
      },
    };
    expect(node.ioctl(DRM_IOCTL_VERSION, new Uint8Array(64), [pointer])).toBe(EBADF);
  });

  it('a subclass may lie about everything', () => {
    class Liar extends Uint8Array {
      static get [Symbol.species]() {
        return class {
          constructor() {
            return new Uint8Array(1);
          }
        } as unknown as Uint8ArrayConstructor;
      }
      override get length() {
        return 1 << 30;
      }
      override get byteLength() {
        return 1 << 30;
      }
      override get byteOffset() {
        return 1 << 20;
      }
      override get buffer() {
        return new ArrayBuffer(1);
      }
      override slice() {
        return new Uint8Array(1);
      }
      override subarray() {
        return new Uint8Array(1);
      }
      override set() {
        throw new Error('not asked');
      }
    }
    const node = FfiNode.open(file);
    const arg = new Liar(64);
    const data = new Liar(16);
    expect(node.ioctl(DRM_IOCTL_VERSION, arg, [{ offset: 24, data }])).toBe(ENOTTY);
    expect(node.ioctl(FIONREAD, arg)).toBe(0);
    expect(arg[0]).toBe(8);
    const shared = new Liar(new SharedArrayBuffer(64) as unknown as ArrayBuffer);
    expect(errorOf(() => node.ioctl(FIONREAD, shared)).message).toMatch(/^arg: .*SharedArrayBuffer/);
    node.close();
  });

  it('what only looks like an array of bytes, or a list, is none', () => {
    const node = FfiNode.open(file);
    const bytes = new Uint8Array(64);
    const type = { name: 'TypeError', code: 'ERR_SVM_INVALID_TYPE' };
    for (const arg of [Object.create(Uint8Array.prototype), new Proxy(bytes, {}), new Float64Array(8), { length: 64 }])
      expect(errorOf(() => node.ioctl(DRM_IOCTL_VERSION, arg as Uint8Array))).toMatchObject(type);
    for (const list of [{}, 'x', null, [null], [1], [undefined]])
      expect(errorOf(() => node.ioctl(DRM_IOCTL_VERSION, bytes, list as never))).toMatchObject(type);
    const lying = new Proxy([], { get: (_, key) => (key === 'length' ? 2 ** 31 : undefined) });
    expect(errorOf(() => node.ioctl(DRM_IOCTL_VERSION, bytes, lying)).message).toMatch(/^pointers/);
    for (const offset of ['24', { valueOf: () => 24 }, 24n, undefined])
      expect(errorOf(() => node.ioctl(DRM_IOCTL_VERSION, bytes, [{ offset, data: bytes } as never]))).toMatchObject(
        type,
      );
    node.close();
  });

  it('memory calls take numbers of the mapping only, and bytes as they are', () => {
    const memory = ffiMemoryFunctions(libC());
    const page = memory.layout().pageSize;
    const mapping = memory.mapMemory(2 * page);
    if (typeof mapping === 'number') throw new Error(String(mapping));
    const { handle } = mapping;
    const range = { name: 'RangeError', code: 'ERR_SVM_OUT_OF_RANGE' };
    const type = { name: 'TypeError', code: 'ERR_SVM_INVALID_TYPE' };
    // Beyond the mapping lies somebody else's memory.
    for (const [offset, length] of [
      [0, 3 * page],
      [2 * page, page],
      [-page, page],
      [page / 2 ** 20, page],
    ] as const) {
      expect(errorOf(() => memory.protectMemory(handle, offset, length, 0))).toMatchObject(range);
      expect(errorOf(() => memory.discardMemory(handle, offset, length))).toMatchObject(range);
      expect(errorOf(() => memory.unmapMemory(handle, offset, length))).toMatchObject(range);
      expect(errorOf(() => memory.lockMemory(handle, offset, length, 1))).toMatchObject(range);
      expect(errorOf(() => memory.moveMemory(handle, offset, length, handle, 0, 0))).toMatchObject(range);
    }
    let asked = 0;
    const moving = { valueOf: () => (asked++ === 0 ? 0 : 2 ** 40) } as unknown as number;
    expect(errorOf(() => memory.protectMemory(handle, moving, page, 0))).toMatchObject(type);
    expect(errorOf(() => memory.writeMemory(handle, moving, new Uint8Array(8)))).toMatchObject(type);
    expect(errorOf(() => memory.readMemory(handle, -1, new Uint8Array(8)))).toMatchObject(range);
    expect(errorOf(() => memory.viewMemory({} as MemoryHandle))).toMatchObject(type);
    expect(errorOf(() => memory.protectMemory(handle, 0, page, 8))).toMatchObject(range);
    expect(errorOf(() => memory.lockMemory(handle, 0, page, 2))).toMatchObject(range);
    expect(errorOf(() => memory.moveMemory(handle, 0, page, handle, 2 * page, 0))).toMatchObject(range);
    expect(errorOf(() => memory.moveMemory(handle, 0, page, {} as MemoryHandle, 0, 0))).toMatchObject(type);
    class Long extends Uint8Array {
      override get length() {
        return page;
      }
      override subarray() {
        return new Uint8Array(1);
      }
    }
    expect(memory.writeMemory(handle, 0, new Long(16).fill(9))).toBe(16);
    const target = new Long(8);
    expect(memory.readMemory(handle, 12, target)).toBe(8);
    expect(Array.from({ length: 8 }, (_, index) => target[index])).toEqual([9, 9, 9, 9, 0, 0, 0, 0]);
    expect(memory.unmapMemory(handle, 0, 2 * page)).toBe(0);
  });
});
