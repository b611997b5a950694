/** Memory of a case: the same calls on an emulated process and on the real one. */
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { HostBuffer, HostProtection, SvmDevice } from '../../device/index.ts';
import { HOST_PROTECTIONS, PROTECTION_LETTERS } from '../../uapi/protection.ts';
import type { EmulatedMachine, VmaKind } from '../../device/emulated.ts';
import { PAGE_SIZE } from '../../uapi/constants.ts';
import { CaseSkipped, ConformanceFailure } from './check.ts';

/** What the CPU may do: letters as in /proc/self/maps. */
export type Letters = (typeof PROTECTION_LETTERS)[HostProtection];
const WORDS = Object.fromEntries(HOST_PROTECTIONS.map((each) => [PROTECTION_LETTERS[each], each])) as Readonly<
  Record<Letters, HostProtection>
>;

/** How memory is mapped. */
export interface MappingOptions {
  /** Kind of VMA. Default 'anon': private, anonymous. Others need a feature that names them. */
  readonly kind?: VmaKind;
  /** Of kinds 'file' and 'shared': bytes of the file, from the first on. Default: more than are mapped. */
  readonly fileSize?: number;
  /** Default 'rw'. */
  readonly protection?: Letters;
  /** First byte; needs the feature 'address-choice'. Default: a free place, aligned to 2 MiB. */
  readonly address?: bigint;
}

const ALIGNMENT = 2 << 20;

/** A mapping. Offsets and lengths are bytes; `length` is the rest where it is left out. */
export interface Mapping {
  readonly address: bigint;
  readonly size: number;
  /** Address of the byte at `offset`. */
  at(offset: number): bigint;
  /** The part as a range for the calls of `SvmDevice`. */
  range(offset?: number, length?: number): { address: bigint; size: number };
  /** What the CPU reads. */
  read(offset: number, length: number): Uint8Array;
  /** The CPU writes. */
  write(offset: number, data: Uint8Array): void;
  protect(letters: Letters, offset?: number, length?: number): void;
  /** MADV_DONTNEED. */
  discard(offset?: number, length?: number): void;
  unmap(offset?: number, length?: number): void;
  /** mlock. */
  lock(offset?: number, length?: number): void;
  /** munlock. */
  unlock(offset?: number, length?: number): void;
  /** mremap: the pages come to lie in `target`, in the place of what is mapped there. */
  moveTo(target: Mapping, options?: MoveOptions): void;
}

/** Which pages move, and where they go; bytes. */
export interface MoveOptions {
  /** Default 0. */
  readonly offset?: number;
  /** Default: the rest. */
  readonly length?: number;
  /** Default 0. */
  readonly targetOffset?: number;
  /** MREMAP_DONTUNMAP: the old addresses stay mapped, without pages. */
  readonly keepOld?: boolean;
}

abstract class BaseMapping implements Mapping {
  abstract readonly address: bigint;
  abstract readonly size: number;
  abstract read(offset: number, length: number): Uint8Array;
  abstract write(offset: number, data: Uint8Array): void;
  abstract protect(letters: Letters, offset?: number, length?: number): void;
  abstract discard(offset?: number, length?: number): void;
  abstract unmap(offset?: number, length?: number): void;
  abstract lock(offset?: number, length?: number): void;
  abstract unlock(offset?: number, length?: number): void;
  abstract moveTo(target: Mapping, options?: MoveOptions): void;

  at(offset: number): bigint {
    return this.address + BigInt(offset);
  }

  range(offset = 0, length: number = this.size - offset): { address: bigint; size: number } {
    return { address: this.at(offset), size: length };
  }
}

/** Memory of an emulated process. */
export class EmulatedMapping extends BaseMapping {
  readonly address: bigint;
  readonly size: number;
  readonly #machine: EmulatedMachine;

  constructor(machine: EmulatedMachine, size: number, options: MappingOptions) {
    super();
    this.#machine = machine;
    this.size = size;
    const { kind = 'anon', protection = 'rw', address, fileSize } = options;
    this.address = machine.process.mmap({
      size,
      kind,
      protection,
      ...(address === undefined ? {} : { address }),
      ...(fileSize === undefined ? {} : { fileSize }),
    });
  }

  read(offset: number, length: number): Uint8Array {
    return this.#machine.process.read(this.at(offset), length);
  }

  write(offset: number, data: Uint8Array): void {
    this.#machine.process.write(this.at(offset), data);
  }

  protect(letters: Letters, offset = 0, length: number = this.size - offset): void {
    this.#machine.process.mprotect(this.at(offset), length, letters);
  }

