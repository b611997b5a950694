import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { DRM_IOCTL_VERSION } from '../lib/uapi/index.ts';
import type { DeviceHandle, NativeAddon } from '../native/native.d.ts';
import { temporaryFolder } from './support/after-file.ts';
import { describeNative, errorOf } from './support/native-helpers.ts';

type Loose = (...args: unknown[]) => unknown;
type Functions = Record<keyof NativeAddon, Loose>;

function detached(): Uint8Array {
  const bytes = new Uint8Array(64);
  structuredClone(bytes, { transfer: [bytes.buffer] });
  return bytes;
}

// These are younger than the library that TypeScript is told to use.
type Resizable = ArrayBuffer & { resize(length: number): void };

function resizable(length: number): Resizable {
  const Constructor = ArrayBuffer as unknown as new (length: number, options: object) => Resizable;
  return new Constructor(length, { maxByteLength: 128 });
}

function growable(): SharedArrayBuffer {
  const Constructor = SharedArrayBuffer as unknown as new (length: number, options: object) => SharedArrayBuffer;
  return new Constructor(64, { maxByteLength: 128 });
}

function outside(): Uint8Array {
  const buffer = resizable(128);
  const bytes = new Uint8Array(buffer, 64, 64);
  buffer.resize(64);
  return bytes;
}

const WRONG_BYTES: [string, unknown][] = [
  ['undefined', undefined],
  ['null', null],
  ['a string', 'x'.repeat(64)],
  ['an array', new Array(64).fill(0)],
  ['an ArrayBuffer', new ArrayBuffer(64)],
  ['a DataView', new DataView(new ArrayBuffer(64))],
  ['an Int8Array', new Int8Array(64)],
  ['a Uint8ClampedArray', new Uint8ClampedArray(64)],
  ['a Uint32Array', new Uint32Array(64)],
  ['a proxy', new Proxy(new Uint8Array(64), {})],
  ['no bytes', new Uint8Array(0)],
  ['a shared buffer', new Uint8Array(new SharedArrayBuffer(64))],
  ['a growable shared buffer', new Uint8Array(growable())],
  ['an array that a resizable buffer has shrunk away from', outside()],
  ['a detached buffer', detached()],
];

const WRONG_NUMBERS: [unknown, string][] = [
  [undefined, 'ERR_SVM_INVALID_TYPE'],
  [null, 'ERR_SVM_INVALID_TYPE'],
  ['1', 'ERR_SVM_INVALID_TYPE'],
  [1n, 'ERR_SVM_INVALID_TYPE'],
  [{ valueOf: () => 4096 }, 'ERR_SVM_INVALID_TYPE'],
  [new Number(4096), 'ERR_SVM_INVALID_TYPE'],
  [-1, 'ERR_SVM_OUT_OF_RANGE'],
  [0.5, 'ERR_SVM_OUT_OF_RANGE'],
  [NaN, 'ERR_SVM_OUT_OF_RANGE'],
  [Infinity, 'ERR_SVM_OUT_OF_RANGE'],
  [2 ** 53, 'ERR_SVM_OUT_OF_RANGE'],
  [2 ** 64, 'ERR_SVM_OUT_OF_RANGE'],
];

