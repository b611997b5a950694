/** GPU work on the emulator: checks arguments and keeps the order; the engine of the emulated device does the work. */
import { GpuAccessError, GpuEngine } from '../../emulator/index.ts';
import type { EmulatedDevice, EmulatedFile, EmulatedMachineClock } from '../../emulator/index.ts';
import type { AtomicOperation } from '../uapi/atomic.ts';
import { deniedAccess } from '../words/faults.ts';
import { OrderedWork } from './ordered-work.ts';
import { GpuFaultError } from './queue.ts';
import type { AtomicOptions, GpuQueue } from './queue.ts';
import { atomicArguments, copyArguments, fillArguments, readArguments, writeArguments } from './queue-arguments.ts';

/** GPU work of one open emulated device. */
export class EmulatedQueue implements GpuQueue {
  readonly #engine: GpuEngine;
  readonly #work: OrderedWork;

  /** Use `device.createQueue()`. */
  constructor(device: EmulatedDevice, file: EmulatedFile, clock: EmulatedMachineClock, isClosed: () => boolean) {
    this.#engine = new GpuEngine(device, file, clock);
    this.#work = new OrderedWork(isClosed);
  }

  fill(address: bigint, value: number, size: number | bigint): Promise<void> {
    const { start, pattern, bytes } = fillArguments(address, value, size);
    return this.#enqueue(() => this.#engine.fill(start, pattern, bytes));
  }

  copy(destination: bigint, source: bigint, size: number | bigint): Promise<void> {
    const { to, from, bytes } = copyArguments(destination, source, size);
    return this.#enqueue(() => this.#engine.copy(to, from, bytes));
  }

  write(address: bigint, data: ArrayBufferView): Promise<void> {
    const { start, bytes } = writeArguments(address, data);
    return this.#enqueue(() => this.#engine.write(start, bytes));
  }

  read(address: bigint, size: number): Promise<Uint8Array<ArrayBuffer>> {
    const { start, bytes } = readArguments(address, size);
    return this.#enqueue(() => this.#engine.read(start, bytes));
  }

  atomicAdd(address: bigint, value: bigint): Promise<void> {
    return this.atomic('add', address, value);
  }

  atomic(operation: AtomicOperation, address: bigint, value: bigint, options?: AtomicOptions): Promise<void> {
    const { start, atomic } = atomicArguments(operation, address, value, options);
    return this.#enqueue(() => this.#engine.atomic(start, atomic));
  }

  idle(): Promise<void> {
    return this.#work.idle();
  }

  close(): void {
    this.#work.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #enqueue<T>(operation: () => T): Promise<T> {
    return this.#work.run(() => {
      try {
        return operation();
      } catch (error) {
        if (!(error instanceof GpuAccessError)) throw error;
        throw new GpuFaultError(error.address, error.access, deniedAccess(error.denial));
      }
    });
  }
}
