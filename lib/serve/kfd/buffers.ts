/** Buffer objects of a served KFD, and where their bytes are (spec/kfd-queue §4). */
import { randomBytes } from 'node:crypto';
import type { KfdClient } from './client.ts';
import { AllocFlag } from './interface.ts';

const PAGE_BYTES = 4096;

/** One allocation. */
export interface KfdBuffer {
  /** gpu_id << 32 | number. */
  readonly handle: bigint;
  readonly gpu: number;
  /** In the address space of the GPU. */
  readonly address: bigint;
  readonly size: bigint;
  readonly flags: number;
  /** Where it is mapped from, or the address of the user's memory. */
  readonly offset: bigint;
  onGpu: boolean;
}

/** An offset that nobody can guess: whoever has the file open can map what they know the place of. */
export function secretOffset(): bigint {
  // Whole pages, below 2^61, so that it is no address and no doorbell.
  return (1n << 60n) | ((BigInt(`0x${randomBytes(6).toString('hex')}`) & 0x3fff_ffff_ffffn) << 12n);
}

/** The bytes of the buffers that are on the GPU, by the GPU's addresses. */
export class BufferMemory {
  readonly #client: KfdClient;
  readonly #buffers = new Set<KfdBuffer>();
  /** Contents of buffers that the CPU has not mapped, by their pages. */
  readonly #own = new Map<KfdBuffer, Map<number, Uint8Array>>();

  constructor(client: KfdClient) {
    this.#client = client;
  }

  add(buffer: KfdBuffer): void {
    this.#buffers.add(buffer);
  }

  remove(buffer: KfdBuffer): void {
    this.#buffers.delete(buffer);
  }

  /** The buffer is freed. */
  free(buffer: KfdBuffer): void {
    this.#buffers.delete(buffer);
    this.#own.delete(buffer);
  }

  /** The buffer that holds `address`, else how far the next one is away. */
  at(address: bigint): KfdBuffer | bigint {
    let next = 1n << 64n;
    for (const buffer of this.#buffers) {
      if (address >= buffer.address && address < buffer.address + buffer.size) return buffer;
      if (buffer.address > address && buffer.address - address < next) next = buffer.address - address;
    }
    return next;
  }

  /** Whether a buffer lies in these bytes: in the GPU's address space, or in the user's memory that it is made of. */
  meets(address: bigint, size: bigint): boolean {
    for (const buffer of this.#buffers) {
      const places = (buffer.flags & AllocFlag.userptr) === 0 ? [buffer.address] : [buffer.address, buffer.offset];
      if (places.some((at) => address < at + buffer.size && at < address + size)) return true;
    }
    return false;
  }

  /** Bytes inside one buffer. Throws (EFAULT) where the client's memory has gone. */
  read(buffer: KfdBuffer, address: bigint, target: Uint8Array): void {
    const cpu = this.#cpuAddress(buffer, address);
    if (cpu !== undefined) return this.#client.process.read(cpu, target);
    this.#eachPage(buffer, address, target.length, (page, within, offset, count) => {
      const bytes = this.#own.get(buffer)?.get(page);
      if (bytes === undefined) target.fill(0, offset, offset + count);
      else target.set(bytes.subarray(within, within + count), offset);
    });
  }

  write(buffer: KfdBuffer, address: bigint, source: Uint8Array): void {
    const cpu = this.#cpuAddress(buffer, address);
    if (cpu !== undefined) return this.#client.process.write(cpu, source);
    let pages = this.#own.get(buffer);
    if (pages === undefined) this.#own.set(buffer, (pages = new Map()));
    this.#eachPage(buffer, address, source.length, (page, within, offset, count) => {
      let bytes = pages.get(page);
      if (bytes === undefined) pages.set(page, (bytes = new Uint8Array(PAGE_BYTES)));
      bytes.set(source.subarray(offset, offset + count), within);
    });
  }

  /** Where the client sees the byte: in its own memory, or where it has mapped the buffer, which all do at its address. */
  #cpuAddress(buffer: KfdBuffer, address: bigint): bigint | undefined {
    if ((buffer.flags & AllocFlag.userptr) !== 0) return buffer.offset + (address - buffer.address);
    return this.#client.hasMapped(buffer.address) ? address : undefined;
  }

  #eachPage(
    buffer: KfdBuffer,
    address: bigint,
    length: number,
    visit: (page: number, within: number, offset: number, count: number) => void,
  ): void {
    let at = Number(address - buffer.address);
    for (let offset = 0; offset < length;) {
      const within = at % PAGE_BYTES;
      const count = Math.min(PAGE_BYTES - within, length - offset);
      visit((at - within) / PAGE_BYTES, within, offset, count);
      offset += count;
      at += count;
    }
  }
}