describeNative('misuse of the addon', (addon) => {
  const f = addon as unknown as Functions;
  const folder = temporaryFolder();
  const file = join(folder, 'file');
  writeFileSync(file, 'contents');
  const device = addon.open(file) as DeviceHandle;
  const ioctl = device.ioctl as Loose;
  const page = addon.layout().pageSize;
  const mapping = addon.mapMemory(4 * page);
  if (typeof mapping === 'number') throw new Error('no memory');
  const memory = mapping.handle;
  const fine = () => new Uint8Array(64);

  const DEVICE_CALLS: [string, (handle: unknown) => unknown][] = [
    ['close', (handle) => f.close(handle)],
    ['ioctlAsync', (handle) => f.ioctlAsync(handle, DRM_IOCTL_VERSION, fine())],
    ['prepareIoctl', (handle) => f.prepareIoctl(handle, DRM_IOCTL_VERSION, 64)],
    ['driverVersion', (handle) => f.driverVersion(handle)],
    ['descriptor', (handle) => f.descriptor(handle)],
  ];
  const MEMORY_CALLS: [string, (handle: unknown) => unknown][] = [
    ['viewMemory', (handle) => f.viewMemory(handle)],
    ['unmapMemory', (handle) => f.unmapMemory(handle, 0, page)],
    ['protectMemory', (handle) => f.protectMemory(handle, 0, page, 3)],
    ['discardMemory', (handle) => f.discardMemory(handle, 0, page)],
    ['lockMemory', (handle) => f.lockMemory(handle, 0, page, 1)],
    ['moveMemory', (handle) => f.moveMemory(handle, 0, page, memory, page, 0)],
    ['readMemory', (handle) => f.readMemory(handle, 0, fine())],
    ['writeMemory', (handle) => f.writeMemory(handle, 0, fine())],
  ];

  it.each([...DEVICE_CALLS, ...MEMORY_CALLS])('%s takes only handles of its kind', (name, call) => {
    const other = DEVICE_CALLS.some(([known]) => known === name) ? memory : device;
    const own = other === memory ? device : memory;
    const wrong = [
      undefined,
      null,
      3,
      'x',
      {},
      [],
      () => 0,
      Symbol('x'),
      1n,
      other,
      new Proxy(own, {}),
      Object.create(own),
    ];
    for (const handle of wrong) {
      const error = errorOf(() => call(handle));
      expect(error).toBeInstanceOf(TypeError);
      expect(error).toMatchObject({
        code: 'ERR_SVM_INVALID_TYPE',
        message: expect.stringMatching(/^handle: must be a handle/),
      });
    }
    expect(errorOf(() => (f[name as keyof NativeAddon] as () => void)())).toMatchObject({
      code: 'ERR_SVM_INVALID_TYPE',
    });
  });

  it('open takes only strings without zeros', () => {
    for (const path of [undefined, null, 1, {}, ['/dev/null'], Buffer.from('/dev/null'), '/dev/null\0x']) {
      expect(errorOf(() => f.open(path))).toMatchObject({
        code: 'ERR_SVM_INVALID_TYPE',
        message: expect.stringMatching(/^path: must be a string/),
      });
    }
  });

  it.each(WRONG_BYTES)('no function takes for bytes: %s', (_name, bytes) => {
    const calls: [string, () => unknown][] = [
      ['arg', () => ioctl(DRM_IOCTL_VERSION, bytes)],
      ['arg', () => f.ioctlAsync(device, DRM_IOCTL_VERSION, bytes)],
      [
        'pointers[1].data',
        () =>
          ioctl(DRM_IOCTL_VERSION, fine(), [
            { offset: 0, data: fine() },
            { offset: 8, data: bytes },
          ]),
      ],
      ['pointers[0].data', () => f.ioctlAsync(device, DRM_IOCTL_VERSION, fine(), [{ offset: 0, data: bytes }])],
      ['target', () => f.readMemory(memory, 0, bytes)],
      ['source', () => f.writeMemory(memory, 0, bytes)],
    ];
    for (const [field, call] of calls) {
      const error = errorOf(call);
      expect(error).toBeInstanceOf(TypeError);
      expect(error).toMatchObject({ code: 'ERR_SVM_INVALID_TYPE' });
      expect(error.message.startsWith(`${field}: must`)).toBe(true);
    }
  });

  it.each(WRONG_NUMBERS)('no function takes for a number: %s', (number, code) => {
    const calls: [string, () => unknown][] = [
      ['request', () => ioctl(number, fine())],
      ['request', () => f.ioctlAsync(device, number, fine())],
      ['pointers[0].offset', () => ioctl(DRM_IOCTL_VERSION, fine(), [{ offset: number, data: fine() }])],
      ['size', () => f.mapMemory(number)],
      ['offset', () => f.unmapMemory(memory, number, page)],
      ['length', () => f.unmapMemory(memory, 0, number)],
      ['offset', () => f.protectMemory(memory, number, page, 3)],
      ['length', () => f.protectMemory(memory, 0, number, 3)],
      ['protection', () => f.protectMemory(memory, 0, page, number)],
      ['offset', () => f.discardMemory(memory, number, page)],
      ['length', () => f.discardMemory(memory, 0, number)],
      ['offset', () => f.lockMemory(memory, number, page, 1)],
      ['locked', () => f.lockMemory(memory, 0, page, number)],
      ['length', () => f.moveMemory(memory, 0, number, memory, page, 0)],
      ['targetOffset', () => f.moveMemory(memory, 0, page, memory, number, 0)],
      ['keepOld', () => f.moveMemory(memory, 0, page, memory, page, number)],
      ['offset', () => f.readMemory(memory, number, fine())],
      ['offset', () => f.writeMemory(memory, number, fine())],
    ];
    for (const [field, call] of calls) {
      const error = errorOf(call);
      expect(error).toBeInstanceOf(code === 'ERR_SVM_INVALID_TYPE' ? TypeError : RangeError);
      expect(error).toMatchObject({ code });
      expect(error.message.startsWith(`${field}: must be`)).toBe(true);
    }
  });

  it('the structure must be as long as the request number says', () => {
    expect(errorOf(() => ioctl(DRM_IOCTL_VERSION, new Uint8Array(63)))).toMatchObject({
      code: 'ERR_SVM_OUT_OF_RANGE',
      message: 'arg: has 63 bytes, the request number says 64',
    });
    expect(errorOf(() => ioctl(2 ** 32, fine()))).toMatchObject({ code: 'ERR_SVM_OUT_OF_RANGE' });
  });

  it('pointer fields lie inside the structure and next to each other', () => {
    const call = (...offsets: number[]) =>
      errorOf(() =>
        ioctl(
          DRM_IOCTL_VERSION,
          fine(),
          offsets.map((offset) => ({ offset, data: fine() })),
        ),
      ).message;
    expect(call(57)).toMatch(/^pointers\[0\]\.offset: the 8 bytes .* inside arg \(64 bytes\)/);
    expect(call(0xffff_ffff)).toMatch(/inside arg/);
    expect(call(8, 15)).toMatch(/^pointers\[1\]\.offset: must not overlap pointers\[0\]/);
    expect(call(8, 1)).toMatch(/must not overlap/);
    expect(errorOf(() => ioctl(0x541b, new Uint8Array(7), [{ offset: 0, data: fine() }])).message).toMatch(
      /inside arg/,
    );
  });

  it('pointers are an array of objects', () => {
    for (const pointers of [null, {}, 'x', 1, new Proxy([], {}), [undefined], [null], [1], new Array(3), [() => 0]]) {
      const error = errorOf(() => ioctl(DRM_IOCTL_VERSION, fine(), pointers));
      expect(error).toMatchObject({ code: 'ERR_SVM_INVALID_TYPE', message: expect.stringMatching(/^pointers/) });
    }
    const many = Array.from({ length: 65 }, () => ({ offset: 0, data: fine() }));
    expect(errorOf(() => ioctl(DRM_IOCTL_VERSION, fine(), many))).toMatchObject({ code: 'ERR_SVM_OUT_OF_RANGE' });
    expect(errorOf(() => ioctl(DRM_IOCTL_VERSION, fine(), new Array(2 ** 32 - 1)))).toMatchObject({
      code: 'ERR_SVM_OUT_OF_RANGE',
    });
  });

  it('an exception of a getter comes through', () => {
    const pointers = [
      {
        offset: 0,
        get data(): never {
          throw new Error('from the getter');
        },
      },
    ];
    expect(() => ioctl(DRM_IOCTL_VERSION, fine(), pointers)).toThrow('from the getter');
  });

  it('a getter that detaches the structure, or closes the device, is seen', () => {
    const arg = fine();
    const data = fine();
    const detaching = [
      { offset: 0, data },
      {
        offset: 8,
        get data() {
          structuredClone(arg, { transfer: [arg.buffer] });
          structuredClone(data, { transfer: [data.buffer] });
          return fine();
        },
      },
    ];
    expect(() => ioctl(DRM_IOCTL_VERSION, arg, detaching)).toThrow('arg: must not be backed by a detached ArrayBuffer');
    expect(() => ioctl(DRM_IOCTL_VERSION, fine(), detaching.slice(0, 1))).toThrow(
      'pointers[0].data: must not be backed',
    );
    const closing = addon.open(file) as DeviceHandle;
    const pointers = [
      {
        offset: 0,
        get data() {
          addon.close(closing);
          return fine();
        },
      },
    ];
    expect((closing.ioctl as Loose)(DRM_IOCTL_VERSION, fine(), pointers)).toBe(-9);
  });

  it('intervals of memory are whole pages inside the mapping', () => {
    expect(errorOf(() => f.mapMemory(0))).toMatchObject({ code: 'ERR_SVM_OUT_OF_RANGE' });
    expect(errorOf(() => f.mapMemory(page + 1)).message).toBe(`size: must be a multiple of the page size, ${page}`);
    expect(errorOf(() => f.unmapMemory(memory, 1, page)).message).toBe(
      `offset: must be a multiple of the page size, ${page}`,
    );
    expect(errorOf(() => f.discardMemory(memory, 0, 1)).message).toBe(
      `length: must be a multiple of the page size, ${page}`,
    );
    expect(errorOf(() => f.protectMemory(memory, page, 4 * page, 3)).message).toBe(
      `length: must be an integer from 0 to ${3 * page}`,
    );
    expect(errorOf(() => f.readMemory(memory, 4 * page - 63, fine())).message).toMatch(
      /^target: ends past the mapping/,
    );
    expect(errorOf(() => f.protectMemory(memory, 0, page, 8)).message).toBe(
      'protection: must be an integer from 0 to 7',
    );
    expect(f.unmapMemory(memory, 0, 0)).toBe(-22);
    expect(f.protectMemory(memory, 4 * page, 0, 0)).toBe(0);
  });

  it('resizable buffers count with the bytes they have at the moment of the call', async () => {
    const FIONREAD = 0x541b;
    const buffer = resizable(64);
    const bytes = new Uint8Array(buffer); // follows the length of the buffer
    buffer.resize(8);
    expect(errorOf(() => ioctl(DRM_IOCTL_VERSION, bytes)).message).toBe('arg: has 8 bytes, the request number says 64');
    expect(ioctl(FIONREAD, bytes)).toBe(0);
    expect(bytes[0]).toBe(8);
    bytes.fill(0);
    // Shrunk, or grown, while the ioctl runs: the answer has no place any more.
    for (const length of [4, 16]) {
      buffer.resize(8);
      const pending = f.ioctlAsync(device, FIONREAD, bytes);
      buffer.resize(length);
      expect(await pending).toBe(0);
      expect(bytes).toEqual(new Uint8Array(length));
    }
    buffer.resize(100);
    expect(f.writeMemory(memory, 0, bytes)).toBe(100);
    expect(f.readMemory(memory, 0, bytes)).toBe(100);
  });

  it('prepareIoctl takes lengths that fit each other', () => {
    const call = (...args: unknown[]) => errorOf(() => f.prepareIoctl(device, DRM_IOCTL_VERSION, ...args)).message;
    expect(call(63)).toBe('length: is 63, the request number says 64');
    expect(call(0)).toMatch(/^length: must be an integer from 1/);
    expect(call(2 ** 21)).toMatch(/^length: must be an integer from 1 to 1048576/);
    expect(call(64, 57, 8)).toMatch(/^offset: must be an integer from 0 to 56/);
    expect(call(64, 0)).toMatch(/^dataLength: must be a number/);
    expect(call(64, 0, 0)).toMatch(/^dataLength: must be an integer from 1/);
    expect(errorOf(() => f.prepareIoctl(device, 0x541b, 7, 0, 8)).message).toMatch(/^offset: the 8 bytes/);
    expect(errorOf(() => f.prepareIoctl(device, -1, 64)).message).toMatch(/^request: must be/);
  });

  it('handles cannot be cloned into another thread', () => {
    expect(errorOf(() => f.close(structuredClone(device)))).toMatchObject({ code: 'ERR_SVM_INVALID_TYPE' });
    expect(errorOf(() => f.viewMemory(structuredClone(memory)))).toMatchObject({ code: 'ERR_SVM_INVALID_TYPE' });
  });

  it('handles can be anything an object can be', () => {
    const handle = addon.open(file) as DeviceHandle & { extra?: number };
    handle.extra = 1;
    expect(Object.create(handle)).toMatchObject({ extra: 1 });
    Object.setPrototypeOf(handle, null);
    expect(addon.close(Object.freeze(handle))).toBe(0);
  });
});
