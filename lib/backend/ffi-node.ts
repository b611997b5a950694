/** The render node of the real kernel, through ffi-rs. */
import { closeSync, constants as fileConstants, openSync } from 'node:fs';
import { constants } from 'node:os';
import type { DeviceNode, PointerField } from '../uapi/node.ts';
import { splitRequest } from '../uapi/request.ts';
import { bytesSnapshot, giveBack } from './bytes-snapshot.ts';
import type { BytesSnapshot } from './bytes-snapshot.ts';
import { driverVersionOf } from './driver-version.ts';
import { FfiType, libC } from './ffi-library.ts';
import type { FfiArgument, LibC } from './ffi-library.ts';
import type { DriverVersion } from './native-addon.ts';

const PAGE_BYTES = 4096;
const POINTER_BYTES = 8;
const MOST_POINTERS = 64;
/** As the addon: libdrm would restart forever. */
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

/** The arguments as they were at one moment; checked, and nobody else's. */
interface IoctlArguments {
  readonly request: number;
  readonly arg: BytesSnapshot;
  readonly pointers: readonly { readonly offset: number; readonly data: BytesSnapshot }[];
}

/** One call on copies in guarded blocks. */
interface PreparedCall extends IoctlArguments {
  /** Of the argument, then of the data of each pointer. */
  readonly blocks: readonly GuardedBlock[];
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

  /** Number of the descriptor. It is the node's: use it, but don't close it. Throws `ERR_SVM_CLOSED` after `close`. */
  get fd(): number {
    this.#assertOpen();
    return this.#descriptor;
  }

  /** Whether `close` was called. */
  get closed(): boolean {
    return this.#closed;
  }

  /** One ioctl(2), as `KernelNode.ioctl`. */
  ioctl(request: number, arg: Uint8Array, pointers?: readonly PointerField[]): number {
    const call = this.#prepare(request, arg, pointers);
    if (typeof call === 'number') return call;
    let result = this.#issue(call);
    for (let restarts = 0; isInterrupted(result) && restarts < MOST_RESTARTS; restarts++) result = this.#issue(call);
    this.#finish(call);
    return result;
  }

  /** The same on another thread, in the order of issue; the buffers are written when it has ended. */
  async ioctlAsync(request: number, arg: Uint8Array, pointers?: readonly PointerField[]): Promise<number> {
    const call = this.#prepare(request, arg, pointers);
    if (typeof call === 'number') return call;
    this.#underWay++;
    const ended = this.#tail.then(async () => {
      let result = await this.#issueAsync(call);
      for (let restarts = 0; isInterrupted(result) && restarts < MOST_RESTARTS; restarts++)
        result = await this.#issueAsync(call);
      return result;
    });
    this.#tail = ended.catch(() => undefined);
    try {
      return await ended;
    } finally {
      this.#finish(call);
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

  /** As `close`. */
  [Symbol.dispose](): void {
    this.close();
  }

  #closeIfIdle(): void {
    if (!this.#closed || this.#underWay > 0) return;
    closeSync(this.#descriptor);
    for (const block of this.#freeBlocks) block.free(this.#libc);
    this.#freeBlocks.length = 0;
  }

  #issue(call: PreparedCall): number {
    return this.#libc.call('ioctl', ...this.#parameters(call));
  }

  #issueAsync(call: PreparedCall): Promise<number> {
    return this.#libc.callAsync('ioctl', ...this.#parameters(call));
  }

  #parameters({ request, arg, blocks }: PreparedCall): FfiArgument[] {
    return [
      [FfiType.int, this.#descriptor],
      [FfiType.size, request],
      [FfiType.address, blocks[0]!.tail(arg.bytes.length)],
    ];
  }

  /** Copies the arguments to blocks that stay alive during the call, and patches their addresses into the argument. */
  #prepare(request: number, arg: Uint8Array, list: readonly PointerField[] | undefined): PreparedCall | number {
    this.#assertOpen();
    const call = readArguments(request, arg, list);
    // Getters of the arguments may have closed the node, and its descriptor may be another file's.
    if (this.#closed) return -constants.errno.EBADF;
    const blocks: GuardedBlock[] = [];
    for (const { bytes } of snapshotsOf(call)) {
      const block = this.#takeBlock(bytes.length);
      if (typeof block === 'number') {
        this.#giveBack(blocks);
        return block;
      }
      blocks.push(block);
    }
    const patched = call.arg.bytes.slice();
    const view = new DataView(patched.buffer);
    for (const [index, { offset, data }] of call.pointers.entries()) {
      const address = blocks[index + 1]!.tail(data.bytes.length);
      view.setBigUint64(offset, address, true);
      this.#libc.copyTo(address, data.bytes);
    }
    this.#libc.copyTo(blocks[0]!.tail(patched.length), patched);
    return { ...call, blocks };
  }

  /** Copies back what the kernel left; the pointer fields keep their bytes. */
  #finish(call: PreparedCall): void {
    const { arg, pointers, blocks } = call;
    const fields = pointers.map(({ offset }) => arg.bytes.slice(offset, offset + POINTER_BYTES));
    const snapshots = snapshotsOf(call);
    for (const [index, { bytes }] of snapshots.entries()) this.#libc.copyFrom(blocks[index]!.tail(bytes.length), bytes);
    for (const [index, { offset }] of pointers.entries()) arg.bytes.set(fields[index]!, offset);
    for (const snapshot of snapshots) giveBack(snapshot);
    this.#giveBack(blocks);
  }

  #giveBack(blocks: readonly GuardedBlock[]): void {
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