  discard(offset = 0, length: number = this.size - offset): void {
    this.#machine.process.discard(this.at(offset), length);
  }

  unmap(offset = 0, length: number = this.size - offset): void {
    this.#machine.process.munmap(this.at(offset), length);
  }

  lock(offset = 0, length: number = this.size - offset): void {
    this.#machine.process.mlock(this.at(offset), length);
  }

  unlock(offset = 0, length: number = this.size - offset): void {
    this.#machine.process.munlock(this.at(offset), length);
  }

  moveTo(
    target: Mapping,
    { offset = 0, length = this.size - offset, targetOffset = 0, keepOld }: MoveOptions = {},
  ): void {
    const address = target.at(targetOffset);
    this.#machine.process.mremap(this.at(offset), length, length, {
      address,
      ...(keepOld === true ? { keepOld } : {}),
    });
  }
}

/** Memory of this process, for a kernel node. */
export class HostMapping extends BaseMapping {
  readonly address: bigint;
  readonly size: number;
  readonly #buffer: HostBuffer;

  constructor(device: SvmDevice, size: number, options: MappingOptions) {
    super();
    this.size = size;
    const { kind = 'anon', protection = 'rw', address, fileSize } = options;
    this.#buffer = place(address, size, (at) => mapKind(device, kind, size, at, fileSize));
    this.address = this.#buffer.address;
    if (protection !== 'rw') this.protect(protection);
  }

  read(offset: number, length: number): Uint8Array {
    return this.#buffer.read(offset, length);
  }

  write(offset: number, data: Uint8Array): void {
    this.#buffer.write(offset, data);
  }

  protect(letters: Letters, offset = 0, length: number = this.size - offset): void {
    this.#buffer.protect(WORDS[letters], offset, length);
  }

  discard(offset = 0, length: number = this.size - offset): void {
    this.#buffer.discard(offset, length);
  }

  unmap(offset = 0, length: number = this.size - offset): void {
    this.#buffer.unmap(offset, length);
  }

  lock(offset = 0, length: number = this.size - offset): void {
    this.#buffer.lock(offset, length);
  }

  unlock(offset = 0, length: number = this.size - offset): void {
    this.#buffer.unlock(offset, length);
  }

  moveTo(
    target: Mapping,
    { offset = 0, length = this.size - offset, targetOffset = 0, keepOld }: MoveOptions = {},
  ): void {
    if (!(target instanceof HostMapping))
      throw new ConformanceFailure('moveTo: the target is memory of another process');
    this.#buffer.moveTo(target.#buffer, {
      offset,
      length,
      targetOffset,
      ...(keepOld === true ? { keepOld } : {}),
    });
  }
}

/**
 * Far from what the system and V8 (46 bits) choose by themselves, so that a place that is given back stays free: for the
 * case, which may map it again, and for a GPU that is sent to a hole and must not find other memory there.
 */
let nextAddress = 0x5000_0000_0000n;
const MOST_TRIES = 100;

/** Maps at the address that the case wants, or at the next place of our own, aligned and with a hole after it. */
function place(wanted: bigint | undefined, size: number, map: (address: bigint) => HostBuffer): HostBuffer {
  if (wanted !== undefined) return map(wanted);
  for (let tries = 1; ; tries++) {
    const address = nextAddress;
    nextAddress += BigInt((Math.ceil(size / ALIGNMENT) + 1) * ALIGNMENT);
    try {
      return map(address);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || tries === MOST_TRIES) throw error;
    }
  }
}

/** Maps memory of a kind that every process can have; others need a feature that no kernel backend has. */
function mapKind(device: SvmDevice, kind: VmaKind, size: number, address: bigint, fileSize: number = size): HostBuffer {
  if (kind === 'anon') return device.memory.map(size, { address });
  if (kind === 'shared') return device.memory.map(size, { address, shared: true });
  if (kind === 'thp') return device.memory.map(size, { address, hugePages: 'always' });
  if (kind !== 'file') throw new CaseSkipped(`the case needs memory of kind ${kind} and does not say so`);
  const folder = mkdtempSync(join(tmpdir(), 'amdgpu-svm-file-'));
  try {
    const path = join(folder, 'pages');
    writeFileSync(path, '');
    truncateSync(path, fileSize);
    return device.memory.map(size, { address, shared: true, file: path });
  } finally {
    // The mapping keeps the file.
    rmSync(folder, { recursive: true });
  }
}

/** Bytes of `pages` pages. */
export function pages(count: number): number {
  return count * PAGE_SIZE;
}
