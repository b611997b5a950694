// Models: the process as its own program sees it - memory to map, change, read and write.
import { Errno } from '../lib/uapi/errno.ts';
import { PAGE_BYTES } from './kernel/page-number.ts';
import type { AddressSpace, TouchResult } from './mm/address-space.ts';
import { Protection, protectionOfLetters, VMA_KINDS } from './mm/vma.ts';
import type { VmaKind } from './mm/vma.ts';
import {
  addressArgument,
  argumentError,
  booleanArgument,
  bytesArgument,
  describe,
  sizeArgument,
  wordArgument,
} from './kernel/arguments.ts';
import { EmulatedChild } from './process-child.ts';
import { EmulatedSyscallError } from './process-error.ts';
import type { ProcessCalls } from './process-calls.ts';

/** What to map. */
export interface MmapRequest {
  /** First byte, a multiple of 4096; default: a free place, aligned to 2 MiB. */
  readonly address?: bigint;
  /** Length in bytes, a multiple of 4096. */
  readonly size: number | bigint;
  /** Of a free place, in bytes: a multiple of 4096. Default 2 MiB. */
  readonly alignment?: number | bigint;
  /** Letters r, w, x or '-'. Default 'rw'. */
  readonly protection?: string;
  /** Default 'anon'. */
  readonly kind?: VmaKind;
  /**
   * Of kinds 'file' and 'shared': bytes of the file, from 0 on; an access to pages after its end is a bus error. Default: it
   * reaches further than the mapping.
   */
  readonly fileSize?: number | bigint;
  /** Contents of the mapping, shared with the caller; its length must be `size`. */
  readonly bytes?: Uint8Array;
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

  /** The address space of the process. */
  get space(): AddressSpace {
    return this.calls.space;
  }

  /** Maps memory and returns its address. Touching mappings of one kind and protection become one VMA. */
  mmap(request: MmapRequest): bigint {
    const size = sizeArgument('size', request.size);
    const protection = protectionArgument('protection', request.protection ?? 'rw');
    const kind = wordArgument('kind', request.kind ?? 'anon', VMA_KINDS);
    const address =
      request.address === undefined
        ? this.#freePlace(size, alignmentArgument(request.alignment))
        : addressArgument('address', request.address);
    const bytes = request.bytes === undefined ? undefined : bytesArgument('bytes', request.bytes);
    if (bytes !== undefined && BigInt(bytes.length) !== size)
      throw argumentError(RangeError, `bytes: expected ${size} bytes, got ${bytes.length}`);
    this.#check(this.calls.mmap(address, size, protection, kind, fileSizeArgument(request)), 'mmap', address, size);
    if (bytes !== undefined) this.space.contents.attach(Number(address >> 12n), bytes);
    return address;
  }

  /** Unmaps whole pages; holes are not an error. Sizes in bytes. */
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

  /**
   * mremap: the last `size` bytes of one mapping, or a part of it, become `newSize` bytes. In place where that works; else, or
   * with `address` (MREMAP_FIXED: what is mapped there goes), at another place, which is returned. `mayMove: false`: only in
   * place. `keepOld` (MREMAP_DONTUNMAP): the old addresses stay mapped, and are empty. Pages keep their frames and what
   * they hold. NotModelledError for memory of hugetlbfs and for pages that a child shares.
   */
  mremap(
    address: bigint,
    size: number | bigint,
    newSize: number | bigint,
    options: { readonly address?: bigint; readonly mayMove?: boolean; readonly keepOld?: boolean } = {},
  ): bigint {
    const from = addressArgument('address', address);
    const [bytes, newBytes] = [sizeArgument('size', size), sizeArgument('newSize', newSize)];
    const keepOld = booleanArgument('keepOld', options.keepOld ?? false);
    const mayMove = booleanArgument('mayMove', options.mayMove ?? true);
    let target = options.address === undefined ? undefined : addressArgument('options.address', options.address);
    if (target === undefined && !keepOld) {
      const result = this.calls.mremap(from, bytes, newBytes);
      if (result !== -Errno.ENOMEM || !mayMove) {
        this.#check(result, 'mremap', from, bytes);
        return from;
      }
    }
    target ??= this.#freePlace(newBytes);
    this.#check(this.calls.mremap(from, bytes, newBytes, target, keepOld), 'mremap', from, bytes);
    return target;
  }

