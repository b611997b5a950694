/** The render node of the real kernel, through ffi-rs. */
import { closeSync, constants as fileConstants, openSync } from 'node:fs';
import { constants } from 'node:os';
import type { DeviceNode, PointerField } from '../uapi/node.ts';
import { splitRequest } from '../uapi/request.ts';
import { driverVersionOf } from './driver-version.ts';
import { FfiType, libC } from './ffi-library.ts';
import type { LibC } from './ffi-library.ts';
import type { DriverVersion } from './native-addon.ts';

const PAGE_BYTES = 4096;
const POINTER_BYTES = 8;
const MOST_POINTERS = 64;
/** As the addon: libdrm would restart for ever. */
const MOST_RESTARTS = 1000;
const PROT_NONE = 0;
const PROT_READ_WRITE = 3;
const MAP_PRIVATE_ANONYMOUS = 0x22;

/** Memory of the C side that ends at an inaccessible page, so that a count that is too large gives EFAULT and no damage. */
class GuardedBlock {
  readonly capacity: number;
  readonly #base: bigint;

  private constructor(base: bigint, capacity: number) {
    this.#base = base;
    this.capacity = capacity;
  }

  /** A block or a negative errno. */
  static create(libc: LibC, length: number): GuardedBlock | number {
    const capacity = Math.max(1, Math.ceil(length / PAGE_BYTES)) * PAGE_BYTES;
    const base = libc.callForAddress(
      'mmap',
      [FfiType.size, 0],
      [FfiType.size, capacity + PAGE_BYTES],
      [FfiType.int, PROT_READ_WRITE],
      [FfiType.int, MAP_PRIVATE_ANONYMOUS],
      [FfiType.int, -1],
      [FfiType.long, 0],
    );
    if (typeof base === 'number') return base;
    const block = new GuardedBlock(base, capacity);
    const guarded = libc.call(
      'mprotect',
      [FfiType.address, base + BigInt(capacity)],
      [FfiType.size, PAGE_BYTES],
      [FfiType.int, PROT_NONE],
    );
    if (guarded === 0) return block;
    block.free(libc);
    return guarded;
  }

  /** Address of the last `length` bytes. */
  tail(length: number): bigint {
    return this.#base + BigInt(this.capacity - length);
  }

  free(libc: LibC): void {
    libc.call('munmap', [FfiType.address, this.#base], [FfiType.size, this.capacity + PAGE_BYTES]);
  }
}

/** One call on copies in guarded blocks. */
interface PreparedCall {
  readonly blocks: readonly GuardedBlock[];
  readonly buffers: readonly Uint8Array[];
  readonly argument: bigint;
}

/** An open device file of the kernel. The same contract as `KernelNode`. */
export class FfiNode implements DeviceNode {
  readonly kind = 'ffi';
  readonly path: string;
  readonly #libc: LibC;
  readonly #descriptor: number;
  readonly #freeBlocks: GuardedBlock[] = [];
  #tail: Promise<unknown> = Promise.resolve();
  #underWay = 0;
  #closed = false;

  private constructor(path: string, libc: LibC, descriptor: number) {
    this.path = path;
    this.#libc = libc;
    this.#descriptor = descriptor;
  }

  /** Opens the file for reading and writing. Throws the system error of open(2), and `ERR_SVM_NO_FFI` without ffi-rs. */
  static open(path: string, libc: LibC = libC()): FfiNode {
    // Node opens with O_CLOEXEC.
    return new FfiNode(path, libc, openSync(path, fileConstants.O_RDWR));
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** One ioctl(2), as `KernelNode.ioctl`. */
  ioctl(request: number, arg: Uint8Array, pointers: readonly PointerField[] = []): number {
    this.#assertOpen();
    checkArguments(request, arg, pointers);
    const call = this.#prepare(arg, pointers);
    if (typeof call === 'number') return call;
    let result = this.#issue(request, call);
    for (let restarts = 0; isInterrupted(result) && restarts < MOST_RESTARTS; restarts++)
      result = this.#issue(request, call);
    this.#finish(call, pointers);
    return result;
  }

  /** The same on another thread, in the order of issue; the buffers are written when it has ended. */
  async ioctlAsync(request: number, arg: Uint8Array, pointers: readonly PointerField[] = []): Promise<number> {
    this.#assertOpen();
    checkArguments(request, arg, pointers);
    const call = this.#prepare(arg, pointers);
    if (typeof call === 'number') return call;
    this.#underWay++;
    const ended = this.#tail.then(async () => {
      let result = await this.#issueAsync(request, call);
      for (let restarts = 0; isInterrupted(result) && restarts < MOST_RESTARTS; restarts++)
        result = await this.#issueAsync(request, call);
      return result;
    });
    this.#tail = ended.catch(() => undefined);
    try {
      return await ended;
    } finally {
      this.#finish(call, pointers);
      this.#underWay--;
      this.#closeIfIdle();
    }
  }

  /** Identity of the DRM driver behind the file, or a negative errno. */
  driverVersion(): DriverVersion | number {
    return driverVersionOf(this);
  }

  /** Closes the file, after the asynchronous ioctls under way; a second call does nothing. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#closeIfIdle();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #closeIfIdle(): void {
    if (!this.#closed || this.#underWay > 0) return;
    closeSync(this.#descriptor);
    for (const block of this.#freeBlocks) block.free(this.#libc);
    this.#freeBlocks.length = 0;
  }

  #issue(request: number, call: PreparedCall): number {
    return this.#libc.call(
      'ioctl',
      [FfiType.int, this.#descriptor],
      [FfiType.size, request],
      [FfiType.address, call.argument],
    );
  }

  #issueAsync(request: number, call: PreparedCall): Promise<number> {
    return this.#libc.callAsync(
      'ioctl',
      [FfiType.int, this.#descriptor],
      [FfiType.size, request],
      [FfiType.address, call.argument],
    );
  }

  /** Copies the buffers to blocks that stay alive during the call, and patches their addresses into the argument. */
  #prepare(arg: Uint8Array, pointers: readonly PointerField[]): PreparedCall | number {
    const buffers = [arg, ...pointers.map(({ data }) => data)];
    const blocks: GuardedBlock[] = [];
    for (const { length } of buffers) {
      const block = this.#takeBlock(length);
      if (typeof block === 'number') {
        this.#freeBlocks.push(...blocks);
        return block;
      }
      blocks.push(block);
    }
    const patched = arg.slice();
    const view = new DataView(patched.buffer);
    for (const [index, { offset, data }] of pointers.entries()) {
      view.setBigUint64(offset, blocks[index + 1]!.tail(data.length), true);
      this.#libc.copyTo(blocks[index + 1]!.tail(data.length), data);
    }
    const argument = blocks[0]!.tail(arg.length);
    this.#libc.copyTo(argument, patched);
    return { blocks, buffers, argument };
  }

