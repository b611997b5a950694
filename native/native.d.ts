/**
 * The whole boundary of the addon `amdgpu_svm.node` (Linux, 64 bits, Node-API 9).
 *
 * Conventions of every function:
 * - What the kernel refuses comes back as a negative errno (-22 is EINVAL); no
 *   function throws for it.
 * - Arguments of a wrong type throw a `TypeError` with code `ERR_SVM_INVALID_TYPE`,
 *   numbers outside their range a `RangeError` with code `ERR_SVM_OUT_OF_RANGE`.
 *   The message starts with the name of the argument.
 * - `Uint8Array` arguments (a Buffer is one) need at least one byte on an attached
 *   `ArrayBuffer`, not on a `SharedArrayBuffer`.
 * - Offsets, lengths and sizes are bytes, safe integers of type number; intervals
 *   are half open. Addresses are unsigned 64-bit `bigint`s.
 * - Handles are opaque, belong to the thread that made them and can't be cloned.
 *   What they own is freed when they are collected and when the thread ends.
 */

declare const deviceBrand: unique symbol;
declare const memoryBrand: unique symbol;
declare const kfdBrand: unique symbol;
declare const kfdQueueBrand: unique symbol;

/** An open device file. Collecting it closes the file. */
export interface DeviceHandle {
  readonly [deviceBrand]: never;

  /**
   * One ioctl(2) on this thread. A member, as finding out what device an argument
   * stands for would cost nearly as much as the system call. `request` is an
   * unsigned 32-bit request number, `arg` its structure, at least as long as the
   * size in the request number.
   *
   * The kernel works on copies, each of which ends at an inaccessible page: a
   * count in `arg` that promises more bytes than a buffer has gives -EFAULT and
   * no damage. The copies are written back to `arg` and every `data` whatever the
   * result, but the 8 bytes of a pointer field keep what JavaScript had there.
   * Addresses that JavaScript itself writes into `arg` are not checked by anybody.
   *
   * EINTR and EAGAIN are restarted as libdrm does, 1000 times, then the errno is
   * the result. 0, a positive number, or a negative errno; -EBADF after `close` and
   * after the handle was collected, -ENOMEM when there is no memory for the copies.
   * At most 64 pointers.
   */
  readonly ioctl: (request: number, arg: Uint8Array, pointers?: readonly NativePointer[]) => number;
}

/**
 * A mapping. Collecting it, and the ArrayBuffer over it, unmaps what is left of it. So does the end of the thread,
 * but for bytes that `ArrayBuffer.prototype.transfer` has moved: those may be another thread's, and stay for good.
 */
export interface MemoryHandle {
  readonly [memoryBrand]: never;
}

/** KFD, open. Collecting it closes the file, as soon as no queue needs it. */
export interface KfdHandle {
  readonly [kfdBrand]: never;
}

/** An SDMA queue of KFD with its buffers. Collecting it destroys the queue. */
export interface KfdQueueHandle {
  readonly [kfdQueueBrand]: never;
}

/** What the system refused on the way, and with which negative errno. */
export interface KfdRefusal {
  /** 'open', 'mmap of the doorbells', or the name of an ioctl. */
  readonly call: string;
  readonly errno: number;
}

/** KFD and its version; 1.5 and later are of use. */
export interface NativeKfd {
  readonly handle: KfdHandle;
  readonly major: number;
  readonly minor: number;
}

/** What `kfdCreateQueue` made. All of it is mapped by CPU and GPU, at the same addresses. */
export interface NativeKfdQueue {
  readonly handle: KfdQueueHandle;
  readonly ring: ArrayBuffer;
  /** Bounce buffer. */
  readonly buffer: ArrayBuffer;
  readonly bufferAddress: bigint;
  /** Of the u32 that `kfdFenced` reads. */
  readonly fenceAddress: bigint;
}

/** Why the GPU does not go on. Numbers are those of KFD's event records. */
export type NativeKfdEvent =
  | { readonly kind: 'memory'; readonly address: bigint; readonly readOnly: boolean }
  | { readonly kind: 'reset'; readonly type: number; readonly cause: number; readonly memoryLost: boolean }
  /** Asking for events failed: the GPU is gone. */
  | { readonly kind: 'failed'; readonly errno: number };

