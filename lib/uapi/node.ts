/**
 * The one boundary of the package: everything above speaks to a
 * `DeviceNode`, be it the kernel's render node or the emulated one.
 */

/**
 * "At byte `offset` of the argument stands the address of `data`." The kernel
 * node patches the real address in just before the syscall; the emulated node
 * reads and writes `data` directly (its copy-from-user and copy-to-user).
 */
export interface PointerField {
  readonly offset: number;
  readonly data: Uint8Array;
}

/** One ioctl, made ready to be issued many times without checks and copies in between. */
export interface PreparedIoctl {
  /** The argument structure, zero at first; holds the answer after a call. */
  readonly arg: Uint8Array;
  /** What its pointer field points to, zero at first. */
  readonly data: Uint8Array;
  /** Issues the ioctl with what is in `arg` and `data`: 0, a positive number or a negative errno; -EBADF after `close` of the node. */
  readonly ioctl: () => number;
}

/** An open DRM render node. */
export interface DeviceNode {
  /** Which implementation answers: 'kernel', 'ffi' or 'emulated'. */
  readonly kind: 'kernel' | 'ffi' | 'emulated';
  /** Path of the node, or the name of the emulated device. */
  readonly path: string;
  readonly closed: boolean;
  /**
   * Issues one ioctl. `request` is an unsigned 32-bit request number, `arg` its
   * argument structure (changed in place), `pointers` describes the pointer
   * fields in it. Returns 0 (or a positive result) or a negative errno; throws
   * only for arguments that are no ioctl at all, or after `close`.
   */
  ioctl(request: number, arg: Uint8Array, pointers?: readonly PointerField[]): number;
  /** The same off the main thread where the implementation has one. */
  ioctlAsync(request: number, arg: Uint8Array, pointers?: readonly PointerField[]): Promise<number>;
  /**
   * Where the node has memory that the kernel works on directly: an ioctl whose
   * argument has `length` bytes, with the address of `dataLength` bytes at byte
   * `offset` of it. Undefined when there is no such memory; `ioctl` works then.
   */
  prepare?(request: number, length: number, offset: number, dataLength: number): PreparedIoctl | undefined;
  /** Closes the file; a second call does nothing. */
  close(): void;
}
