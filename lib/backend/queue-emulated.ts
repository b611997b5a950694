/** GPU work on the emulator: checks arguments and keeps the order; the engine of the emulated device does the work. */
import { GpuAccessError, GpuEngine } from '../../emulator/index.ts';
import type { EmulatedDevice, EmulatedFile, EmulatedMachineClock } from '../../emulator/index.ts';
import { deniedAccess } from '../words/faults.ts';
import { codedError, show, typeError } from '../uapi/errors.ts';
import { GpuFaultError } from './queue.ts';
import type { GpuQueue } from './queue.ts';
import { addressOf, integerOf, sizeOf, wordOf } from '../uapi/range.ts';

const WORD_BYTES = 8;
const LARGEST_U32 = 0xffff_ffff;

/** GPU work of one open emulated device. */
export class EmulatedQueue implements GpuQueue {
  readonly #engine: GpuEngine;
  readonly #isClosed: () => boolean;
  #tail: Promise<unknown> = Promise.resolve();
  #closed = false;

  /** Use `device.createQueue()`. */
  constructor(device: EmulatedDevice, file: EmulatedFile, clock: EmulatedMachineClock, isClosed: () => boolean) {
    this.#engine = new GpuEngine(device, file, clock);
    this.#isClosed = isClosed;
  }

  fill(address: bigint, value: number, size: number | bigint): Promise<void> {
    const start = addressOf('address', address);
    const pattern = integerOf('value', value, 0, LARGEST_U32);
    const bytes = this.#extent(start, size);
    if (start % 4n !== 0n || bytes % 4 !== 0) {
      throw typeError('ERR_SVM_INVALID_TYPE', `address, size: expected multiples of 4, got ${start}n, ${bytes}`);
    }
    return this.#enqueue(() => this.#engine.fill(start, pattern, bytes));
  }

  copy(destination: bigint, source: bigint, size: number | bigint): Promise<void> {
    const to = addressOf('destination', destination);
    const from = addressOf('source', source);
    const bytes = this.#extent(from, size);
    this.#extent(to, size);
    if (from < to + BigInt(bytes) && to < from + BigInt(bytes)) {
      throw typeError('ERR_SVM_INVALID_TYPE', 'destination, source: the ranges must not overlap');
    }
    return this.#enqueue(() => this.#engine.copy(to, from, bytes));
  }

  write(address: bigint, data: Uint8Array): Promise<void> {
    const start = addressOf('address', address);
    if (!(data instanceof Uint8Array))
      throw typeError('ERR_SVM_INVALID_TYPE', `data: expected a Uint8Array, got ${show(data)}`);
    const bytes = data.slice();
    this.#extent(start, bytes.length);
    return this.#enqueue(() => this.#engine.write(start, bytes));
  }

  read(address: bigint, size: number): Promise<Uint8Array<ArrayBuffer>> {
    const start = addressOf('address', address);
    const bytes = this.#extent(start, size);
    return this.#enqueue(() => this.#engine.read(start, bytes));
  }

  atomicAdd(address: bigint, value: bigint): Promise<void> {
    const start = addressOf('address', address);
    const addend = wordOf('value', value);
    this.#extent(start, WORD_BYTES);
    if (start % BigInt(WORD_BYTES) !== 0n) {
      throw typeError('ERR_SVM_INVALID_TYPE', `address: expected a multiple of ${WORD_BYTES}, got ${start}n`);
    }
    return this.#enqueue(() => this.#engine.atomicAdd(start, addend));
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
      try {
        return operation();
      } catch (error) {
        if (!(error instanceof GpuAccessError)) throw error;
        throw new GpuFaultError(error.address, error.access, deniedAccess(error.denial));
      }
    });
    // The next operation runs whatever became of this one; its own promise tells the caller.
    this.#tail = result.catch(() => undefined);
    return result;
  }
}
