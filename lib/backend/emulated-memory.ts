/** Host memory of the emulated backend: mappings of the emulated process with contents in one ArrayBuffer. */
import { readFileSync } from 'node:fs';
import type { EmulatedProcess, VmaKind } from '../../emulator/index.ts';
import { EmulatedSyscallError, NotModelledError } from '../../emulator/index.ts';
import { PAGE_SIZE } from '../uapi/constants.ts';
import { Errno } from '../uapi/errno.ts';
import { codedError } from '../uapi/errors.ts';
import { PROTECTION_LETTERS } from '../uapi/protection.ts';
import type { HostProtection } from '../uapi/protection.ts';
import { detachableBytes } from './bytes-stay.ts';
import type { DetachableBytes } from './bytes-stay.ts';
import { KernelMemory } from './kernel-memory.ts';
import type { KernelRegion } from './kernel-memory.ts';
import { nativeSupport } from './native-addon.ts';
import { fileTooShort, otherMemory } from './host-region.ts';
import type { HostRegion, HostRegionMapper, MapRequest } from './host-region.ts';

const LARGEST_BYTES = 2 ** 32;
/** Up to here the bytes of a mapping are allocated when they are first needed: many small mappings are never looked into. */
const LAZY_BYTES = 1 << 20;
const PAGE_SHIFT = 12n;

/** Maps memory in an emulated process. */
export class EmulatedMemory implements HostRegionMapper {
  readonly #process: EmulatedProcess;

  constructor(process: EmulatedProcess) {
    this.#process = process;
  }

  /** Throws the process's error (EEXIST, ENOMEM), for files those of the file system, and what `kindOf` throws. */
  map(request: MapRequest): HostRegion {
    const { size, file } = request;
    const kind = this.#kindOf(request);
    const bytes = bytesOf(request);
    const address = this.#place(request, kind);
    if (bytes !== undefined) {
      const array = new Uint8Array(bytes.buffer, 0, size);
      this.#process.space.contents.attach(Number(address >> PAGE_SHIFT), array, file !== undefined);
    }
    return new EmulatedRegion(this.#process, address, size, bytes);
  }

  #kindOf({ hugePages, shared, file }: MapRequest): VmaKind {
    if (file !== undefined && !shared) return 'file';
    if (shared) {
      if (hugePages === 'always')
        throw new NotModelledError('huge pages of shared memory', 'only private memory has them');
      return 'shared';
    }
    if (hugePages === 'never' && this.#process.calls.hugeAnonymous)
      throw new NotModelledError('MADV_NOHUGEPAGE', 'the machine was made with huge pages for all private memory');
    return hugePages === 'always' ? 'thp' : 'anon';
  }

  #place({ size, address, hint, alignment }: MapRequest, kind: VmaKind): bigint {
    const process = this.#process;
    if (address !== undefined) return process.mmap({ address, size, kind });
    const placed = hint === undefined ? undefined : this.#placeAt(hint, size, kind);
    return placed ?? process.mmap({ size, kind, ...(alignment === undefined ? {} : { alignment }) });
  }

  /** undefined if something is in the way. */
  #placeAt(address: bigint, size: number, kind: VmaKind): bigint | undefined {
    try {
      return this.#process.mmap({ address, size, kind });
    } catch (error) {
      if (!(error instanceof EmulatedSyscallError)) throw error;
      return undefined;
    }
  }
}

/** What a mapping holds from the beginning; undefined: its pages get their bytes one by one when they are written. */
function bytesOf({ size, file, shared }: MapRequest): DetachableBytes | undefined {
  if (file !== undefined && shared) return new SharedFileBytes(size, file);
  // Above the largest, `bytes` is not given out.
  if (file === undefined && (size > LARGEST_BYTES || size <= LAZY_BYTES)) return undefined;
  const bytes = detachableBytes(size);
  if (file !== undefined) new Uint8Array(bytes.buffer).set(partOfFile(file, size));
  return bytes;
}

/** A real shared mapping of the file, whose address nobody sees: what is written is in the file, and in whatever else maps it. */
class SharedFileBytes implements DetachableBytes {
  readonly #region: KernelRegion;

  constructor(size: number, file: NonNullable<MapRequest['file']>) {
    if (size > LARGEST_BYTES)
      throw new NotModelledError('a shared mapping of more than 2^32 bytes of a file', 'its bytes are one ArrayBuffer');
    const { available, reason } = nativeSupport();
    if (!available)
      throw codedError(
        'ERR_SVM_NO_ADDON',
        `options.shared: a file is shared by the addon, also on the emulated device; ${reason}`,
      );
    this.#region = new KernelMemory().map({ size, shared: true, file });
  }

  get buffer(): ArrayBuffer {
    return this.#region.bytes.buffer;
  }

  detach(): void {
    this.#region.protect('none');
    this.#region.protect('read-write');
  }
}

/** RangeError (`ERR_SVM_OUT_OF_RANGE`) if the file ends before. */
function partOfFile(file: NonNullable<MapRequest['file']>, size: number): Uint8Array {
  const contents = readFileSync(file.path).subarray(file.offset, file.offset + size);
  if (contents.length === size) return contents;
  throw fileTooShort(file, size);
}

