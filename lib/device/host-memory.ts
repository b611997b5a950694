/** Host memory that CPU and GPU share at the same addresses; one interface on both backends. */
import { PAGE_SIZE } from '../uapi/constants.ts';
import { codedError, rangeError, show, typeError } from '../uapi/errors.ts';
import { addressOf, sizeOf } from '../uapi/range.ts';
import type { SvmRange } from '../uapi/range.ts';

import { HOST_PROTECTIONS } from '../uapi/protection.ts';
import type { HostProtection } from '../uapi/protection.ts';
import type { HostRegion, HostRegionMapper } from '../backend/host-region.ts';

/** Makes mappings of the process that the device mirrors. */
export class HostMemory {
  readonly #mapper: HostRegionMapper;
  readonly #assertOpen: () => void;

  /** Use `device.memory`. */
  constructor(mapper: HostRegionMapper, assertOpen: () => void) {
    this.#mapper = mapper;
    this.#assertOpen = assertOpen;
  }

  /**
   * Maps `size` bytes, a positive multiple of 4096: private, zero filled, readable
   * and writable. Throws a TypeError or RangeError for other sizes, `ERR_SVM_CLOSED`
   * after the device was closed, and the system's error (ENOMEM) when it refuses.
   * `hint`: where the mapping should begin if that is free; may be ignored.
   */
  map(size: number | bigint, hint?: bigint): HostBuffer {
    this.#assertOpen();
    const bytes = sizeOf('size', size);
    if (bytes === 0n || bytes % BigInt(PAGE_SIZE) !== 0n || bytes > BigInt(Number.MAX_SAFE_INTEGER)) {
      throw rangeError(
        'ERR_SVM_OUT_OF_RANGE',
        `size: expected a positive multiple of ${PAGE_SIZE} bytes below 2^53, got ${bytes}`,
      );
    }
    return new HostBuffer(this.#mapper.map(Number(bytes), hint === undefined ? undefined : addressOf('hint', hint)));
  }
}

/**
 * A mapping. `offset` and `length` are bytes, intervals half open. Every method but
 * `unmap` throws `ERR_SVM_UNMAPPED` once the whole buffer was unmapped, and a
 * RangeError (`ERR_SVM_OUT_OF_RANGE`) for intervals that are not inside it.
 */
export class HostBuffer implements SvmRange {
  readonly #region: HostRegion;
  #unmapped = false;

  /** Use `device.memory.map`. */
  constructor(region: HostRegion) {
    this.#region = region;
  }

  /** First byte. */
  get address(): bigint {
    return this.#region.address;
  }

  /** Bytes, as mapped. */
  get size(): number {
    return this.#region.size;
  }

  /** True after the whole buffer was unmapped in one call. */
  get unmapped(): boolean {
    return this.#unmapped;
  }

  /**
   * All bytes, live, as the CPU sees them. The array is detached when pages are
   * unmapped or lose a permission; ask again afterwards. Throws
   * `ERR_SVM_PROTECTED` while a page is not both readable and writable or is
   * unmapped, and `ERR_SVM_TOO_LARGE` above 2^32 bytes: use `read` and `write`.
   * On the emulator an access through it is no CPU fault: it brings no page in.
   */
  get bytes(): Uint8Array<ArrayBuffer> {
    this.#assertMapped('bytes');
    return this.#region.bytes;
  }

  /** A copy of `length` bytes (default: the rest). A page that can't be read throws EFAULT. */
  read(offset = 0, length: number = this.size - offset): Uint8Array<ArrayBuffer> {
    this.#assertMapped('read');
    this.#assertInside(offset, length);
    return this.#region.read(offset, length);
  }

  /** Writes `data` at `offset`. A page that can't be written throws EFAULT. */
  write(offset: number, data: Uint8Array): void {
    this.#assertMapped('write');
    if (!(data instanceof Uint8Array))
      throw typeError('ERR_SVM_INVALID_TYPE', `data: expected a Uint8Array, got ${show(data)}`);
    this.#assertInside(offset, data.length);
    this.#region.write(offset, data);
  }

  /** mprotect of whole pages (default: to the end). */
  protect(protection: HostProtection, offset = 0, length: number = this.size - offset): void {
    this.#assertMapped('protect');
    if (!HOST_PROTECTIONS.includes(protection)) {
      throw rangeError(
        'ERR_SVM_INVALID_VALUE',
        `protection: expected one of ${HOST_PROTECTIONS.join(', ')}, got ${show(protection)}`,
      );
    }
    this.#assertPages(offset, length);
    this.#region.protect(protection, offset, length);
  }

  /** MADV_DONTNEED of whole pages (default: to the end): they read as zeros again. */
  discard(offset = 0, length: number = this.size - offset): void {
    this.#assertMapped('discard');
    this.#assertPages(offset, length);
    this.#region.discard(offset, length);
  }

  /** munmap of whole pages (default: everything). After the whole buffer was unmapped a further call does nothing. */
  unmap(offset = 0, length: number = this.size - offset): void {
    if (this.#unmapped) return;
    this.#assertPages(offset, length);
    this.#region.unmap(offset, length);
    this.#unmapped = offset === 0 && length === this.size;
  }

  /** The range of `length` bytes (default: the rest) from `offset`, for the calls of `SvmDevice`. */
  slice(offset: number, length: number = this.size - offset): SvmRange {
    this.#assertInside(offset, length);
    return { address: this.address + BigInt(offset), size: length };
  }

  [Symbol.dispose](): void {
    this.unmap();
  }

  #assertMapped(what: string): void {
    if (this.#unmapped) throw codedError('ERR_SVM_UNMAPPED', `${what}: the buffer was unmapped`);
  }

  #assertInside(offset: unknown, length: unknown): void {
    if (typeof offset !== 'number' || typeof length !== 'number') {
      throw typeError(
        'ERR_SVM_INVALID_TYPE',
        `offset, length: expected numbers (bytes), got ${show(offset)}, ${show(length)}`,
      );
    }
    const integers = Number.isSafeInteger(offset) && Number.isSafeInteger(length) && offset >= 0 && length >= 0;
    if (!integers || offset + length > this.size) {
      throw rangeError(
        'ERR_SVM_OUT_OF_RANGE',
        `offset, length: expected whole numbers inside the buffer of ${this.size} bytes, got ${offset}, ${length}`,
      );
    }
  }

  #assertPages(offset: number, length: number): void {
    this.#assertInside(offset, length);
    if (offset % PAGE_SIZE !== 0 || length % PAGE_SIZE !== 0 || length === 0) {
      throw rangeError(
        'ERR_SVM_OUT_OF_RANGE',
        `offset, length: expected multiples of ${PAGE_SIZE} and a length above 0, got ${offset}, ${length}`,
      );
    }
  }
}
