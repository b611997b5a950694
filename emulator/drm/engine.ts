// Models: a shader or DMA engine - it touches memory through the page table of one file, faults and retries (spec/05-faults §1).
import { applyAtomic } from '../../lib/uapi/atomic.ts';
import type { Atomic } from '../../lib/uapi/atomic.ts';
import { addressOfPage } from '../kernel/page-number.ts';
import type { EmulatedDevice } from './device.ts';
import { accessDenial } from './denied-access.ts';
import type { AccessDenial } from './denied-access.ts';
import type { EmulatedFile } from './file.ts';
import type { DecidedKill } from './gpu-accesses.ts';
import { gpuRead, gpuWrite } from './gpu-memory.ts';
import { waitForQueues } from './queue-wait.ts';

/** How long a GPU waits before it repeats a faulted access, in ns of the virtual clock. */
export const XNACK_RETRY_INTERVAL = 250_000;
/** After so many retries without progress the access is given up: a real GPU would retry forever. */
const MOST_RETRIES = 64;
const CHUNK_BYTES = 1 << 20;

/** An access that the GPU gives up: it was killed, or is repeated forever. Nothing was read or written. */
export class GpuAccessError extends Error {
  readonly code = 'ERR_SVM_GPU_FAULT';
  /** First byte of the first page that could not be accessed. */
  readonly address: bigint;
  readonly access: 'read' | 'write';
  /** Why. */
  readonly denial: AccessDenial;

  constructor(address: bigint, access: 'read' | 'write', denial: AccessDenial) {
    super(`GPU ${access} at 0x${address.toString(16)} failed`);
    this.name = 'GpuAccessError';
    this.address = address;
    this.access = access;
    this.denial = denial;
  }
}

/**
 * Executes GPU work on the address space of one open file. Each method does all of its work or throws
 * `GpuAccessError`; addresses and sizes are bytes, which the caller has checked to lie below 2^64.
 */
export class GpuEngine {
  readonly #device: EmulatedDevice;
  readonly #file: EmulatedFile;
  readonly #clock: { advance(nanoseconds: number): void };

  /** `clock` is moved where the GPU waits: by the retry interval of XNACK, or until its stopped queues are resumed. */
  constructor(device: EmulatedDevice, file: EmulatedFile, clock: { advance(nanoseconds: number): void }) {
    this.#device = device;
    this.#file = file;
    this.#clock = clock;
  }

  /** Writes the u32 `pattern` (little endian) over `size` bytes, a multiple of 4. */
  fill(address: bigint, pattern: number, size: number): void {
    this.#reach(address, size, true);
    const words = new Uint32Array(Math.min(size, CHUNK_BYTES) / 4).fill(pattern);
    const chunk = new Uint8Array(words.buffer);
    for (let at = 0; at < size; at += CHUNK_BYTES) {
      gpuWrite(this.#device, this.#file, address + BigInt(at), chunk.subarray(0, Math.min(CHUNK_BYTES, size - at)));
    }
  }

  /** Copies `size` bytes; the ranges do not overlap. */
  copy(destination: bigint, source: bigint, size: number): void {
    this.#reach(source, size, false);
    this.#reach(destination, size, true);
    for (let at = 0; at < size; at += CHUNK_BYTES) {
      const chunk = gpuRead(this.#device, this.#file, source + BigInt(at), Math.min(CHUNK_BYTES, size - at));
      gpuWrite(this.#device, this.#file, destination + BigInt(at), chunk);
    }
  }

  /** Reads bytes through the page table, with the faults that it takes. GpuAccessError where the access is given up. */
  read(address: bigint, size: number): Uint8Array<ArrayBuffer> {
    this.#reach(address, size, false);
    return gpuRead(this.#device, this.#file, address, size);
  }

  /** Writes bytes through the page table, with the faults that it takes. GpuAccessError where the access is given up. */
  write(address: bigint, data: Uint8Array): void {
    this.#reach(address, data.length, true);
    gpuWrite(this.#device, this.#file, address, data);
  }

  /** Changes the word at `address`, a multiple of its bytes. */
  atomic(address: bigint, atomic: Atomic): void {
    const bytes = atomic.bits / 8;
    this.#reach(address, bytes, true);
    const word = gpuRead(this.#device, this.#file, address, bytes);
    applyAtomic(word, atomic);
    gpuWrite(this.#device, this.#file, address, word);
  }

  /** Makes every page accessible to the GPU: faults, waits the retry interval, faults again. Stopped queues touch nothing. */
  #reach(address: bigint, size: number, write: boolean): void {
    let at = address;
    const end = address + BigInt(size);
    let retries = 0;
    while (at < end) {
      if (this.#device.surroundings.queues.stops > 0 && !waitForQueues(this.#device, this.#clock))
        throw new GpuAccessError(at, write ? 'write' : 'read', { result: 0, cause: 'queues-stopped' });
      const { access, killed } = this.#device.work(this.#file, at, end - at, write);
      if (killed !== undefined) throw this.#giveUp(maximum(at, addressOfPage(killed.page)), write, killed);
      const failed = access.runs.find((run) => run.outcome === 'failed');
      if (failed === undefined) return;
      const next = maximum(at, addressOfPage(failed.startPage));
      retries = next > at ? 0 : retries + 1;
      if (retries > MOST_RETRIES) throw this.#giveUp(next, write);
      at = next;
      this.#clock.advance(XNACK_RETRY_INTERVAL);
    }
  }

  #giveUp(address: bigint, write: boolean, killed?: DecidedKill): GpuAccessError {
    const denial =
      killed?.decided === undefined
        ? accessDenial(this.#device, this.#file, address, write, killed?.result ?? 0)
        : { result: killed.result, decided: killed.decided, cause: undefined };
    return new GpuAccessError(address, write ? 'write' : 'read', denial);
  }
}

function maximum(left: bigint, right: bigint): bigint {
  return left > right ? left : right;
}