class EmulatedRegion implements HostRegion {
  readonly address: bigint;
  readonly size: number;
  readonly #process: EmulatedProcess;
  #bytes: DetachableBytes | undefined;
  #array: Uint8Array<ArrayBuffer> | undefined;
  /** Whether a caller has the bytes, so that what it writes there is not seen. */
  #isShared = false;

  constructor(process: EmulatedProcess, address: bigint, size: number, bytes: DetachableBytes | undefined) {
    this.#process = process;
    this.address = address;
    this.size = size;
    this.#bytes = bytes;
  }

  get bytes(): Uint8Array<ArrayBuffer> {
    if (this.size > LARGEST_BYTES) {
      throw codedError('ERR_SVM_TOO_LARGE', 'bytes: a buffer of more than 2^32 bytes has none; use read() and write()');
    }
    if (!this.#process.isReadWrite(this.address, this.size)) {
      throw codedError(
        'ERR_SVM_PROTECTED',
        'bytes: a page is unmapped or not both readable and writable; use read() and write()',
      );
    }
    this.#bytes ??= this.#gather();
    if (!this.#isShared) {
      this.#isShared = true;
      this.#process.space.contents.share(this.#bytes.buffer);
    }
    // Length 0: it was detached.
    if (this.#array === undefined || this.#array.length === 0)
      this.#array = new Uint8Array(this.#bytes.buffer, 0, this.size);
    return this.#array;
  }

  read(offset: number, length: number): Uint8Array<ArrayBuffer> {
    if (length === 0) return new Uint8Array(0);
    return faultAsKernel('process_vm_readv', () => this.#process.read(this.address + BigInt(offset), length));
  }

  write(offset: number, data: Uint8Array): void {
    faultAsKernel('process_vm_writev', () => this.#process.write(this.address + BigInt(offset), data));
  }

  protect(protection: HostProtection, offset: number, length: number): void {
    this.#process.mprotect(this.address + BigInt(offset), length, PROTECTION_LETTERS[protection]);
    if (!protection.startsWith('read-write')) this.#detach();
  }

  discard(offset: number, length: number): void {
    this.#process.discard(this.address + BigInt(offset), length);
  }

  unmap(offset: number, length: number): void {
    this.#process.munmap(this.address + BigInt(offset), length);
    this.#detach();
  }

  lock(offset: number, length: number): void {
    this.#process.mlock(this.address + BigInt(offset), length);
  }

  unlock(offset: number, length: number): void {
    this.#process.munlock(this.address + BigInt(offset), length);
  }

  moveTo(target: HostRegion, targetOffset: number, offset: number, length: number, keepOld: boolean): void {
    if (!(target instanceof EmulatedRegion) || target.#process !== this.#process) throw otherMemory();
    if (this.#bytes instanceof SharedFileBytes || target.#bytes instanceof SharedFileBytes)
      throw new NotModelledError('mremap of or over a shared mapping of a file', 'the pages would lose the file');
    const address = target.address + BigInt(targetOffset);
    // The system call would take a free place as well; the target is not free, or it is gone.
    if (!this.#process.isMapped(address, length))
      throw new EmulatedSyscallError(-Errno.EFAULT, 'mremap', `to 0x${address.toString(16)}, where a page is unmapped`);
    this.#process.mremap(this.address + BigInt(offset), length, length, { address, keepOld });
    this.#forgetBytes();
    target.#forgetBytes();
  }

  /** The pages hold something else now than the array: the next one is made of what they hold. */
  #forgetBytes(): void {
    this.#detach();
    this.#bytes = undefined;
    this.#array = undefined;
    this.#isShared = false;
  }

  /** One array for what the pages hold so far; from now on they hold it there. */
  #gather(): DetachableBytes {
    const detachable = detachableBytes(this.size);
    const bytes = new Uint8Array(detachable.buffer, 0, this.size);
    const { contents } = this.#process.space;
    const startPage = Number(this.address >> PAGE_SHIFT);
    for (let offset = 0; offset < this.size; offset += PAGE_SIZE) {
      const page = contents.peek(startPage + offset / PAGE_SIZE);
      if (page !== undefined) bytes.set(page, offset);
    }
    contents.attach(startPage, bytes);
    return detachable;
  }

  /** JavaScript must not see bytes the CPU could not access: what the caller holds is detached, the pages keep their contents. */
  #detach(): void {
    const detachable = this.#bytes;
    if (detachable === undefined || !this.#isShared) return;
    const transfer = (): ArrayBuffer => {
      detachable.detach();
      return detachable.buffer;
    };
    this.#process.space.contents.moveBuffer(detachable.buffer, transfer);
  }
}

/** Protected and unmapped pages both give EFAULT where the kernel copies on behalf of the caller. */
function faultAsKernel<T>(syscall: string, access: () => T): T {
  try {
    return access();
  } catch (error) {
    if (!(error instanceof EmulatedSyscallError)) throw error;
    throw Object.assign(new Error(`EFAULT: bad address, ${syscall} (${error.message})`, { cause: error }), {
      code: 'EFAULT',
      errno: -14,
      syscall,
    });
  }
}
