// Models: the process as its own program sees it - memory to map, change, read and write.
import { errnoMessage, errnoName } from '../lib/uapi/errno.ts';
import { PAGE_BYTES } from './kernel/page-number.ts';
import type { AddressSpace, TouchResult } from './mm/address-space.ts';
import { Protection, protectionOfLetters, VMA_KINDS } from './mm/vma.ts';
import type { VmaKind } from './mm/vma.ts';
import { addressArgument, booleanArgument, sizeArgument, wordArgument } from './kernel/arguments.ts';
import type { ProcessCalls } from './process-calls.ts';

/** What to map. */
export interface MmapRequest {
  /** First byte, a multiple of 4096; default: a free place, aligned to 2 MiB. */
  readonly address?: bigint;
  /** Length in bytes, a multiple of 4096. */
  readonly size: number | bigint;
  /** Letters r, w, x or '-'. Default 'rw'. */
  readonly protection?: string;
  /** Default 'anon'. */
  readonly kind?: VmaKind;
  /** Contents of the mapping, shared with the caller; its length must be `size`. */
  readonly bytes?: Uint8Array;
}

/** A refused system call of the emulated process. */
export class EmulatedSyscallError extends Error {
  readonly code: string;
  /** Negative errno. */
  readonly errno: number;
  readonly syscall: string;

  constructor(result: number, syscall: string, where: string) {
    const name = errnoName(result);
    super(`${name ?? `errno ${-result}`}: ${name === undefined ? 'failed' : errnoMessage(name)}, ${syscall} ${where}`);
    this.name = 'EmulatedSyscallError';
    this.code = name ?? 'UNKNOWN';
    this.errno = result;
    this.syscall = syscall;
  }
}

// Low enough for every GPU of the catalogue (vaBits >= 40), high above explicit addresses of examples.
const FIRST_FREE_PAGE = 0x10_0000_0000 / PAGE_BYTES;
const PLACEMENT_PAGES = 512;

/** The process of an `EmulatedMachine`. Every method throws `EmulatedSyscallError` for what the system refuses. */
export class EmulatedProcess {
  /** The same calls with results instead of errors. */
  readonly calls: ProcessCalls;
  #nextFreePage = FIRST_FREE_PAGE;

  constructor(calls: ProcessCalls) {
    this.calls = calls;
  }

  get space(): AddressSpace {
    return this.calls.space;
  }

  /** Maps memory and returns its address. Touching mappings of one kind and protection become one VMA. */
  mmap(request: MmapRequest): bigint {
    const size = sizeArgument('size', request.size);
    const protection = protectionArgument('protection', request.protection ?? 'rw');
    const kind = wordArgument('kind', request.kind ?? 'anon', VMA_KINDS);
    const address = request.address === undefined ? this.#freePlace(size) : addressArgument('address', request.address);
    const { bytes } = request;
    if (bytes !== undefined && (!(bytes instanceof Uint8Array) || BigInt(bytes.length) !== size)) {
      throw new RangeError(`bytes: expected a Uint8Array of ${size} bytes`);
    }
    this.#check(this.calls.mmap(address, size, protection, kind), 'mmap', address, size);
    if (bytes !== undefined) this.space.contents.attach(Number(address >> 12n), bytes);
    return address;
  }

  munmap(address: bigint, size: number | bigint): void {
    const bytes = sizeArgument('size', size);
    this.#check(this.calls.munmap(addressArgument('address', address), bytes), 'munmap', address, bytes);
  }

  /** `protection`: letters r, w, x or '-'. */
  mprotect(address: bigint, size: number | bigint, protection: string): void {
    const bytes = sizeArgument('size', size, { zero: true });
    const bits = protectionArgument('protection', protection);
    this.#check(this.calls.mprotect(addressArgument('address', address), bytes, bits), 'mprotect', address, bytes);
  }

