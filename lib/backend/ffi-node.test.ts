import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { temporaryFolder } from '../../test/support/after-file.ts';
import { errorOf, openDescriptors } from '../../test/support/native-helpers.ts';
import { describeWhere } from '../../test/support/served-node.ts';
import { DRM_IOCTL_VERSION, UAPI_PROFILES } from '../uapi/index.ts';
import { ffiSupport, libC, LibC } from './ffi-library.ts';
import { ffiMemoryFunctions } from './ffi-memory.ts';
import { FfiNode } from './ffi-node.ts';
import { SvmDevice } from '../device/svm-device.ts';

const problem = ffiSupport().available ? '' : ffiSupport().reason;
const FIONREAD = 0x541b;

describeWhere(problem, 'FfiNode', () => {
  const folder = temporaryFolder();
  const file = join(folder, 'file');
  writeFileSync(file, '12345678');

  it('throws the error of open(2)', () => {
    expect(errorOf(() => FfiNode.open(join(folder, 'missing')))).toMatchObject({
      code: 'ENOENT',
      errno: -2,
      syscall: 'open',
    });
    expect(errorOf(() => FfiNode.open(folder))).toMatchObject({ code: 'EISDIR' });
  });

  it('preserves the errno, and changes the structure in place', async () => {
    const node = FfiNode.open(file);
    const pointers = [{ offset: 24, data: new Uint8Array(8) }];
    const arg = new Uint8Array(32).fill(7);
    expect(node.ioctl(UAPI_PROFILES.v4.request, arg, pointers)).toBe(-25);
    expect(await node.ioctlAsync(UAPI_PROFILES.v4.request, arg, pointers)).toBe(-25);
    // The address was patched into the copy only.
    expect([...arg]).toEqual(Array(32).fill(7));
    const length = new Uint8Array(4);
    expect(node.ioctl(FIONREAD, length)).toBe(0);
    expect(length[0]).toBe(8);
    expect(node.driverVersion()).toBe(-25);
    node.close();
  });

  it('takes structures and data of more than a page', () => {
    const node = FfiNode.open(file);
    expect(node.ioctl(0xfff06400, new Uint8Array(16368), [{ offset: 0, data: new Uint8Array(100_000) }])).toBe(-25);
    node.close();
  });

  it('refuses what is no ioctl as the addon does', () => {
    const node = FfiNode.open(file);
    const bytes = new Uint8Array(32);
    const type = { name: 'TypeError', code: 'ERR_SVM_INVALID_TYPE' };
    const range = { name: 'RangeError', code: 'ERR_SVM_OUT_OF_RANGE' };
    const svm = UAPI_PROFILES.v4.request;
    for (const [args, error] of [
      [['1', bytes], type],
      [[-1, bytes], range],
      [[1.5, bytes], range],
      [[2 ** 32, bytes], range],
      [[svm, [1]], type],
      [[svm, new Uint8Array(0)], type],
      [[svm, new Uint8Array(new SharedArrayBuffer(32))], type],
      [[svm, new Uint8Array(31)], range],
      [[svm, bytes, 5], type],
      [[svm, bytes, [{ offset: 25, data: bytes }]], range],
      [[svm, bytes, [{ offset: -8, data: bytes }]], range],
      [
        [
          svm,
          bytes,
          [
            { offset: 8, data: bytes },
            { offset: 12, data: bytes },
          ],
        ],
        range,
      ],
      [[svm, bytes, [{ offset: 8, data: 'x' }]], type],
    ] as [Parameters<FfiNode['ioctl']>, object][]) {
      expect(errorOf(() => node.ioctl(...args))).toMatchObject(error);
    }
    node.close();
  });

  it('is closed after the calls under way, and leaks neither descriptors nor mappings', async () => {
    const before = openDescriptors(file);
    const node = FfiNode.open(file);
    const pending = Promise.all(
      Array.from({ length: 20 }, () => node.ioctlAsync(DRM_IOCTL_VERSION, new Uint8Array(64))),
    );
    node.close();
    node.close();
    expect(errorOf(() => node.ioctl(DRM_IOCTL_VERSION, new Uint8Array(64)))).toMatchObject({ code: 'ERR_SVM_CLOSED' });
    expect(await pending).toEqual(Array(20).fill(-25));
    expect(openDescriptors(file)).toBe(before);
  });

  it('is no backend for a file that is no render node', () => {
    expect(errorOf(() => SvmDevice.open({ backend: 'ffi', node: file }))).toMatchObject({
      code: 'ERR_SVM_BACKEND_UNAVAILABLE',
      message: expect.stringContaining('no render node of amdgpu'),
    });
  });

  it('keeps track of pages that are gone or protected', () => {
    const memory = ffiMemoryFunctions(libC());
    const mapping = memory.mapMemory(4 * 4096);
    if (typeof mapping === 'number') throw new Error(String(mapping));
    const { handle } = mapping;
    const bytes = new Uint8Array(8192).fill(5);
    expect(memory.writeMemory(handle, 0, bytes)).toBe(8192);
    expect(memory.protectMemory(handle, 4096, 4096, 0)).toBe(0);
    expect(memory.readMemory(handle, 4000, bytes)).toBe(96);
    expect(memory.readMemory(handle, 4096, bytes)).toBe(-14);
    expect(memory.unmapMemory(handle, 4096, 4096)).toBe(0);
    expect(memory.unmapMemory(handle, 0, 3 * 4096)).toBe(0);
    expect(memory.protectMemory(handle, 0, 8192, 1)).toBe(-12);
    expect(memory.discardMemory(handle, 0, 4096)).toBe(-12);
    expect(memory.viewMemory(handle)).toBe(-13);
    expect(memory.unmapMemory(handle, 0, 0)).toBe(-22);
    expect(memory.unmapMemory(handle, 0, 4 * 4096)).toBe(0);
    expect(memory.mapMemory(2 ** 50)).toBe(-12);
  });
});