function snapshotsOf({ arg, pointers }: IoctlArguments): BytesSnapshot[] {
  return [arg, ...pointers.map(({ data }) => data)];
}

/** The checks of the addon, on what is used afterwards: nothing that is no ioctl gets near the C library. */
function readArguments(request: number, arg: unknown, list: unknown): IoctlArguments {
  if (typeof request !== 'number') throw invalid(TypeError, 'request: must be a number');
  if (!Number.isInteger(request) || request < 0 || request > 0xffff_ffff)
    throw invalid(RangeError, 'request: must be an unsigned 32-bit number');
  // Getters run code of the caller: all of it before the first byte is looked at.
  const properties = list === undefined ? [] : readPointerProperties(list);
  const argument = bytesSnapshot('arg', arg);
  const { length } = argument.bytes;
  const { size } = splitRequest(request);
  if (length < size)
    throw invalid(RangeError, `arg: must have at least the ${size} bytes of the request, has ${length}`);
  const taken: number[] = [];
  const pointers = properties.map(({ offset, data }) => {
    if (offset + POINTER_BYTES > length) throw invalid(RangeError, 'offset: the pointer must lie inside the argument');
    if (taken.some((other) => Math.abs(other - offset) < POINTER_BYTES))
      throw invalid(RangeError, 'offset: the pointers must not overlap');
    taken.push(offset);
    return { offset, data: bytesSnapshot('data', data) };
  });
  return { request, arg: argument, pointers };
}

/** The elements of the list, each property read once. */
function readPointerProperties(list: unknown): { readonly offset: number; readonly data: unknown }[] {
  if (!Array.isArray(list)) throw invalid(TypeError, 'pointers: must be an array');
  const count: unknown = list.length;
  if (typeof count !== 'number' || count > MOST_POINTERS)
    throw invalid(RangeError, `pointers: must be at most ${MOST_POINTERS}`);
  const properties = [];
  for (let index = 0; index < count; index++) {
    const element: unknown = list[index];
    if (typeof element !== 'object' || element === null)
      throw invalid(TypeError, `pointers[${index}]: must be an object {offset, data}`);
    const { offset, data } = element as { readonly offset?: unknown; readonly data?: unknown };
    if (typeof offset !== 'number') throw invalid(TypeError, 'offset: must be a number');
    if (!Number.isSafeInteger(offset) || offset < 0)
      throw invalid(RangeError, 'offset: the pointer must lie inside the argument');
    properties.push({ offset, data });
  }
  return properties;
}

function invalid(type: ErrorConstructor, message: string): Error {
  return Object.assign(new type(message), {
    code: type === TypeError ? 'ERR_SVM_INVALID_TYPE' : 'ERR_SVM_OUT_OF_RANGE',
  });
}