/** "At byte `offset` of the argument stands the address of `data`": 8 bytes that lie inside the argument and overlap no other field. */
export interface NativePointer {
  readonly offset: number;
  readonly data: Uint8Array;
}

/** What `prepareIoctl` made. */
export interface PreparedIoctl {
  /** The argument, zero at first. */
  readonly arg: Uint8Array;
  /** What the pointer field points to, zero at first; absent without a pointer. */
  readonly data?: Uint8Array;
  /** Issues the ioctl with what is in `arg` and `data`, where the answer is found; results as for `DeviceHandle.ioctl`. */
  readonly ioctl: () => number;
}

/** Identity of a DRM driver. Strings have at most 4096 bytes of UTF-8; the numbers are signed 32-bit. */
export interface DriverVersion {
  /** `amdgpu`, `i915`, ... */
  readonly name: string;
  readonly date: string;
  readonly description: string;
  readonly major: number;
  readonly minor: number;
  readonly patchlevel: number;
}

/** What `mapMemory` made. */
export interface NativeMapping {
  readonly handle: MemoryHandle;
  /** First byte, a multiple of the page size. */
  readonly address: bigint;
}

/** Structures and request numbers as the C++ compiler sees them; `structs` has the shape of `STRUCT_LAYOUTS` in lib/uapi/layout.ts. */
export interface NativeLayout {
  readonly structs: Readonly<
    Record<
      string,
      {
        readonly size: number;
        readonly fields: Readonly<Record<string, { readonly offset: number; readonly size: number }>>;
      }
    >
  >;
  /** Unsigned 32-bit request numbers by their C names. */
  readonly requests: Readonly<Record<string, number>>;
  /** Bytes of a CPU page of this machine. */
  readonly pageSize: number;
}

export interface NativeAddon {
  /**
   * Opens a file for reading and writing, close-on-exec. A handle or a negative
   * errno. `path` must not contain zero characters.
   */
  open(path: string): DeviceHandle | number;

  /**
   * A handle for a file that is open already, or a negative errno (-EBADF). It has a descriptor of its own, of the same
   * open file: ioctls reach the same SVM context, and closing the one leaves the other open.
   */
  adopt(descriptor: number): DeviceHandle | number;

  /** Number of the descriptor, which stays the handle's: don't close it. -EBADF after `close`. */
  descriptor(handle: DeviceHandle): number;

  /**
   * Closes the file. Ioctls accepted by `ioctlAsync` before still run, the file
   * itself is closed after the last of them. 0, also for a second call, or a
   * negative errno.
   */
  close(handle: DeviceHandle): number;

  /**
   * What `DeviceHandle.ioctl` does, on a thread of the libuv pool. Everything is checked and copied before
   * the call returns, the buffers may be used, changed or detached meanwhile; the
   * results are written into those that are still attached, and as long as they
   * were, when the ioctl has ended. Calls on one handle run one after the other in the order of issue; a
   * synchronous `ioctl` does not queue. A running ioctl can't be cancelled. The
   * promise never rejects.
   */
  ioctlAsync(
    handle: DeviceHandle,
    request: number,
    arg: Uint8Array,
    pointers?: readonly NativePointer[],
  ): Promise<number>;

  /**
   * An ioctl that is issued often: checked once, with memory of its own that the
   * kernel reads and writes without copies in between. `length` is that of the
   * argument, at least the size in the request number; `offset` and `dataLength`
   * say that at byte `offset` of it stands the address of `dataLength` bytes. Both
   * lengths are at most 2^20. As with `ioctl`, each memory ends at an inaccessible
   * page, and the pointer field shows no address to JavaScript. Detaching `arg` or
   * `data` harms nothing, but their contents are then out of reach; bytes that were moved
   * to another thread stay when this one ends.
   *
   * Negative errnos: -EBADF after `close`, -ENOMEM, -ENOTSUP when the runtime has no
   * external ArrayBuffers (Electron).
   */
  prepareIoctl(
    handle: DeviceHandle,
    request: number,
    length: number,
    offset?: number,
    dataLength?: number,
  ): PreparedIoctl | number;