it('moves and locks pages', (context) => {
  if (!ffiSupport().available) context.skip(ffiSupport().reason);
  const memory = ffiMemoryFunctions(libC());
  const [from, to] = [memory.mapMemory(2 * 4096), memory.mapMemory(2 * 4096)];
  if (typeof from === 'number' || typeof to === 'number') throw new Error('no memory');
  expect(memory.writeMemory(from.handle, 0, Uint8Array.of(1))).toBe(1);
  expect(memory.lockMemory(from.handle, 0, 4096, 1)).toBe(0);
  expect(memory.lockMemory(from.handle, 0, 4096, 0)).toBe(0);
  expect(memory.moveMemory(from.handle, 0, 4096, to.handle, 4096, 1)).toBe(0);
  const bytes = new Uint8Array(1);
  expect([memory.readMemory(to.handle, 4096, bytes), bytes[0]]).toEqual([1, 1]);
  expect([memory.readMemory(from.handle, 0, bytes), bytes[0]]).toEqual([1, 0]);
  expect(memory.moveMemory(to.handle, 4096, 4096, from.handle, 0, 0)).toBe(0);
  expect([memory.readMemory(from.handle, 0, bytes), bytes[0]]).toEqual([1, 1]);
  expect(memory.readMemory(to.handle, 4096, bytes)).toBe(-14);
  expect(memory.lockMemory(to.handle, 0, 2 * 4096, 1)).toBe(-12);
  expect(memory.moveMemory(to.handle, 0, 2 * 4096, from.handle, 0, 0)).toBe(-14);
  expect(memory.moveMemory(from.handle, 0, 4096, from.handle, 0, 0)).toBe(-22);
  expect(memory.moveMemory(from.handle, 0, 4096, from.handle, 1, 0)).toBe(-22);
  for (const { handle } of [from, to]) expect(memory.unmapMemory(handle, 0, 2 * 4096)).toBe(0);
});

it('is refused with the reason where ffi-rs numbers its types in another way', () => {
  const DataType = { I32: 2, I64: 8, U8Array: 10, U64: 12, BigInt: 16 };
  expect(() => new LibC({ DataType, open() {}, load: () => 0 })).toThrow('numbers its types differently');
});
