/** A part of a mapping, with everything that can be done to it but unmapping. */
import { PAGE_SIZE } from '../uapi/constants.ts';
import { codedError, rangeError, show, typeError } from '../uapi/errors.ts';
import { bytesOf } from '../uapi/bytes.ts';
import { HOST_PROTECTIONS } from '../uapi/protection.ts';
import type { HostProtection } from '../uapi/protection.ts';
import type { SvmRange } from '../uapi/range.ts';
import { bytesAt } from '../words/sizes.ts';
import type { HostRegion } from '../backend/host-region.ts';

/** The mapping that views lie in. */
export interface MappedRegion {
  readonly region: HostRegion;
  /** Set when all of it was unmapped. */
  unmapped: boolean;
}

/**
 * `size` bytes of a mapping, at `address`. `offset` and `length` are bytes from there, intervals half open. Every method
 * throws `ERR_SVM_UNMAPPED` once the whole mapping was unmapped, and a RangeError (`ERR_SVM_OUT_OF_RANGE`) for intervals
 * that are not inside. A view is not kept in step with others: what one writes or protects holds for all of them.
 */
export class HostView implements SvmRange {
  /** First byte. */
  readonly address: bigint;
  /** Bytes. */
  readonly size: number;
  /** @internal */
  protected readonly mapped: MappedRegion;
  /** @internal Of the first byte, in the mapping. */
  protected readonly start: number;

  /** Use `device.memory.map` and `slice`. */
  constructor(mapped: MappedRegion, start: number, size: number) {
    this.mapped = mapped;
    this.start = start;
    this.size = size;
    this.address = mapped.region.address + BigInt(start);
  }

  /** True after the whole mapping was unmapped in one call. */
  get unmapped(): boolean {
    return this.mapped.unmapped;
  }

  /**
   * All bytes, live, as the CPU sees them. The array is detached when pages of the mapping are unmapped or lose a
   * permission; ask again afterwards. It cannot be transferred to another thread or ArrayBuffer
   * (`ERR_SVM_NOT_TRANSFERABLE`). Throws `ERR_SVM_PROTECTED` while any page of the mapping is not both readable and
   * writable or is unmapped, and `ERR_SVM_TOO_LARGE` of a mapping above 2^32 bytes: use `read` and `write`.
   * On the emulator an access through it is no CPU fault: it brings no page in.
   */
  get bytes(): Uint8Array<ArrayBuffer> {
    this.assertMapped('bytes');
    const { bytes } = this.mapped.region;
    return this.size === bytes.length ? bytes : bytes.subarray(this.start, this.start + this.size);
  }

  /** A copy of `length` bytes (default: the rest). A page that can't be read throws EFAULT. */
  read(offset = 0, length: number = this.size - offset): Uint8Array<ArrayBuffer> {
    this.assertMapped('read');
    this.assertInside(offset, length);
    return this.mapped.region.read(this.start + offset, length);
  }

  /** Writes the bytes of `data`, a typed array or DataView, at `offset`. A page that can't be written throws EFAULT. */
  write(offset: number, data: ArrayBufferView): void {
    this.assertMapped('write');
    const bytes = bytesOf('data', data);
    this.assertInside(offset, bytes.length);
    this.mapped.region.write(this.start + offset, bytes);
  }

  /** mprotect of whole pages (default: to the end). */
  protect(protection: HostProtection, offset = 0, length: number = this.size - offset): void {
    this.assertMapped('protect');
    if (!HOST_PROTECTIONS.includes(protection)) {
      throw rangeError(
        'ERR_SVM_INVALID_VALUE',
        `protection: expected one of ${HOST_PROTECTIONS.join(', ')}, got ${show(protection)}`,
      );
    }
    this.assertPages(offset, length);
    this.mapped.region.protect(protection, this.start + offset, length);
  }

  /** MADV_DONTNEED of whole pages (default: to the end): they read as zeros again, those of a file as the file. */
  discard(offset = 0, length: number = this.size - offset): void {
    this.assertMapped('discard');
    this.assertPages(offset, length);
    this.mapped.region.discard(this.start + offset, length);
  }

