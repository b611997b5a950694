/** What an SDMA engine of a served GPU reads and writes: buffer objects where they lie, and SVM memory everywhere else. */
import { GpuEngine } from '../../../emulator/index.ts';
import type { EmulatedMachineClock, SdmaMemory } from '../../../emulator/index.ts';
import { applyAtomic } from '../../uapi/atomic.ts';
import type { Atomic } from '../../uapi/atomic.ts';
import type { BufferMemory, KfdBuffer } from './buffers.ts';
import type { KfdFile } from './client.ts';

/** The GPU address space of one file. Throws `GpuAccessError` for what is not accessible, and EFAULT where the client has gone. */
export class GpuView implements SdmaMemory {
  readonly #buffers: BufferMemory;
  readonly #engine: GpuEngine;
  readonly #look: (address: bigint, size: bigint) => void;

  /** `look`: SVM memory is touched next. */
  constructor(
    buffers: BufferMemory,
    file: KfdFile,
    clock: EmulatedMachineClock,
    look: (address: bigint, size: bigint) => void,
  ) {
    this.#buffers = buffers;
    this.#look = look;
    this.#engine = new GpuEngine(file.node.device, file.node.file, clock);
  }

  read(address: bigint, bytes: number): Uint8Array {
    const first = this.#buffers.at(address);
    // Nearly every access lies in one piece of SVM memory.
    if (typeof first === 'bigint' && first >= BigInt(bytes)) return this.#read(address, bytes);
    const result = new Uint8Array(bytes);
    this.#eachPart(address, bytes, (buffer, at, offset, count) => {
      const part = result.subarray(offset, offset + count);
      if (buffer === undefined) part.set(this.#read(at, count));
      else this.#buffers.read(buffer, at, part);
    });
    return result;
  }

  write(address: bigint, data: Uint8Array): void {
    this.#eachPart(address, data.length, (buffer, at, offset, count) => {
      const part = data.subarray(offset, offset + count);
      if (buffer !== undefined) return this.#buffers.write(buffer, at, part);
      this.#look(at, BigInt(count));
      this.#engine.write(at, part);
    });
  }

  atomic(address: bigint, atomic: Atomic): void {
    const bytes = atomic.bits / 8;
    if (typeof this.#buffers.at(address) === 'bigint') {
      this.#look(address, BigInt(bytes));
      return this.#engine.atomic(address, atomic);
    }
    const word = this.read(address, bytes).slice();
    applyAtomic(word, atomic);
    this.write(address, word);
  }

  #read(address: bigint, bytes: number): Uint8Array {
    this.#look(address, BigInt(bytes));
    return this.#engine.read(address, bytes);
  }

  #eachPart(
    address: bigint,
    length: number,
    visit: (buffer: KfdBuffer | undefined, at: bigint, offset: number, count: number) => void,
  ): void {
    for (let offset = 0; offset < length;) {
      const at = address + BigInt(offset);
      const found = this.#buffers.at(at);
      const room = typeof found === 'bigint' ? found : found.address + found.size - at;
      const count = room < BigInt(length - offset) ? Number(room) : length - offset;
      visit(typeof found === 'bigint' ? undefined : found, at, offset, count);
      offset += count;
    }
  }
}