  /** mlock: the pages are brought in, and `swapOut` leaves them alone. */
  mlock(address: bigint, size: number | bigint): void {
    const bytes = sizeArgument('size', size, { zero: true });
    this.#check(this.calls.mlock(addressArgument('address', address), bytes), 'mlock', address, bytes);
  }

  /** Takes back `mlock`. */
  munlock(address: bigint, size: number | bigint): void {
    const bytes = sizeArgument('size', size, { zero: true });
    this.#check(this.calls.munlock(addressArgument('address', address), bytes), 'munlock', address, bytes);
  }

  /** The pages leave memory, and come back in other frames when somebody touches them (MADV_PAGEOUT). Returns how many left. */
  swapOut(address: bigint, size: number | bigint): number {
    const bytes = sizeArgument('size', size, { zero: true });
    const { result, pages } = this.calls.swapOut(addressArgument('address', address), bytes);
    this.#check(result, 'madvise', address, bytes);
    return pages;
  }

  /** Each whole 2 MiB with any page becomes one huge page (MADV_COLLAPSE; khugepaged does the same by itself). */
  collapse(address: bigint, size: number | bigint): void {
    const bytes = sizeArgument('size', size, { zero: true });
    this.#check(this.calls.collapse(addressArgument('address', address), bytes), 'madvise', address, bytes);
  }

  /** fork: a child that shares all private pages until one of both writes. Of the child there is only its memory. */
  fork(): EmulatedChild {
    return new EmulatedChild(this.calls, this.calls.fork());
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
    const source = bytesArgument('data', data);
    if (source.length === 0) return;
    this.touch(address, source.length, true);
    this.#eachPage(
      address,
      source.length,
      (bytes, offset) => bytes.set(source.subarray(offset, offset + bytes.length)),
      true,
    );
  }

  /** Whether every page of `[address, address + size)` is mapped. */
  isMapped(address: bigint, size: number | bigint): boolean {
    return this.#allAllow(address, size, 0);
  }

  /** Whether every page of `[address, address + size)` is mapped readable and writable. */
  isReadWrite(address: bigint, size: number | bigint): boolean {
    return this.#allAllow(address, size, Protection.read | Protection.write);
  }

  #allAllow(address: bigint, size: number | bigint, wanted: number): boolean {
    const first = addressArgument('address', address);
    const end = Number((first + sizeArgument('size', size) + 0xfffn) >> 12n);
    for (let page = Number(first >> 12n); page < end;) {
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

  #freePlace(size: bigint, alignment = PLACEMENT_PAGES): bigint {
    const pages = Number((size + 0xfffn) >> 12n);
    let page = Math.ceil(this.#nextFreePage / alignment) * alignment;
    // Explicit mappings may stand in the way.
    for (let next = this.space.findVmaFrom(page); next !== undefined && next.startPage < page + pages;) {
      page = Math.ceil((next.endPage + 1) / alignment) * alignment;
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

function fileSizeArgument({ kind, fileSize }: MmapRequest): bigint | undefined {
  if (fileSize === undefined) return undefined;
  if (kind !== 'file' && kind !== 'shared')
    throw argumentError(RangeError, `fileSize: only mappings of kinds file and shared have one, not ${kind ?? 'anon'}`);
  return sizeArgument('fileSize', fileSize, { zero: true });
}

/** In pages. */
function alignmentArgument(alignment: number | bigint | undefined): number | undefined {
  if (alignment === undefined) return undefined;
  const bytes = sizeArgument('alignment', alignment);
  if (bytes % BigInt(PAGE_BYTES) !== 0n || bytes > BigInt(Number.MAX_SAFE_INTEGER))
    throw argumentError(RangeError, `alignment: expected a multiple of ${PAGE_BYTES} below 2^53, got ${bytes}`);
  return Number(bytes) / PAGE_BYTES;
}

function protectionArgument(name: string, letters: unknown): number {
  const bits = typeof letters === 'string' ? protectionOfLetters(letters) : undefined;
  if (bits === undefined)
    throw argumentError(RangeError, `${name}: expected letters of 'rwx' or '-', got ${describe(letters)}`);
  return bits;
}
