/** What is behind an allocation: host memory, or a mapping of the driver that SVM does not reach. */
import { bytesOf } from '../uapi/bytes.ts';
import type { HsaRuntime } from '../hsa/index.ts';
import type { HostBuffer } from '../device/host-memory.ts';
import { codedError, rangeError } from '../uapi/errors.ts';
import { SparseBytes } from './sparse-bytes.ts';

/** The mapping behind an allocation; a `HostBuffer` is one. */
export interface Backing {
  readonly address: bigint;
  readonly bytes: Uint8Array<ArrayBuffer>;
  read(offset?: number, length?: number): Uint8Array<ArrayBuffer>;
  write(offset: number, data: ArrayBufferView): void;
  unmap(): void;
  /** Only of memory of the driver. */
  contents?(): DriverContents;
}

/** What memory of the driver holds; offsets and lengths are bytes inside of it. */
export interface DriverContents {
  read(offset: number, length: number): Uint8Array<ArrayBuffer>;
  write(offset: number, data: Uint8Array): void;
  fill(offset: number, length: number, byte: number): void;
}

/** Managed memory: a reservation of HSA. */
export class ReservedBacking implements Backing {
  readonly address: bigint;
  readonly #hsa: HsaRuntime;
  readonly #buffer: HostBuffer;

  /** `bytes`: whole pages; `place`: where it should begin if that is free. */
  constructor(hsa: HsaRuntime, bytes: bigint, place: bigint | undefined) {
    this.#hsa = hsa;
    this.#buffer = hsa.vmemAddressReserve(bytes, place);
    this.address = this.#buffer.address;
  }

  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#buffer.bytes;
  }

  read(offset?: number, length?: number): Uint8Array<ArrayBuffer> {
    return this.#buffer.read(offset, length);
  }

  write(offset: number, data: ArrayBufferView): void {
    this.#buffer.write(offset, data);
  }

  unmap(): void {
    // A closed runtime has given all of it back.
    if (!this.#hsa.closed) this.#hsa.vmemAddressFree(this.address, this.#buffer.size);
  }
}

/** Device memory: an address that the CPU can't look into. */
export class DeviceBacking implements Backing {
  readonly address: bigint;
  readonly #unmap: () => void;
  readonly #contents = new SparseBytes();

  constructor(address: bigint, unmap: () => void) {
    this.address = address;
    this.#unmap = unmap;
  }

  /** What commands of streams copy there and from there. */
  contents(): DriverContents {
    return this.#contents;
  }

  get bytes(): Uint8Array<ArrayBuffer> {
    throw notMapped('bytes');
  }

  read(): Uint8Array<ArrayBuffer> {
    throw notMapped('read');
  }

  write(): void {
    throw notMapped('write');
  }

  unmap(): void {
    this.#unmap();
  }
}

/** Pinned host memory; its contents are an array of their own, as no page of the process is behind the mapping. */
export class PinnedBacking implements Backing {
  readonly address: bigint;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly #unmap: () => void;

  constructor(address: bigint, size: number, unmap: () => void) {
    this.address = address;
    this.bytes = new Uint8Array(size);
    this.#unmap = unmap;
  }

  read(offset = 0, length: number = this.bytes.length - offset): Uint8Array<ArrayBuffer> {
    this.#assertInside(offset, length);
    return this.bytes.slice(offset, offset + length);
  }

  write(offset: number, data: ArrayBufferView): void {
    const bytes = bytesOf('data', data);
    this.#assertInside(offset, bytes.length);
    this.bytes.set(bytes, offset);
  }

  unmap(): void {
    this.#unmap();
  }

  contents(): DriverContents {
    const { bytes } = this;
    return {
      read: (offset, length) => bytes.slice(offset, offset + length),
      write: (offset, data) => bytes.set(data, offset),
      fill: (offset, length, byte) => void bytes.fill(byte, offset, offset + length),
    };
  }

  #assertInside(offset: number, length: number): void {
    if (!(offset >= 0 && length >= 0 && offset + length <= this.bytes.length)) {
      throw rangeError(
        'ERR_SVM_OUT_OF_RANGE',
        `offset, length: expected whole numbers inside ${this.bytes.length} bytes, got ${offset}, ${length}`,
      );
    }
  }
}

function notMapped(what: string): Error {
  return codedError('ERR_SVM_NOT_AVAILABLE', `${what}: device memory is not mapped for the CPU`);
}
