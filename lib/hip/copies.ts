/**
 * hipMemcpy and hipMemset: where the bytes are, and who moves them. Managed memory is reached by the GPU, through its page
 * table; what the driver has mapped has contents of its own; pageable memory is the CPU's, as the staging copies of the
 * original.
 */
import type { GpuQueue } from '../device/index.ts';
import { backendOf } from '../device/svm-device.ts';
import type { Pointer } from './arguments.ts';
import { invalidValue, ofProcessMemory } from './error.ts';
import type { HipMemory, MemoryOwner } from './memory.ts';
import { assertInside } from './state.ts';
import type { HipState } from './state.ts';

/** Bytes that a call moves. */
export type Place =
  /** Memory of the process that the GPU reaches. */
  | { readonly kind: 'gpu'; readonly address: bigint }
  /** Memory of the process that only the CPU reaches. */
  | { readonly kind: 'cpu'; readonly address: bigint }
  /** Memory of the driver. */
  | { readonly kind: 'driver'; readonly memory: HipMemory; readonly offset: number };

const WORD = 4;

/** Finds places, and moves bytes between them. */
export class Copies {
  readonly #state: HipState;
  readonly #owner: MemoryOwner;

  constructor(state: HipState, owner: MemoryOwner) {
    this.#state = state;
    this.#owner = owner;
  }

  /** hipErrorInvalidValue for null, for freed memory and for bytes that leave their allocation. */
  place(field: string, pointer: Pointer, size: bigint): Place {
    const { address } = pointer;
    if (address === 0n) throw invalidValue(`${field}: null`);
    const memory = this.#state.lookUp(field, pointer, this.#owner);
    if (memory === undefined) return { kind: this.#state.pageable ? 'gpu' : 'cpu', address };
    assertInside(memory, pointer, size);
    if (memory.kind === 'managed') return { kind: this.#state.hmm ? 'gpu' : 'cpu', address };
    return { kind: 'driver', memory, offset: Number(address - memory.address) };
  }

  async copy(queue: () => GpuQueue, destination: Place, source: Place, size: number): Promise<void> {
    if (destination.kind === 'gpu' && source.kind === 'gpu')
      return queue().copy(destination.address, source.address, size);
    await this.#write(queue, destination, await this.#read(queue, source, size));
  }

  async fill(queue: () => GpuQueue, place: Place, byte: number, size: number): Promise<void> {
    if (place.kind === 'driver') return place.memory.contents().fill(place.offset, size, byte);
    const before = Math.min(size, Number(-place.address & BigInt(WORD - 1)));
    const words = place.kind === 'gpu' ? size - before - ((size - before) % WORD) : 0;
    const part = (at: number): Place => ({ ...place, address: place.address + BigInt(at) });
    const bytes = (count: number): Uint8Array => new Uint8Array(count).fill(byte);
    if (words === 0) return this.#write(queue, place, bytes(size));
    if (before > 0) await this.#write(queue, place, bytes(before));
    await queue().fill(place.address + BigInt(before), (byte * 0x0101_0101) >>> 0, words);
    const rest = size - before - words;
    if (rest > 0) await this.#write(queue, part(before + words), bytes(rest));
  }

  async #read(queue: () => GpuQueue, place: Place, size: number): Promise<Uint8Array> {
    switch (place.kind) {
      case 'driver':
        return place.memory.contents().read(place.offset, size);
      case 'gpu':
        return queue().read(place.address, size);
      case 'cpu':
        return this.#onCpu((backend) => backend.readMemory(place.address, size));
    }
  }

  async #write(queue: () => GpuQueue, place: Place, data: Uint8Array): Promise<void> {
    switch (place.kind) {
      case 'driver':
        return place.memory.contents().write(place.offset, data);
      case 'gpu':
        return queue().write(place.address, data);
      case 'cpu':
        return this.#onCpu((backend) => backend.writeMemory(place.address, data));
    }
  }

  #onCpu<T>(access: (backend: ReturnType<typeof backendOf>) => T): T {
    try {
      return access(backendOf(this.#state.devices[0]!));
    } catch (error) {
      throw ofProcessMemory(error);
    }
  }
}
