/**
 * The one boundary of the package (design §1): everything above speaks to a
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
  /** Closes the file; a second call does nothing. */
  close(): void;
}