  /** MADV_DONTNEED: the pages are dropped and read as zeros again (file pages come back as they were). */
  discard(address: bigint, size: number | bigint): void {
    const bytes = sizeArgument('size', size, { zero: true });
    this.#check(this.calls.dontneed(addressArgument('address', address), bytes), 'madvise', address, bytes);
  }

  /** The CPU reads (or writes) one byte of each page; returns pages passed and how many were not present. */
  touch(address: bigint, size: number | bigint, write: boolean): TouchResult {
    const bytes = sizeArgument('size', size);
    const touched = this.calls.touch(addressArgument('address', address), bytes, booleanArgument('write', write));
    this.#check(touched.result, 'touch', address, bytes);
    return touched;
  }

  /** What the CPU reads there. */
  read(address: bigint, length: number): Uint8Array<ArrayBuffer> {
    this.touch(address, length, false);
    const result = new Uint8Array(length);
    this.#eachPage(address, length, (bytes, offset) => result.set(bytes, offset), false);
    return result;
  }

  /** The CPU writes `data` there. */
  write(address: bigint, data: Uint8Array): void {
    if (!(data instanceof Uint8Array)) throw new TypeError('data: expected a Uint8Array');
    if (data.length === 0) return;
    this.touch(address, data.length, true);
    this.#eachPage(
      address,
      data.length,
      (bytes, offset) => bytes.set(data.subarray(offset, offset + bytes.length)),
      true,
    );
  }

  /** Whether every page of `[address, address + size)` is mapped readable and writable. */
  isReadWrite(address: bigint, size: number | bigint): boolean {
    const wanted = Protection.read | Protection.write;
    let page = Number(addressArgument('address', address) >> 12n);
    const end = page + Number((sizeArgument('size', size) + 0xfffn) >> 12n);
    while (page < end) {
      const vma = this.space.findVma(page);
      if (vma === undefined || (vma.protection & wanted) !== wanted) return false;
      page = vma.endPage;
    }
    return true;
  }

  /** The process exits: RELEASE and UNMAP events for everything. */
  exit(): void {
    this.calls.exit();
  }

  /** Visits the bytes of `[address, address + length)` page by page, with their offset in the whole. */
  #eachPage(
    address: bigint,
    length: number,
    visit: (bytes: Uint8Array, offset: number) => void,
    create: boolean,
  ): void {
    let offset = 0;
    let page = Number(address >> 12n);
    let within = Number(address & 0xfffn);
    while (offset < length) {
      const count = Math.min(PAGE_BYTES - within, length - offset);
      const { contents } = this.space;
      const bytes = create ? contents.bytesOf(page) : contents.peek(page);
      if (bytes !== undefined) visit(bytes.subarray(within, within + count), offset);
      offset += count;
      page++;
      within = 0;
    }
  }

  #freePlace(size: bigint): bigint {
    const pages = Number((size + 0xfffn) >> 12n);
    let page = this.#nextFreePage;
    // Explicit mappings may stand in the way.
    for (let next = this.space.findVmaFrom(page); next !== undefined && next.startPage < page + pages;) {
      page = Math.ceil((next.endPage + 1) / PLACEMENT_PAGES) * PLACEMENT_PAGES;
      next = this.space.findVmaFrom(page);
    }
    // A gap keeps separate mappings separate VMAs.
    this.#nextFreePage = Math.ceil((page + pages + 1) / PLACEMENT_PAGES) * PLACEMENT_PAGES;
    return BigInt(page) << 12n;
  }

  #check(result: number, syscall: string, address: bigint, size: bigint): void {
    if (result < 0)
      throw new EmulatedSyscallError(result, syscall, `[0x${address.toString(16)}, +0x${size.toString(16)})`);
  }
}

function protectionArgument(name: string, letters: unknown): number {
  const bits = typeof letters === 'string' ? protectionOfLetters(letters) : undefined;
  if (bits === undefined) throw new RangeError(`${name}: expected letters of 'rwx' or '-', got ${String(letters)}`);
  return bits;
}
