/** GPU work on the kernel backend, as accesses of a trace: what memory it touches, and how. What the GPU answers nobody sees there. */
import {
  atomicArguments,
  copyArguments,
  fillArguments,
  readArguments,
  writeArguments,
} from '../../backend/queue-arguments.ts';
import { GpuFaultError } from '../../backend/queue.ts';
import type { AtomicOptions, GpuQueue } from '../../backend/queue.ts';
import type { AtomicOperation } from '../../uapi/atomic.ts';
import { hex } from '../format/hex.ts';
import type { OperationObject } from '../operations/descriptor.ts';
import type { KernelRecording } from './kernel-recorder.ts';

/** Writes down what work touches when it has ended: a command that was not carried out is not recorded, one whose fault was refused is. */
export class RecordingQueue implements GpuQueue {
  readonly #queue: GpuQueue;
  readonly #recording: KernelRecording;

  constructor(queue: GpuQueue, recording: KernelRecording) {
    this.#queue = queue;
    this.#recording = recording;
  }

  fill(address: bigint, value: number, size: number | bigint): Promise<void> {
    const { start, bytes } = fillArguments(address, value, size);
    return this.#recorded(accessOf(start, bytes, true), () => this.#queue.fill(address, value, size));
  }

  copy(destination: bigint, source: bigint, size: number | bigint): Promise<void> {
    const { to, from, bytes } = copyArguments(destination, source, size);
    return this.#recorded([...accessOf(from, bytes, false), ...accessOf(to, bytes, true)], () =>
      this.#queue.copy(destination, source, size),
    );
  }

  write(address: bigint, data: ArrayBufferView): Promise<void> {
    const { start, bytes } = writeArguments(address, data);
    return this.#recorded(accessOf(start, bytes.length, true), () => this.#queue.write(address, bytes));
  }

  read(address: bigint, size: number): Promise<Uint8Array<ArrayBuffer>> {
    const { start, bytes } = readArguments(address, size);
    return this.#recorded(accessOf(start, bytes, false), () => this.#queue.read(address, size));
  }

  atomicAdd(address: bigint, value: bigint): Promise<void> {
    return this.atomic('add', address, value);
  }

  atomic(operation: AtomicOperation, address: bigint, value: bigint, options?: AtomicOptions): Promise<void> {
    const { start, atomic } = atomicArguments(operation, address, value, options);
    return this.#recorded(accessOf(start, atomic.bits / 8, true), () =>
      this.#queue.atomic(operation, address, value, options),
    );
  }

  idle(): Promise<void> {
    return this.#queue.idle();
  }

  close(): void {
    this.#queue.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async #recorded<T>(accesses: readonly OperationObject[], work: () => Promise<T>): Promise<T> {
    const last = accesses.at(-1);
    if (last === undefined) return work();
    // The GPU may not come back from it.
    const issued = this.#recording.announce(last);
    let touched = true;
    try {
      return await work();
    } catch (error) {
      touched = error instanceof GpuFaultError;
      throw error;
    } finally {
      issued();
      if (touched) for (const access of accesses) this.#recording.write(access, undefined);
    }
  }
}

/** None for no bytes. */
function accessOf(address: bigint, bytes: number, write: boolean): OperationObject[] {
  return bytes === 0 ? [] : [{ access: { addr: hex(address), len: hex(bytes), write } }];
}
