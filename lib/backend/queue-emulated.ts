/** GPU work: on the emulator through the GPU's page table, raising and retrying faults as a shader or DMA engine does. */
import { accessDenial, gpuRead, gpuWrite } from '../../emulator/index.ts';
import { deniedAccess } from '../words/faults.ts';
import type { EmulatedDevice, EmulatedFile, EmulatedMachineClock } from '../../emulator/index.ts';
import { codedError, show, typeError } from '../uapi/errors.ts';
import { GpuFaultError } from './queue.ts';
import type { GpuQueue } from './queue.ts';
import { addressOf, integerOf, sizeOf, wordOf } from '../uapi/range.ts';

/** How long a GPU waits before it repeats a faulted access, in ns of the virtual clock. */
export const XNACK_RETRY_INTERVAL = 250_000;
/** After so many retries without progress the access is given up: a real GPU would retry for ever. */
const MOST_RETRIES = 64;
const CHUNK_BYTES = 1 << 20;
const WORD_BYTES = 8;
const LARGEST_U32 = 0xffff_ffff;

/** GPU work of one open emulated device. */
export class EmulatedQueue implements GpuQueue {
  readonly #device: EmulatedDevice;
  readonly #file: EmulatedFile;
  readonly #clock: EmulatedMachineClock;
  readonly #isClosed: () => boolean;
  #tail: Promise<unknown> = Promise.resolve();
  #closed = false;

  /** Use `device.createQueue()`. */
  constructor(device: EmulatedDevice, file: EmulatedFile, clock: EmulatedMachineClock, isClosed: () => boolean) {
    this.#device = device;
    this.#file = file;
    this.#clock = clock;
    this.#isClosed = isClosed;
  }

  fill(address: bigint, value: number, size: number | bigint): Promise<void> {
    const start = addressOf('address', address);
    const pattern = integerOf('value', value, 0, LARGEST_U32);
    const bytes = this.#extent(start, size);
    if (start % 4n !== 0n || bytes % 4 !== 0) {
      throw typeError('ERR_SVM_INVALID_TYPE', `address, size: expected multiples of 4, got ${start}n, ${bytes}`);
    }
    return this.#enqueue(() => {
      this.#reach(start, bytes, true);
      const words = new Uint32Array(Math.min(bytes, CHUNK_BYTES) / 4).fill(pattern);
      const chunk = new Uint8Array(words.buffer);
      for (let at = 0; at < bytes; at += CHUNK_BYTES) {
        gpuWrite(this.#device, this.#file, start + BigInt(at), chunk.subarray(0, Math.min(CHUNK_BYTES, bytes - at)));
      }
    });
  }

  copy(destination: bigint, source: bigint, size: number | bigint): Promise<void> {
    const to = addressOf('destination', destination);
    const from = addressOf('source', source);
    const bytes = this.#extent(from, size);
    this.#extent(to, size);
    if (from < to + BigInt(bytes) && to < from + BigInt(bytes)) {
      throw typeError('ERR_SVM_INVALID_TYPE', 'destination, source: the ranges must not overlap');
    }
    return this.#enqueue(() => {
      this.#reach(from, bytes, false);
      this.#reach(to, bytes, true);
      for (let at = 0; at < bytes; at += CHUNK_BYTES) {
        const count = Math.min(CHUNK_BYTES, bytes - at);
        const chunk = gpuRead(this.#device, this.#file, from + BigInt(at), count);
        gpuWrite(this.#device, this.#file, to + BigInt(at), chunk);
      }
    });
  }

  write(address: bigint, data: Uint8Array): Promise<void> {
    const start = addressOf('address', address);
    if (!(data instanceof Uint8Array))
      throw typeError('ERR_SVM_INVALID_TYPE', `data: expected a Uint8Array, got ${show(data)}`);
    const bytes = data.slice();
    this.#extent(start, bytes.length);
    return this.#enqueue(() => {
      this.#reach(start, bytes.length, true);
      gpuWrite(this.#device, this.#file, start, bytes);
    });
  }

  read(address: bigint, size: number): Promise<Uint8Array<ArrayBuffer>> {
    const start = addressOf('address', address);
    const bytes = this.#extent(start, size);
    return this.#enqueue(() => {
      this.#reach(start, bytes, false);
      return gpuRead(this.#device, this.#file, start, bytes);
    });
  }

  atomicAdd(address: bigint, value: bigint): Promise<void> {
    const start = addressOf('address', address);
    const addend = wordOf('value', value);
    this.#extent(start, WORD_BYTES);
    if (start % BigInt(WORD_BYTES) !== 0n) {
      throw typeError('ERR_SVM_INVALID_TYPE', `address: expected a multiple of ${WORD_BYTES}, got ${start}n`);
    }
    return this.#enqueue(() => {
      this.#reach(start, WORD_BYTES, true);
      const word = gpuRead(this.#device, this.#file, start, WORD_BYTES);
      const view = new DataView(word.buffer);
      view.setBigUint64(0, view.getBigUint64(0, true) + addend, true);
      gpuWrite(this.#device, this.#file, start, word);
    });
  }

  idle(): Promise<void> {
    return this.#tail.then(() => undefined);
  }

  close(): void {
    this.#closed = true;
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** The size as a number; what lies beyond 2^64 can't be accessed. */
  #extent(address: bigint, size: unknown): number {
    const bytes = sizeOf('size', size);
    if (bytes > BigInt(Number.MAX_SAFE_INTEGER) || address + bytes > 1n << 64n) {
      throw typeError(
        'ERR_SVM_INVALID_TYPE',
        `size: ${bytes} bytes from 0x${address.toString(16)} reach beyond what can be accessed`,
      );
    }
    return Number(bytes);
  }

  #enqueue<T>(operation: () => T): Promise<T> {
    if (this.#closed) return Promise.reject(codedError('ERR_SVM_CLOSED', 'the queue is closed'));
    const result = this.#tail.then(() => {
      if (this.#isClosed()) throw codedError('ERR_SVM_CLOSED', 'the device of this queue is closed');
      return operation();
    });
    // The next operation runs whatever became of this one; its own promise tells the caller.
    this.#tail = result.catch(() => undefined);
    return result;
  }

  /** Makes every page accessible to the GPU: faults, waits the retry interval, faults again. */
  #reach(address: bigint, size: number, write: boolean): void {
    let at = address;
    const end = address + BigInt(size);
    let retries = 0;
    while (at < end) {
      const access = this.#device.access({ address: at, size: end - at, write, file: this.#file });
      const failed = access.runs.find((run) => run.outcome === 'failed');
      if (failed === undefined) return;
      const page = BigInt(failed.startPage) << 12n;
      const next = page > at ? page : at;
      if (access.result !== 0) {
        throw new GpuFaultError(
          next,
          write ? 'write' : 'read',
          deniedAccess(accessDenial(this.#device, this.#file, next, write, access.result)),
        );
      }
      retries = next > at ? 0 : retries + 1;
      if (retries > MOST_RETRIES) {
        throw new GpuFaultError(
          next,
          write ? 'write' : 'read',
          deniedAccess(accessDenial(this.#device, this.#file, next, write, 0)),
        );
      }
      at = next;
      this.#clock.advance(XNACK_RETRY_INTERVAL);
    }
  }
}