  /** Copies back what the kernel left; the pointer fields keep their bytes, a detached buffer is left out. */
  #finish({ blocks, buffers }: PreparedCall, pointers: readonly PointerField[]): void {
    const arg = buffers[0]!;
    for (const [index, buffer] of buffers.entries()) {
      if (buffer.length === 0) continue;
      const kept = index === 0 ? pointers.map(({ offset }) => arg.slice(offset, offset + POINTER_BYTES)) : [];
      this.#libc.copyFrom(blocks[index]!.tail(buffer.length), buffer);
      for (const [at, bytes] of kept.entries()) arg.set(bytes, pointers[at]!.offset);
    }
    for (const block of blocks) {
      if (block.capacity === PAGE_BYTES) this.#freeBlocks.push(block);
      else block.free(this.#libc);
    }
  }

  #takeBlock(length: number): GuardedBlock | number {
    const free = length <= PAGE_BYTES ? this.#freeBlocks.pop() : undefined;
    return free ?? GuardedBlock.create(this.#libc, length);
  }

  #assertOpen(): void {
    if (!this.#closed) return;
    throw Object.assign(new Error(`the node ${this.path} is closed`), { code: 'ERR_SVM_CLOSED', path: this.path });
  }
}

function isInterrupted(result: number): boolean {
  return result === -constants.errno.EINTR || result === -constants.errno.EAGAIN;
}

/** The checks of the addon: nothing that is no ioctl gets near the C library. */
function checkArguments(request: number, arg: Uint8Array, pointers: readonly PointerField[]): void {
  if (typeof request !== 'number') throw invalid(TypeError, 'request: must be a number');
  if (!Number.isInteger(request) || request < 0 || request > 0xffff_ffff)
    throw invalid(RangeError, 'request: must be an unsigned 32-bit number');
  checkBytes('arg', arg);
  const { size } = splitRequest(request);
  if (arg.length < size)
    throw invalid(RangeError, `arg: must have at least the ${size} bytes of the request, has ${arg.length}`);
  if (!Array.isArray(pointers)) throw invalid(TypeError, 'pointers: must be an array');
  if (pointers.length > MOST_POINTERS) throw invalid(RangeError, `pointers: must be at most ${MOST_POINTERS}`);
  const taken: number[] = [];
  for (const { offset, data } of pointers as readonly PointerField[]) {
    checkBytes('data', data);
    if (!Number.isInteger(offset) || offset < 0 || offset + POINTER_BYTES > arg.length) {
      throw invalid(RangeError, 'offset: the pointer must lie inside the argument');
    }
    if (taken.some((other) => Math.abs(other - offset) < POINTER_BYTES))
      throw invalid(RangeError, 'offset: the pointers must not overlap');
    taken.push(offset);
  }
}

function checkBytes(name: string, bytes: Uint8Array): void {
  if (!(bytes instanceof Uint8Array)) throw invalid(TypeError, `${name}: must be a Uint8Array`);
  if (bytes.buffer instanceof SharedArrayBuffer || bytes.length === 0)
    throw invalid(TypeError, `${name}: must have bytes that are attached and not shared`);
}

function invalid(type: ErrorConstructor, message: string): Error {
  return Object.assign(new type(message), {
    code: type === TypeError ? 'ERR_SVM_INVALID_TYPE' : 'ERR_SVM_OUT_OF_RANGE',
  });
}