  /** Asks `DRM_IOCTL_VERSION` (spec/01-uapi §1 conventions), or a negative errno: -ENOTTY for files that are no DRM node. */
  driverVersion(handle: DeviceHandle): DriverVersion | number;

  /**
   * Maps `size` bytes (a positive multiple of the page size), readable and writable: zero filled memory, or the file of
   * `descriptor` from byte `offset` on (a multiple of the page size). Private, unless `flags` say otherwise:
   * 1: at `address` and nowhere else; 2: shared (MAP_SHARED); 4, 8: with or without transparent huge pages. Without
   * flag 1 `address` is where the mapping begins if that is free. `alignment`, a power of two of whole pages, goes
   * before `address`. A mapping or a negative errno: -EEXIST when something is mapped at `address`, -ENXIO when the file
   * ends before the mapping, -ENODEV for what is no regular file, -EACCES when its descriptor does not permit it,
   * -EINVAL for huge pages that the system was built without, -ENOMEM.
   */
  mapMemory(
    size: number,
    alignment?: number,
    address?: bigint,
    flags?: number,
    descriptor?: number,
    offset?: number,
  ): NativeMapping | number;

  /**
   * The one `ArrayBuffer` over all bytes of the mapping: the same object until it
   * is detached, then a new one. It can't be posted to another thread.
   * - -EACCES: a page is unmapped, or not both readable and writable. JavaScript
   *   touching it would end the process.
   * - -EBUSY: the bytes were moved out of the ArrayBuffer by
   *   `ArrayBuffer.prototype.transfer` and still exist elsewhere. Where they are
   *   to be detached, also: `markAsUntransferable` of node:worker_threads forbids it.
   * - -EFBIG: the mapping has more than 2^32 bytes.
   * - -ENOTSUP: the runtime has no external ArrayBuffers (Electron).
   */
  viewMemory(handle: MemoryHandle): ArrayBuffer | number;

  /**
   * Unmaps whole pages; `offset` and `length` are multiples of the page size.
   * The ArrayBuffer is detached first, whichever page goes. Pages that are
   * unmapped already are not an error. 0 or a negative errno: -EINVAL for length 0,
   * -EBUSY as for `viewMemory`.
   *
   * Whoever got the address before harms nobody: an asynchronous function of Node
   * (`fs.read`, `crypto.randomFill`) goes on, in fresh pages that take the place of
   * those that went. Their addresses are given back when the ArrayBuffer that was
   * detached is collected; an unmapping it is nevertheless, also for a GPU.
   */
  unmapMemory(handle: MemoryHandle, offset: number, length: number): number;

  /**
   * Sets the protection of whole pages: 1 read + 2 write + 4 execute, 0 for none.
   * Unless the result is readable and writable, the ArrayBuffer is detached first;
   * `viewMemory` gives another one when every page is readable and writable again.
   * A system call that goes on with an address from before meets the new protection: EFAULT (`fs.read`). To code of the
   * process that does (`crypto.randomFill`) the protection yields, as to I/O on pinned pages: at its first access the
   * whole mapping is readable and writable again, until the next call on it or the end of the detached ArrayBuffer.
   * That takes a handler of SIGSEGV, which is installed when pages are protected for the first time while such an
   * ArrayBuffer exists, and which passes all other faults on to the handler before it.
   * 0 or a negative errno: -ENOMEM when a page is unmapped, -EBUSY as for
   * `viewMemory`, -EACCES when the system forbids it.
   */
  protectMemory(handle: MemoryHandle, offset: number, length: number, protection: number): number;

  /**
   * Gives whole pages back (MADV_DONTNEED); they read as zero afterwards, under
   * the protection they had. 0 or a negative errno: -ENOMEM when a page is unmapped.
   */
  discardMemory(handle: MemoryHandle, offset: number, length: number): number;

  /**
   * mlock (`locked` 1) or munlock (0) of whole pages. 0 or a negative errno: -ENOMEM when a page is unmapped, and that,
   * -EPERM or -EAGAIN when the process may not lock so much.
   */
  lockMemory(handle: MemoryHandle, offset: number, length: number, locked: number): number;

