/**
 * The kernel side of host memory: anonymous mappings of this process, the pages
 * that a GPU with SVM sees at the same addresses. No policy: sizes and offsets
 * are what the system takes.
 */
import { closeSync, openSync } from 'node:fs';
import { constants } from 'node:os';
import type { MemoryHandle, NativeMapping } from '../../native/native.d.ts';
import { bytesOf } from '../uapi/bytes.ts';
import { PROTECTION_BITS } from '../uapi/protection.ts';
import { keepBytesHere } from './bytes-stay.ts';
import { fileTooShort, otherMemory } from './host-region.ts';
import type { MapRequest } from './host-region.ts';
import { type NativeAddon, nativeAddon, systemError } from './native-addon.ts';

/** What the CPU may do with pages: '-' or 'none', 'r' or 'read', 'rw' or 'read-write', 'rwx', ... */
export type MemoryProtection = keyof typeof PROTECTION_BITS;

const MOVED = 'its bytes were moved to another ArrayBuffer by transfer() and are still in use there';

/** What the mappings are made of: functions of the addon, or others with the same manners. */
export type MemoryFunctions = Pick<
  NativeAddon,
  | 'mapMemory'
  | 'viewMemory'
  | 'unmapMemory'
  | 'protectMemory'
  | 'discardMemory'
  | 'lockMemory'
  | 'moveMemory'
  | 'readMemory'
  | 'writeMemory'
> & { layout(): { readonly pageSize: number } };

/** Makes mappings. */
export class KernelMemory {
  readonly #addon: MemoryFunctions;
  /** Bytes of a CPU page of this machine. */
  readonly pageSize: number;

  /** Throws `ERR_SVM_NO_ADDON` without the addon. */
  constructor(addon: MemoryFunctions = nativeAddon()) {
    this.#addon = addon;
    this.pageSize = addon.layout().pageSize;
  }

  /**
   * Maps readable and writable memory; a number is bytes of private memory anywhere. Throws a `RangeError`
   * (`ERR_SVM_OUT_OF_RANGE`) for sizes that are no positive multiple of `pageSize` and for a file that ends before the
   * mapping, and a system error when the system refuses (syscall 'mmap': ENOMEM, EEXIST; 'open').
   */
  map(request: number | MapRequest): KernelRegion {
    const given = typeof request === 'number' ? { size: request, shared: false } : request;
    const mapping = this.#map(given);
    if (typeof mapping === 'number') throw refusedMapping(mapping, given);
    return new KernelRegion(this.#addon, mapping.handle, mapping.address, given.size);
  }

  #map({ size, alignment, address, hint, hugePages, shared, file }: MapRequest): NativeMapping | number {
    const flags =
      (address === undefined ? 0 : MapFlag.exactly) |
      (shared ? MapFlag.shared : 0) |
      (hugePages === undefined ? 0 : hugePages === 'always' ? MapFlag.hugePages : MapFlag.noHugePages);
    if (file === undefined) return this.#addon.mapMemory(size, alignment, address ?? hint, flags);
    // What is private can be written without permission for the file.
    const descriptor = openSync(file.path, shared ? 'r+' : 'r');
    try {
      return this.#addon.mapMemory(size, alignment, address ?? hint, flags, descriptor, file.offset);
    } finally {
      closeSync(descriptor);
    }
  }
}

/** The flags of `mapMemory`. */
export const MapFlag = { exactly: 1, shared: 2, hugePages: 4, noHugePages: 8 } as const;

function refusedMapping(errno: number, { size, address, file }: MapRequest): Error {
  if (errno === -constants.errno.ENXIO && file !== undefined) return fileTooShort(file, size);
  return systemError(errno, 'mmap', {
    ...(address === undefined ? {} : { address }),
    ...(file === undefined ? {} : { path: file.path }),
    note: errno === -constants.errno.EEXIST ? 'something is mapped there already' : `${size} bytes`,
  });
}

/**
 * One mapping. It ends with `unmap`, or when neither it nor its bytes are
 * reachable any more. `offset` and `length` are bytes, intervals half open; for
 * `protect`, `discard` and `unmap` they are multiples of the page size, by
 * default the rest of the mapping.
 *
 * Every method but `unmap` throws `ERR_SVM_UNMAPPED` once the whole region was
 * unmapped, and a `RangeError` (`ERR_SVM_OUT_OF_RANGE`) for intervals that are
 * not inside the region.
 */
