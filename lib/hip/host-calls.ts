/** HIP's calls about memory of the host that stays where it is: pinned, or registered (spec/hip §2). */
import { pinMemory } from '../hsa/pins.ts';
import { show } from '../uapi/errors.ts';
import { countOf, pointerOf, unsignedOf } from './arguments.ts';
import type { HipPointer } from './arguments.ts';
import { HipHostMalloc, HipHostRegister } from './constants.ts';
import { CopyCalls } from './copy-calls.ts';
import { HipError, HipStatus, invalidValue, ofProcessMemory } from './error.ts';
import type { HipMemory } from './memory.ts';
import type { HipState } from './state.ts';

const KNOWN_MALLOC_FLAGS = Object.values(HipHostMalloc).reduce<number>((all, flag) => (all | flag) >>> 0, 0);
const KNOWN_REGISTER_FLAGS = Object.values(HipHostRegister).reduce<number>((all, flag) => (all | flag) >>> 0, 0);
const BOTH_COHERENCIES = (HipHostMalloc.coherent | HipHostMalloc.nonCoherent) >>> 0;

/** The part of `HipRuntime` that is about pinned memory. */
export abstract class HostCalls extends CopyCalls {
  readonly #state: HipState;

  constructor(state: HipState) {
    super(state);
    this.#state = state;
  }

  /**
   * hipHostMalloc: pinned host memory, a mapping of the driver that SVM does not reach. `flags` are those of
   * `HipHostMalloc`, which `hostGetFlags` gives back; unknown ones, and both coherencies at once, are
   * hipErrorInvalidValue. hipErrorOutOfMemory, hipErrorNotSupported on the kernel backend.
   */
  hostMalloc(size: number | bigint, flags: number = HipHostMalloc.default): HipMemory {
    return this.traffic.log(
      () => `hipHostMalloc(${show(size)}, ${show(flags)})`,
      () => {
        const given = unsignedOf('flags', flags);
        if ((given & ~KNOWN_MALLOC_FLAGS) !== 0) throw invalidValue(`flags: unknown bits in 0x${given.toString(16)}`);
        if ((given & BOTH_COHERENCIES) >>> 0 === BOTH_COHERENCIES)
          throw invalidValue('flags: hipHostMallocCoherent and hipHostMallocNonCoherent exclude one another');
        return this.allocator.unmanaged(countOf('size', size), 'host', given);
      },
    );
  }

  /** hipHostFree: as `free`, of what `hostMalloc` gave; hipErrorInvalidValue for anything else but null. */
  hostFree(pointer: HipPointer): void {
    const given = pointerOf('pointer', pointer);
    if (given.address !== 0n && this.allocator.find(given).kind !== 'host')
      throw invalidValue('pointer: no memory of hipHostMalloc');
    this.free(pointer);
  }

  /**
   * hipHostRegister: pageable memory stays where it is until `hostUnregister`: a prefetch cannot move it to VRAM. Flags of
   * `HipHostRegister`. hipErrorInvalidValue for null, size 0, unknown flags, memory of HIP, and where nothing is mapped;
   * hipErrorHostMemoryAlreadyRegistered for a range that overlaps one. Emulated backend only (hipErrorNotSupported): on a
   * kernel it takes an ioctl of the driver that this layer does not have.
   */
  hostRegister(pointer: HipPointer, size: number | bigint, flags: number = HipHostRegister.default): void {
    this.traffic.log(
      () => `hipHostRegister(${show(size)})`,
      () => {
        const state = this.#state;
        state.assertOpen();
        const given = pointerOf('pointer', pointer);
        const bytes = countOf('size', size);
        const bits = unsignedOf('flags', flags);
        if (given.address === 0n) throw invalidValue('pointer: null');
        if (bytes === 0n) throw invalidValue('size: 0');
        if ((bits & ~KNOWN_REGISTER_FLAGS) !== 0) throw invalidValue(`flags: unknown bits in 0x${bits.toString(16)}`);
        if (state.lookUp('pointer', given, this.allocator) !== undefined)
          throw invalidValue('pointer: memory of the runtime need not be registered');
        const { address } = given;
        if (state.registered.overlaps(address, bytes))
          throw new HipError(HipStatus.hostMemoryAlreadyRegistered, `pointer: a part of it is registered already`);
        state.registered.add({ address, size: bytes, flags: bits, letGo: this.#pin(address, bytes) });
      },
    );
  }

  /** hipHostUnregister. hipErrorHostMemoryNotRegistered for what is not the begin of a registered range. */
  hostUnregister(pointer: HipPointer): void {
    this.traffic.log('hipHostUnregister()', () => {
      this.#state.assertOpen();
      const { address } = pointerOf('pointer', pointer);
      const found = this.#state.registered.remove(address);
      if (found === undefined)
        throw new HipError(
          HipStatus.hostMemoryNotRegistered,
          `pointer: nothing registered begins at 0x${address.toString(16)}`,
        );
      found.letGo();
    });
  }

  /** hipHostGetDevicePointer: the same address, of memory of `hostMalloc` or `hostRegister`; hipErrorInvalidValue for other memory. `flags` must be 0. */
  hostGetDevicePointer(pointer: HipPointer, flags = 0): bigint {
    const { address } = this.#pinned(pointer);
    const bits = unsignedOf('flags', flags);
    if (bits !== 0) throw invalidValue(`flags: expected 0, got ${bits}`);
    return address;
  }

  /** hipHostGetFlags: what `hostMalloc` or `hostRegister` was given; hipErrorInvalidValue for other memory. */
  hostGetFlags(pointer: HipPointer): number {
    return this.#pinned(pointer).flags;
  }

  #pinned(pointer: HipPointer): { readonly address: bigint; readonly flags: number } {
    const state = this.#state;
    state.assertOpen();
    const given = pointerOf('pointer', pointer);
    const { address } = given;
    const memory = state.lookUp('pointer', given, this.allocator);
    const found = memory?.kind === 'host' ? memory : state.registered.find(address);
    if (found === undefined) throw invalidValue('pointer: neither pinned nor registered memory of the host');
    return { address, flags: found.flags };
  }

  #pin(address: bigint, size: bigint): () => void {
    try {
      return pinMemory(this.#state.devices[0]!, address, size);
    } catch (error) {
      throw ofProcessMemory(error);
    }
  }
}