  /**
   * mremap to a fixed place: whole pages come to lie at byte `targetOffset` (a multiple of the page size) of `target`,
   * which may be the same mapping, with the protections that they had; what is mapped there goes. The old addresses are
   * unmapped as by `unmapMemory`, or (`keepOld` 1) stay mapped and read as zero. The ArrayBuffers over both mappings are
   * detached. 0 or a negative errno: -EFAULT when a page of either place is unmapped, or (before Linux 6.17) where the pages are several
   * mappings of the kernel, of different protections; -EINVAL for length 0 and for places that overlap; -EBUSY as for
   * `viewMemory`.
   */
  moveMemory(
    handle: MemoryHandle,
    offset: number,
    length: number,
    target: MemoryHandle,
    targetOffset: number,
    keepOld: number,
  ): number;

  /**
   * Copies `target.length` bytes from byte `offset` of the mapping, through the
   * kernel (process_vm_readv on this process): protected and unmapped pages don't
   * crash. The number of bytes copied, smaller than asked for when a page in the
   * middle refuses, or a negative errno when none was: -EFAULT; -EPERM or -ENOSYS
   * where a sandbox forbids the system call.
   */
  readMemory(handle: MemoryHandle, offset: number, target: Uint8Array): number;

  /** Copies `source` to byte `offset` of the mapping; results as for `readMemory`. */
  writeMemory(handle: MemoryHandle, offset: number, source: Uint8Array): number;

  /** Opens KFD (`path` as for `open`) and asks for its version. */
  kfdOpen(path: string): NativeKfd | KfdRefusal;

  /**
   * AMDKFD_IOC_ACQUIRE_VM: makes the GPU address space of the device's file one whose faults reach SVM. `gpu` is KFD's
   * id, 1 to 2^32 - 1. Not undoable: KFD keeps the file until the process ends. 0 or a negative errno: -EBADF after a
   * close, -EBUSY when the process has bound another file to that GPU.
   */
  kfdAcquire(kfd: KfdHandle, handle: DeviceHandle, gpu: number): number;

  /** AMDKFD_IOC_SET_XNACK_MODE with 0 or 1, for shaders. 0 or a negative errno. */
  kfdSetXnack(kfd: KfdHandle, enabled: number): number;

  /** Closes KFD, when the last queue has gone. */
  kfdClose(kfd: KfdHandle): void;

  /**
   * Makes an SDMA queue, with a ring of `ringBytes` (a power of two from 4096 to 2^20, and whole pages) and a bounce
   * buffer of `bufferBytes` (whole pages, at most 2^26).
   */
  kfdCreateQueue(kfd: KfdHandle, ringBytes: number, bufferBytes: number): NativeKfdQueue | KfdRefusal;

  /** Bytes that the engine has fetched since the queue was made: an acquire load. -EBADF after `kfdCloseQueue`. */
  kfdFetched(queue: KfdQueueHandle): number;

  /** The u32 that a fence wrote last: an acquire load. -EBADF after `kfdCloseQueue`. */
  kfdFenced(queue: KfdQueueHandle): number;

  /**
   * Gives the ring up to `written` (a count of bytes since the queue was made, a multiple of 4) to the engine: write
   * pointer, then doorbell, each with release order and as one store. 0, or -EBADF after `kfdCloseQueue`.
   */
  kfdSubmit(queue: KfdQueueHandle, written: number): number;

  /**
   * Waits on a thread of the libuv pool, at most 100 milliseconds, since a thread that is being terminated waits for it:
   * true as soon as `kfdFenced` is `value`, false when the time has passed, an event came, or the queue was closed.
   */
  kfdWait(queue: KfdQueueHandle, value: number, milliseconds: number): Promise<boolean>;

  /** The event that ended a wait; a second call has none. */
  kfdEvent(queue: KfdQueueHandle): NativeKfdEvent | undefined;

  /**
   * Destroys the queue, detaches its ArrayBuffers and gives its memory back: at once, or when a wait under way has
   * ended. May take as long as the GPU needs to stop. Nobody else may use the bytes at that moment, such as fs.read. A
   * second call does nothing.
   */
  kfdCloseQueue(queue: KfdQueueHandle): void;

  layout(): NativeLayout;
}