export class KernelRegion {
  /** First byte. */
  readonly address: bigint;
  /** Bytes, as mapped; unmapping a part does not change it. */
  readonly size: number;
  readonly #addon: MemoryFunctions;
  readonly #handle: MemoryHandle;
  #bytes: Uint8Array<ArrayBuffer> | undefined;
  #unmapped = false;

  /** Use `KernelMemory.map`. */
  constructor(addon: MemoryFunctions, handle: MemoryHandle, address: bigint, size: number) {
    this.#addon = addon;
    this.#handle = handle;
    this.address = address;
    this.size = size;
  }

  /** True after `unmap()` of the whole region in one call. */
  get unmapped(): boolean {
    return this.#unmapped;
  }

  /**
   * All bytes, live. The array is detached (its length becomes 0) when a page
   * loses its read or write permission or is unmapped; ask again afterwards. Throws
   * - `ERR_SVM_PROTECTED`: a page is unmapped or not both readable and writable;
   *   use `read` and `write`;
   * - `ERR_SVM_TOO_LARGE`: more than 2^32 bytes; use `read` and `write`;
   * - EBUSY: the bytes were moved away by `ArrayBuffer.prototype.transfer`;
   * - ENOTSUP: the runtime has no external ArrayBuffers.
   *
   * Asynchronous functions of Node that have it in hand (`fs.read`, `crypto.randomFill`) may go on. After `unmap` what
   * they write is lost; to those that work in this process `protect` yields until they have ended.
   */
  get bytes(): Uint8Array<ArrayBuffer> {
    this.#assertMapped('bytes');
    // Length 0 means detached: there are no empty regions.
    if (this.#bytes !== undefined && this.#bytes.length > 0) return this.#bytes;
    const buffer = this.#addon.viewMemory(this.#handle);
    if (typeof buffer !== 'number') return (this.#bytes = new Uint8Array(keepBytesHere(buffer)));
    switch (-buffer) {
      case constants.errno.EACCES:
        throw coded('ERR_SVM_PROTECTED', 'bytes: a page is not both readable and writable; use read() and write()');
      case constants.errno.EFBIG:
        throw coded('ERR_SVM_TOO_LARGE', 'bytes: a region of more than 2^32 bytes has none; use read() and write()');
      default:
        throw this.#refused(buffer, 'view', 0);
    }
  }

  /**
   * A copy of `length` bytes from `offset`, under any protection: a page that is
   * not readable, or gone, throws EFAULT (syscall 'process_vm_readv', `address` =
   * first byte that was refused).
   */
  read(offset: number, length: number): Uint8Array<ArrayBuffer> {
    this.#assertMapped('read');
    this.#assertInside(offset, length);
    const target = new Uint8Array(length);
    if (length > 0) {
      const count = this.#addon.readMemory(this.#handle, offset, target);
      this.#assertComplete(count, 'process_vm_readv', offset, length);
    }
    return target;
  }

  /**
   * Copies `data` to `offset`, under any protection: a page that is not writable,
   * or gone, throws EFAULT (syscall 'process_vm_writev'); the bytes before the
   * `address` of the error have been written then.
   */
  write(offset: number, data: Uint8Array): void {
    this.#assertMapped('write');
    const bytes = bytesOf('data', data);
    this.#assertInside(offset, bytes.length);
    if (bytes.length > 0) {
      const count = this.#addon.writeMemory(this.#handle, offset, bytes);
      this.#assertComplete(count, 'process_vm_writev', offset, bytes.length);
    }
  }

  /**
   * Sets what the CPU may do with the pages. Throws a `TypeError`
   * (`ERR_SVM_INVALID_TYPE`) for an unknown protection and a system error (syscall
   * 'mprotect'): ENOMEM when a page is unmapped, EACCES where the system forbids
   * it, EBUSY when the bytes were moved away by `ArrayBuffer.prototype.transfer`.
   */
  protect(protection: MemoryProtection, offset: number = 0, length: number = this.size - offset): void {
    this.#assertMapped('protect');
    if (!Object.hasOwn(PROTECTION_BITS, protection)) {
      throw typeError(`protection: must be one of ${Object.keys(PROTECTION_BITS).join(', ')}`);
    }
    const bits = PROTECTION_BITS[protection];
    const result = this.#addon.protectMemory(this.#handle, offset, length, bits);
    if (this.#bytes?.length === 0) this.#bytes = undefined;
    if (result < 0) throw this.#refused(result, 'mprotect', offset);
  }

  /** Gives the pages back to the system; they read as zero afterwards. Throws ENOMEM (syscall 'madvise') when a page is unmapped. */
  discard(offset: number = 0, length: number = this.size - offset): void {
    this.#assertMapped('discard');
    const result = this.#addon.discardMemory(this.#handle, offset, length);
    if (result < 0) throw this.#refused(result, 'madvise', offset);
  }

  /**
   * The pages are brought in and stay in memory (mlock). Throws a system error: ENOMEM when a page is unmapped, that or
   * EPERM or EAGAIN when the process may not lock so much.
   */
  lock(offset: number = 0, length: number = this.size - offset): void {
    this.#setLocked('mlock', offset, length, 1);
  }

  /** Undoes `lock` (munlock). */
  unlock(offset: number = 0, length: number = this.size - offset): void {
    this.#setLocked('munlock', offset, length, 0);
  }

  /**
   * The pages come to lie at `targetOffset` of `target`, which may be this region, with the protections that they had
   * (mremap with MREMAP_FIXED); what is mapped there goes. The old addresses are unmapped, or, with `keepOld`
   * (MREMAP_DONTUNMAP), stay mapped and read as zero. Bytes of both regions are detached. Throws a system error (syscall
   * 'mremap'): EFAULT when a page of either place is unmapped, or (before Linux 6.17) where there are mappings of different
   * protections; EINVAL for places that overlap.
   */
  moveTo(target: KernelRegion, targetOffset: number, offset: number, length: number, keepOld: boolean): void {
    this.#assertMapped('moveTo');
    if (!(target instanceof KernelRegion)) throw otherMemory();
    target.#assertMapped('moveTo: target');
    const result = this.#addon.moveMemory(this.#handle, offset, length, target.#handle, targetOffset, keepOld ? 1 : 0);
    if (this.#bytes?.length === 0) this.#bytes = undefined;
    if (target.#bytes?.length === 0) target.#bytes = undefined;
    if (result < 0) throw this.#refused(result, 'mremap', offset);
    this.#unmapped = !keepOld && length === this.size;
  }

  /**
   * Unmaps the pages. Those that are unmapped already are not an error, and after the
   * whole region was unmapped a further call does nothing. Throws a system error
   * (syscall 'munmap'): EINVAL for length 0, EBUSY when the bytes were moved away
   * by `ArrayBuffer.prototype.transfer` and are still in use.
   */
  unmap(offset: number = 0, length: number = this.size - offset): void {
    if (this.#unmapped) return;
    const result = this.#addon.unmapMemory(this.#handle, offset, length);
    if (result < 0) throw this.#refused(result, 'munmap', offset);
    this.#unmapped = offset === 0 && length === this.size;
    this.#bytes = undefined;
  }

  #setLocked(syscall: 'mlock' | 'munlock', offset: number, length: number, locked: number): void {
    this.#assertMapped(syscall);
    const result = this.#addon.lockMemory(this.#handle, offset, length, locked);
    if (result < 0) throw this.#refused(result, syscall, offset);
  }

  #assertMapped(what: string): void {
    if (this.#unmapped) throw coded('ERR_SVM_UNMAPPED', `${what}: the region was unmapped`);
  }

  #assertInside(offset: number, length: number): void {
    const integers = Number.isSafeInteger(offset) && Number.isSafeInteger(length) && offset >= 0 && length >= 0;
    if (integers && offset + length <= this.size) return;
    const message = `offset, length: must be integers inside the region of ${this.size} bytes, not ${offset}, ${length}`;
    throw Object.assign(new RangeError(message), { code: 'ERR_SVM_OUT_OF_RANGE' });
  }

  #assertComplete(count: number, syscall: string, offset: number, length: number): void {
    if (count < 0) throw this.#refused(count, syscall, offset);
    // A short count means that the next byte was refused.
    if (count < length) throw this.#refused(-constants.errno.EFAULT, syscall, offset + count);
  }

  #refused(errno: number, syscall: string, offset: number): Error {
    const address = this.address + BigInt(offset);
    return systemError(errno, syscall, errno === -constants.errno.EBUSY ? { address, note: MOVED } : { address });
  }
}

function coded(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}

function typeError(message: string): Error {
  return Object.assign(new TypeError(message), { code: 'ERR_SVM_INVALID_TYPE' });
}
