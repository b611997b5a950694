/** Host memory of the emulated backend: mappings of the emulated process with contents in one ArrayBuffer. */
import type { EmulatedProcess } from '../../emulator/index.ts';
import { EmulatedSyscallError } from '../../emulator/index.ts';
import { PAGE_SIZE } from '../uapi/constants.ts';
import { codedError } from '../uapi/errors.ts';
import { PROTECTION_LETTERS } from '../uapi/protection.ts';
import type { HostProtection } from '../uapi/protection.ts';
import type { HostRegion, HostRegionMapper } from './host-region.ts';

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

  /** `hint` as for mmap: taken if it is free. */
  map(size: number, hint?: bigint): HostRegion {
    // Above what `bytes` gives out, pages get their bytes one by one when they are written.
    const bytes = size > LARGEST_BYTES || size <= LAZY_BYTES ? undefined : new Uint8Array(size);
    const placed = hint === undefined ? undefined : this.#placeAt(hint, size);
    const address = placed ?? this.#process.mmap({ size });
    if (bytes !== undefined) this.#process.space.contents.attach(Number(address >> PAGE_SHIFT), bytes, false);
    return new EmulatedRegion(this.#process, address, size, bytes);
  }

  /** undefined if something is in the way. */
  #placeAt(address: bigint, size: number): bigint | undefined {
    try {
      return this.#process.mmap({ address, size });
    } catch (error) {
      if (!(error instanceof EmulatedSyscallError)) throw error;
      return undefined;
    }
  }
}

class EmulatedRegion implements HostRegion {
  readonly address: bigint;
  readonly size: number;
  readonly #process: EmulatedProcess;
  #bytes: Uint8Array<ArrayBuffer> | undefined;
  /** Whether a caller has `#bytes`, so that what it writes there is not seen. */
  #isShared = false;

  constructor(process: EmulatedProcess, address: bigint, size: number, bytes: Uint8Array<ArrayBuffer> | undefined) {
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
    return this.#bytes;
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

  /** One array for what the pages hold so far; from now on they hold it there. */
  #gather(): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(this.size);
    const { contents } = this.#process.space;
    const startPage = Number(this.address >> PAGE_SHIFT);
    for (let offset = 0; offset < this.size; offset += PAGE_SIZE) {
      const page = contents.peek(startPage + offset / PAGE_SIZE);
      if (page !== undefined) bytes.set(page, offset);
    }
    contents.attach(startPage, bytes);
    return bytes;
  }

  /** JavaScript must not see bytes the CPU could not access: what the caller holds is detached, the pages keep their contents. */
  #detach(): void {
    if (this.#bytes === undefined || !this.#isShared) return;
    const { buffer } = this.#bytes;
    this.#process.space.contents.moveBuffer(
      buffer,
      () => structuredClone(buffer, { transfer: [buffer] }),
      (moved) => {
        this.#bytes = new Uint8Array(moved);
      },
    );
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