  /**
   * mlock of whole pages (default: to the end): they are brought in and stay in memory. Throws the system's error: ENOMEM
   * where a page is unmapped, that or EPERM or EAGAIN where the process may not lock so much.
   */
  lock(offset = 0, length: number = this.size - offset): void {
    this.assertMapped('lock');
    this.assertPages(offset, length);
    this.mapped.region.lock(this.start + offset, length);
  }

  /** munlock of whole pages (default: to the end). */
  unlock(offset = 0, length: number = this.size - offset): void {
    this.assertMapped('unlock');
    this.assertPages(offset, length);
    this.mapped.region.unlock(this.start + offset, length);
  }

  /**
   * mremap: whole pages, from `offset` on (default: all from there), come to lie at byte `targetOffset` (default 0) of
   * `target`, memory of the same device (also this buffer), with what they hold and their protections; what is mapped
   * there goes. The old addresses are unmapped, or with `keepOld` (MREMAP_DONTUNMAP) stay mapped and read as zeros. Attributes
   * belong to addresses and do not move. `bytes` of both buffers are detached. Throws a RangeError for places outside of the
   * buffers, and the system's error: EFAULT where a page of either place is unmapped, or (emulated, and before
   * Linux 6.17) where the pages differ in their protection; EINVAL for places that overlap.
   */
  moveTo(
    target: HostView,
    options: {
      readonly offset?: number;
      readonly length?: number;
      readonly targetOffset?: number;
      readonly keepOld?: boolean;
    } = {},
  ): void {
    if (!(target instanceof HostView))
      throw typeError('ERR_SVM_INVALID_TYPE', `target: expected a HostBuffer or HostView, got ${show(target)}`);
    const { offset = 0, length = this.size - offset, targetOffset = 0, keepOld = false } = options;
    if (typeof keepOld !== 'boolean')
      throw typeError('ERR_SVM_INVALID_TYPE', `options.keepOld: expected a boolean, got ${show(keepOld)}`);
    this.assertMapped('moveTo');
    target.assertMapped('moveTo: target');
    this.assertPages(offset, length);
    target.assertPages(targetOffset, length, 'targetOffset');
    const { region } = this.mapped;
    region.moveTo(target.mapped.region, target.start + targetOffset, this.start + offset, length, keepOld);
    this.mapped.unmapped = !keepOld && length === region.size;
  }

  /** A view of `length` bytes (default: the rest) from `offset`: a range for the calls of `SvmDevice`, and memory like this one. */
  slice(offset = 0, length: number = this.size - offset): HostView {
    this.assertInside(offset, length);
    return new HostView(this.mapped, this.start + offset, length);
  }

  /** One line for `console.log`. */
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    const state = this.unmapped ? ', unmapped' : '';
    return `${this.constructor.name} { ${bytesAt({ address: this.address, size: BigInt(this.size) })}${state} }`;
  }

  /** @internal */
  protected assertMapped(what: string): void {
    if (this.unmapped) throw codedError('ERR_SVM_UNMAPPED', `${what}: the buffer was unmapped`);
  }

  /** @internal */
  protected assertInside(offset: unknown, length: unknown, name = 'offset'): void {
    if (typeof offset !== 'number' || typeof length !== 'number') {
      throw typeError(
        'ERR_SVM_INVALID_TYPE',
        `${name}, length: expected numbers (bytes), got ${show(offset)}, ${show(length)}`,
      );
    }
    const integers = Number.isSafeInteger(offset) && Number.isSafeInteger(length) && offset >= 0 && length >= 0;
    if (!integers || offset + length > this.size) {
      throw rangeError(
        'ERR_SVM_OUT_OF_RANGE',
        `${name}, length: expected whole numbers inside the buffer of ${this.size} bytes, got ${offset}, ${length}`,
      );
    }
  }

  /** @internal */
  protected assertPages(offset: number, length: number, name = 'offset'): void {
    this.assertInside(offset, length, name);
    if ((this.start + offset) % PAGE_SIZE !== 0 || length % PAGE_SIZE !== 0 || length === 0) {
      throw rangeError(
        'ERR_SVM_OUT_OF_RANGE',
        `${name}, length: expected whole pages of ${PAGE_SIZE} bytes, at least one, got ${offset}, ${length}${this.start % PAGE_SIZE === 0 ? '' : ` in a view that begins at byte ${this.start} of the mapping`}`,
      );
    }
  }
}
