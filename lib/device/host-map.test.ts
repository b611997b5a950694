/** Options of `memory.map`, views, and bytes that stay: one contract on both backends. */
import { writeFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import vm from 'node:vm';
import { MessageChannel } from 'node:worker_threads';
import { afterEach, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../test/support/after-file.ts';
import { HOST_MEMORY_BACKENDS, thrownCode } from '../../test/support/host-memory-backends.ts';
import { nativeSupport } from '../backend/native-addon.ts';
import { HostMemory } from './host-memory.ts';
import type { HostBuffer } from './host-memory.ts';
import type { HostMapOptions } from './map-options.ts';

const PAGE = 4096;
const MIB = 1 << 20;
const open: HostBuffer[] = [];
const folder = temporaryFolder();
afterEach(() => {
  for (const buffer of open.splice(0)) buffer.unmap();
});
const code = thrownCode;

describe.each(HOST_MEMORY_BACKENDS)('mappings of the %s backend', (name, create) => {
  const setUp = (context: { skip: (reason: string) => void }): HostMemory => {
    if (name === 'kernel' && !nativeSupport().available) context.skip(nativeSupport().reason);
    return new HostMemory(create(), () => undefined);
  };
  const map = (memory: HostMemory, size: number, options?: HostMapOptions): HostBuffer => {
    const buffer = memory.map(size, options);
    open.push(buffer);
    return buffer;
  };

  it('hold views that read, write, protect and discard like the whole', (context) => {
    const buffer = map(setUp(context), 8 * PAGE);
    const view = buffer.slice(2 * PAGE, 4 * PAGE);
    expect([view.address - buffer.address, view.size]).toEqual([8192n, 4 * PAGE]);
    view.write(0, new Uint8Array([1, 2, 3]));
    view.bytes[3] = 4;
    expect([...buffer.read(2 * PAGE, 4)]).toEqual([1, 2, 3, 4]);
    const inner = view.slice(PAGE);
    inner.write(0, new Uint8Array([9]));
    expect([buffer.read(3 * PAGE, 1)[0], inner.size]).toEqual([9, 3 * PAGE]);
    view.discard(0, PAGE);
    expect([buffer.read(2 * PAGE, 1)[0], buffer.read(3 * PAGE, 1)[0]]).toEqual([0, 9]);
    inner.protect('read', 0, PAGE);
    expect(code(() => buffer.write(3 * PAGE, new Uint8Array(1)))).toBe('EFAULT');
    expect(code(() => view.bytes)).toBe('ERR_SVM_PROTECTED');
    expect(code(() => view.read(0, 4 * PAGE + 1))).toBe('ERR_SVM_OUT_OF_RANGE');
    expect(code(() => buffer.slice(100, 2 * PAGE).discard(0, PAGE))).toBe('ERR_SVM_OUT_OF_RANGE');
    // At page boundaries of the mapping, wherever the view begins.
    buffer.slice(100, 3 * PAGE).discard(PAGE - 100, PAGE);
    buffer.unmap();
    expect([view.unmapped, code(() => view.read()), code(() => inner.bytes)]).toEqual([
      true,
      'ERR_SVM_UNMAPPED',
      'ERR_SVM_UNMAPPED',
    ]);
  });

  it('lie where they were asked for, or fail', (context) => {
    const memory = setUp(context);
    const first = map(memory, 2 * MIB);
    const { address } = first;
    expect(code(() => map(memory, PAGE, { address: address + 4096n }))).toBe('EEXIST');
    first.unmap();
    expect(map(memory, PAGE, { address }).address).toBe(address);
    expect(map(memory, PAGE, { hint: address }).address).not.toBe(address);
    for (const alignment of [64 * 1024, 16 * MIB, 1n << 30n] as const) {
      const { address: aligned } = map(memory, 3 * PAGE, { alignment });
      expect(aligned % BigInt(alignment)).toBe(0n);
    }
  });

  it('can be shared or of huge pages', (context) => {
    const memory = setUp(context);
    for (const options of [{ shared: true }, { hugePages: 'always' }, { hugePages: 'never' }] as const) {
      const buffer = map(memory, 4 * MIB, options);
      buffer.write(5, new Uint8Array([7]));
      expect(buffer.bytes[5]).toBe(7);
    }
  });

  it('show a part of a file', (context) => {
    const memory = setUp(context);
    const file = join(folder, `${name}.bin`);
    writeFileSync(file, new Uint8Array(4 * PAGE).fill(6, PAGE, 2 * PAGE));
    const buffer = map(memory, 2 * PAGE, { file, offset: PAGE });
    expect([buffer.read(0, 1)[0], buffer.bytes[PAGE]]).toEqual([6, 0]);
    buffer.write(0, new Uint8Array([8]));
    expect([buffer.bytes[0], readFileSync(file)[PAGE]]).toEqual([8, 6]);
    expect(code(() => memory.map(4 * PAGE, { file, offset: PAGE }))).toBe('ERR_SVM_OUT_OF_RANGE');
    expect(code(() => memory.map(PAGE, { file: join(folder, 'none') }))).toBe('ENOENT');
  });

  it('share a file with everybody who maps it', (context) => {
    const memory = setUp(context);
    if (!nativeSupport().available) return context.skip(nativeSupport().reason);
    const file = join(folder, `${name}-shared.bin`);
    writeFileSync(file, new Uint8Array(4 * PAGE));
    const [first, second] = [
      map(memory, 4 * PAGE, { file, shared: true }),
      map(memory, PAGE, { file, shared: true, offset: PAGE }),
    ];
    first.write(PAGE + 1, new Uint8Array([3]));
    const { bytes } = second;
    expect([bytes[1], readFileSync(file)[PAGE + 1]]).toEqual([3, 3]);
    bytes[2] = 4;
    expect([first.bytes[PAGE + 2], readFileSync(file)[PAGE + 2]]).toEqual([4, 4]);
    // Discarded pages are read again from the file.
    second.discard();
    expect([...second.read(0, 3)]).toEqual([0, 3, 4]);
    // Protection detaches the bytes, and they are those of the file again afterwards.
    second.protect('read');
    expect(bytes.length).toBe(0);
    second.protect('read-write');
    second.bytes[3] = 5;
    second.unmap();
    expect([first.read(PAGE + 3, 1)[0], readFileSync(file)[PAGE + 3]]).toEqual([5, 5]);
    expect(code(() => memory.map(8 * PAGE, { file, shared: true }))).toBe('ERR_SVM_OUT_OF_RANGE');
    expect(code(() => memory.map(PAGE, { file: join(folder, 'none'), shared: true }))).toBe('ENOENT');
  });

  it.each([
    [{ address: 100n }, 'ERR_SVM_OUT_OF_RANGE'],
    [{ address: 0n }, 'ERR_SVM_OUT_OF_RANGE'],
    [{ address: 4096 }, 'ERR_SVM_INVALID_TYPE'],
    [{ alignment: 5000 }, 'ERR_SVM_OUT_OF_RANGE'],
    [{ alignment: 2048 }, 'ERR_SVM_OUT_OF_RANGE'],
    [{ address: 4096n, hint: 4096n }, 'ERR_SVM_INVALID_OPTION'],
    [{ hugePages: true }, 'ERR_SVM_INVALID_VALUE'],
    [{ shared: 1 }, 'ERR_SVM_INVALID_TYPE'],
    [{ offset: 0 }, 'ERR_SVM_INVALID_OPTION'],
    [{ file: 'x', offset: 1 }, 'ERR_SVM_OUT_OF_RANGE'],
    [{ file: 'x', hugePages: 'always' }, 'ERR_SVM_INVALID_OPTION'],
    [{ aligned: 4096 }, 'ERR_SVM_INVALID_OPTION'],
    [{ sharedArrayBuffer: true }, 'ERR_SVM_NOT_AVAILABLE'],
    [null, 'ERR_SVM_INVALID_TYPE'],
  ])('refuse the options %o', (options, expected) => {
    if (name === 'kernel' && !nativeSupport().available) return;
    const memory = new HostMemory(create(), () => undefined);
    expect(code(() => memory.map(PAGE, options as never))).toBe(expected);
  });

  it('take the bytes of typed arrays of another realm, and of DataViews', (context) => {
    const buffer = map(setUp(context), PAGE);
    buffer.write(0, vm.runInNewContext('new Uint8Array([1, 2])') as Uint8Array);
    buffer.write(2, vm.runInNewContext('new Uint16Array([0x0403])') as Uint16Array);
    buffer.write(4, new DataView(new Uint8Array([5, 6, 7]).buffer, 1, 2));
    expect([...buffer.read(0, 7)]).toEqual([1, 2, 3, 4, 6, 7, 0]);
    expect(code(() => buffer.write(0, vm.runInNewContext('new ArrayBuffer(1)') as never))).toBe('ERR_SVM_INVALID_TYPE');
  });

  it('keep their bytes whoever tries to move them', async (context) => {
    const buffer = map(setUp(context), 2 * MIB);
    buffer.write(0, new Uint8Array([1, 2, 3]));
    const { bytes } = buffer;
    const movable = bytes.buffer as ArrayBuffer & { transfer(): ArrayBuffer; transferToFixedLength(): ArrayBuffer };
    expect(code(() => movable.transfer())).toBe('ERR_SVM_NOT_TRANSFERABLE');
    expect(code(() => movable.transferToFixedLength())).toBe('ERR_SVM_NOT_TRANSFERABLE');
    const { port1, port2 } = new MessageChannel();
    // Node 20 copies what must not be transferred, later versions throw.
    for (const send of [
      () => structuredClone(bytes, { transfer: [bytes.buffer] }),
      () => port1.postMessage(bytes, [bytes.buffer]),
    ]) {
      try {
        send();
      } catch (error) {
        expect((error as Error).name).toBe('DataCloneError');
      }
    }
    port1.close();
    port2.close();
    if (name === 'emulated') {
      const prototype = ArrayBuffer.prototype as unknown as { transfer?: () => ArrayBuffer };
      if (prototype.transfer !== undefined) expect(() => prototype.transfer!.call(bytes.buffer)).toThrow(TypeError);
      const stream = new ReadableStream({ type: 'bytes', pull: (controller) => controller.enqueue(new Uint8Array(4)) });
      await stream
        .getReader({ mode: 'byob' })
        .read(bytes.subarray(8, 16))
        .catch((error: unknown) => expect(error).toBeInstanceOf(TypeError));
    }
    expect([bytes.length, ...buffer.read(0, 3)]).toEqual([2 * MIB, 1, 2, 3]);
    buffer.protect('read');
    expect([bytes.length, buffer.read(1, 1)[0]]).toEqual([0, 2]);
    buffer.protect('read-write');
    expect(buffer.bytes[2]).toBe(3);
  });

  it('are shown in one line', (context) => {
    const buffer = map(setUp(context), 2 * MIB);
    const at = `0x${buffer.address.toString(16)}`;
    expect(inspect(buffer)).toBe(`HostBuffer { 2 MiB at ${at} }`);
    expect(inspect({ deep: [buffer.slice(0, PAGE)] })).toContain(`HostView { 4 KiB at ${at} }`);
    buffer.unmap();
    expect(inspect(buffer)).toBe(`HostBuffer { 2 MiB at ${at}, unmapped }`);
  });
});
