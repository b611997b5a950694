/** The render node of the real kernel, through the addon. */
import { fstatSync, readlinkSync } from 'node:fs';
import type { DeviceHandle, KfdHandle } from '../../native/native.d.ts';
import type { DeviceNode, PointerField, PreparedIoctl } from '../uapi/index.ts';
import { type DriverVersion, type NativeAddon, nativeAddon, systemError } from './native-addon.ts';

/** An open device file of the kernel. Close it; the collector does it late, if ever. */
export class KernelNode implements DeviceNode {
  readonly kind = 'kernel';
  readonly path: string;
  readonly #addon: NativeAddon;
  readonly #handle: DeviceHandle;
  #closed = false;

  private constructor(path: string, addon: NativeAddon, handle: DeviceHandle) {
    this.path = path;
    this.#addon = addon;
    this.#handle = handle;
  }

  /**
   * Opens the file for reading and writing. Throws a system error (`code`,
   * `errno`, `syscall` 'open', `path`) when the kernel refuses, `ERR_SVM_NO_ADDON`
   * without the addon, and a `TypeError` (`ERR_SVM_INVALID_TYPE`) for a path that
   * is no string or has a zero character.
   */
  static open(path: string, addon: NativeAddon = nativeAddon()): KernelNode {
    const handle = addon.open(path);
    if (typeof handle === 'number') throw systemError(handle, 'open', { path });
    return new KernelNode(path, addon, handle);
  }

  /**
   * A node for a render node's file that is open already, perhaps another library's: ioctls reach the same SVM context.
   * It has a descriptor of its own; either may be closed without the other. Throws the system error (EBADF) when there
   * is no such file, and what `open` throws for what is no descriptor.
   */
  static adopt(descriptor: number, addon: NativeAddon = nativeAddon()): KernelNode {
    const handle = addon.adopt(descriptor);
    if (typeof handle === 'number') throw systemError(handle, 'dup', { note: `descriptor ${descriptor}` });
    return new KernelNode(pathOfDescriptor(descriptor), addon, handle);
  }

  /** Number of the descriptor. It is the node's: use it, but don't close it. Throws `ERR_SVM_CLOSED` after `close`. */
  get fd(): number {
    this.#assertOpen();
    return this.#addon.descriptor(this.#handle);
  }

  /** Whether `close` was called. */
  get closed(): boolean {
    return this.#closed;
  }

  /**
   * One ioctl(2); EINTR and EAGAIN are restarted, 1000 times at most. 0, a
   * positive number or a negative errno. `arg` and the data of the pointers are
   * changed in place, the pointer fields themselves keep their bytes. Throws
   * `ERR_SVM_CLOSED` after `close`, and a `TypeError` (`ERR_SVM_INVALID_TYPE`) or
   * `RangeError` (`ERR_SVM_OUT_OF_RANGE`) for arguments that are no ioctl: `arg`
   * shorter than the request number says, a pointer field that isn't inside it.
   */
  ioctl(request: number, arg: Uint8Array, pointers?: readonly PointerField[]): number {
    this.#assertOpen();
    // An argument that isn't there needs no look at what it is.
    return pointers === undefined ? this.#handle.ioctl(request, arg) : this.#handle.ioctl(request, arg, pointers);
  }

  /**
   * The same on a thread of the libuv pool, in the order of issue. The buffers
   * are copied at once and written when the ioctl has ended; one that was
   * detached meanwhile is left out. What `ioctl` throws, this rejects with.
   */
  async ioctlAsync(request: number, arg: Uint8Array, pointers?: readonly PointerField[]): Promise<number> {
    this.#assertOpen();
    return this.#addon.ioctlAsync(this.#handle, request, arg, pointers);
  }

  /**
   * An ioctl that is issued often, with memory of its own that the kernel works on.
   * Undefined when the runtime or the system refuses that memory: use `ioctl` then.
   * Throws as `ioctl` does.
   */
  prepare(request: number, length: number, offset: number, dataLength: number): PreparedIoctl | undefined {
    this.#assertOpen();
    const made = this.#addon.prepareIoctl(this.#handle, request, length, offset, dataLength);
    if (typeof made === 'number' || made.data === undefined) return undefined;
    return { arg: made.arg, data: made.data, ioctl: made.ioctl };
  }

  /** Identity of the DRM driver behind the file, or a negative errno (-ENOTTY: no DRM node). Throws `ERR_SVM_CLOSED` after `close`. */
  driverVersion(): DriverVersion | number {
    this.#assertOpen();
    return this.#addon.driverVersion(this.#handle);
  }

  /** Minor number of the device; undefined for a file that is none, such as a served node. Throws `ERR_SVM_CLOSED` after `close`. */
  get renderMinor(): number | undefined {
    return renderMinorOf(this.fd);
  }

  /** Makes the GPU address space of this file a compute VM of KFD's GPU; 0 or a negative errno. */
  acquire(kfd: KfdHandle, gpuId: number): number {
    this.#assertOpen();
    return this.#addon.kfdAcquire(kfd, this.#handle, gpuId);
  }

  /** Closes the file, after the asynchronous ioctls under way; a second call does nothing. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    // An error of close(2) says nothing a caller could act on: the descriptor is gone.
    this.#addon.close(this.#handle);
  }

  /** As `close`. */
  [Symbol.dispose](): void {
    this.close();
  }

  #assertOpen(): void {
    if (!this.#closed) return;
    throw Object.assign(new Error(`the node ${this.path} is closed`), { code: 'ERR_SVM_CLOSED', path: this.path });
  }
}

function pathOfDescriptor(descriptor: number): string {
  try {
    return readlinkSync(`/proc/self/fd/${descriptor}`);
  } catch {
    return `descriptor ${descriptor}`;
  }
}

/** Minor number of an open device; undefined for a file that is none, such as a served node. */
export function renderMinorOf(descriptor: number): number | undefined {
  const status = fstatSync(descriptor);
  if (!status.isCharacterDevice()) return undefined;
  return (status.rdev & 0xff) | ((status.rdev >>> 12) & 0xff_ff00);
}
