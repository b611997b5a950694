/** Allocation and release (spec/hip §2). */
import { HsaError, HsaSvmAttribute } from '../hsa/index.ts';
import type { HsaSvmAttributePair } from '../hsa/index.ts';
import { codedError } from '../uapi/errors.ts';
import { backendOf } from '../device/svm-device.ts';
import type { DriverMapping, SvmDevice } from '../device/svm-device.ts';
import { SvmError } from '../device/errors.ts';
import { PAGE_SIZE } from '../uapi/constants.ts';
import type { Pointer } from './arguments.ts';
import { HipHmmFlag, HipMemAttach } from './constants.ts';
import { HipError, HipStatus, invalidValue } from './error.ts';
import { DeviceBacking, PinnedBacking, ReservedBacking } from './backing.ts';
import type { Backing } from './backing.ts';
import { HipMemory } from './memory.ts';
import type { MemoryOwner } from './memory.ts';
import { pagesOf } from './state.ts';
import type { HipState } from './state.ts';

const PAGE = BigInt(PAGE_SIZE);

/** Makes and releases the allocations of a runtime. */
export class Allocator implements MemoryOwner {
  readonly #state: HipState;
  /** Every GPU may access a new allocation; nothing else is said of it. */
  readonly #initialPairs: readonly HsaSvmAttributePair[];
  /** Free places by size, given as hints: an emulated process never maps a place twice by itself, as a kernel would. */
  readonly #places = new Map<number, bigint[]>();
  readonly #free: (memory: HipMemory) => void;

  /** `free`: what disposing of an allocation does. */
  constructor(state: HipState, free: (memory: HipMemory) => void) {
    this.#state = state;
    this.#free = free;
    this.#initialPairs = state.hsa.gpuAgents.map((agent) => ({
      attribute: HsaSvmAttribute.agentAccessible,
      value: agent,
    }));
  }

  free(memory: HipMemory): void {
    this.#free(memory);
  }

  managed(size: bigint, flags: number): HipMemory {
    const state = this.#state;
    state.assertOpen();
    if (size === 0n) throw invalidValue('size: 0');
    if (flags !== HipMemAttach.global && flags !== HipMemAttach.host)
      throw invalidValue(`flags: expected 1 or 2, got ${flags}`);
    const bytes = mappedSize(size);
    const backing = this.#map(bytes);
    const memory = new HipMemory(this, backing, Number(size), 'managed', flags, state.currentDevice);
    if (state.hmm) {
      try {
        state.hsa.svmAttributesSet(memory.address, bytes, this.#initialPairs);
        if ((state.options.hmmFlags & HipHmmFlag.enableMallocPrefetch) !== 0) {
          state.devices[0]!.prefetch({ address: memory.address, size: bytes }, 'device');
        }
      } catch (error) {
        memory.release();
        if (!(error instanceof HsaError || error instanceof SvmError)) throw error;
        throw new HipError(HipStatus.outOfMemory, error.message, error);
      }
    }
    return this.#add(memory);
  }

  /** 'device': the CPU can't look in; 'host': pinned. The GPUs reach neither through SVM, as it is the driver's own mapping. */
  unmanaged(size: bigint, kind: 'device' | 'host', flags = 0): HipMemory {
    const state = this.#state;
    state.assertOpen();
    if (size === 0n) throw invalidValue('size: 0');
    const bytes = mappedSize(size);
    const { address, unmap } = mapDriverMemory(state.devices[state.currentDevice]!, bytes, kind);
    const backing =
      kind === 'device' ? new DeviceBacking(address, unmap) : new PinnedBacking(address, Number(bytes), unmap);
    return this.#add(new HipMemory(this, backing, Number(size), kind, flags, state.currentDevice));
  }

  /** The allocation that begins at the pointer; hipErrorInvalidValue if there is none. */
  find(pointer: Pointer): HipMemory {
    const memory = this.#state.lookUp('pointer', pointer, this);
    if (memory === undefined) throw invalidValue('pointer: no memory of the runtime');
    if (memory.address !== pointer.address) throw invalidValue('pointer: not the begin of the allocation');
    return memory;
  }

  release(memory: HipMemory): void {
    const state = this.#state;
    const bytes = mappedSize(BigInt(memory.size));
    if (memory.kind === 'managed' && state.hmm && state.options.release !== '2024') {
      try {
        state.hsa.svmAttributesSet(memory.address, bytes, []);
      } catch {
        // The original goes on too: the memory goes in any case, and its attributes with it.
      }
    }
    this.drop(memory);
    const pages = pagesOf(memory.address, bytes);
    state.freed.add(...pages);
    if (state.documented) {
      state.accessedByCpu.remove(...pages);
      state.coarseGrained.remove(...pages);
    }
    // What was prefetched can't be put back to "never" on V4, and the prefetch may still be to come.
    if (memory.kind === 'managed' && !memory.prefetched) this.#keepPlace(Number(bytes), memory.address);
  }

  /** Takes the memory away without a word to the devices. */
  drop(memory: HipMemory): void {
    this.#state.table.remove(memory);
    memory.release();
    for (const device of this.#state.devices) backendOf(device).runDeferredWork();
  }

  #map(bytes: bigint): Backing {
    const [device] = this.#state.devices;
    if (device!.closed) throw codedError('ERR_SVM_CLOSED', 'devices[0]: the device is closed');
    const place = this.#places.get(Number(bytes))?.pop();
    try {
      // Before 2026 it was a mapping that HSA knew nothing of, so that it could not be discarded.
      return this.#state.options.release === '2024'
        ? device!.memory.map(bytes, place === undefined ? {} : { hint: place })
        : new ReservedBacking(this.#state.hsa, bytes, place);
    } catch (error) {
      throw new HipError(HipStatus.outOfMemory, (error as Error).message, error);
    }
  }

  #keepPlace(bytes: number, address: bigint): void {
    const places = this.#places.get(bytes);
    if (places === undefined) this.#places.set(bytes, [address]);
    else places.push(address);
  }

  #add(memory: HipMemory): HipMemory {
    this.#state.table.insert(memory);
    this.#state.freed.remove(...pagesOf(memory.address, BigInt(memory.size)));
    return memory;
  }
}

/** Whole pages. hipErrorOutOfMemory for what no process can map. */
function mappedSize(size: bigint): bigint {
  const bytes = ((size + PAGE - 1n) / PAGE) * PAGE;
  if (bytes > BigInt(Number.MAX_SAFE_INTEGER))
    throw new HipError(HipStatus.outOfMemory, `${size} bytes can't be mapped`);
  return bytes;
}

/** hipErrorNotSupported where the backend has none, hipErrorOutOfMemory where VRAM has no room. */
function mapDriverMemory(device: SvmDevice, bytes: bigint, kind: 'device' | 'host'): DriverMapping {
  try {
    return backendOf(device).mapDriverMemory(bytes, kind === 'device' ? 'vram' : 'system');
  } catch (error) {
    const { code } = error as { code?: unknown };
    if (code === 'ERR_SVM_NO_VRAM') throw new HipError(HipStatus.outOfMemory, (error as Error).message, error);
    if (code !== 'ERR_SVM_NOT_AVAILABLE') throw error;
    throw new HipError(HipStatus.notSupported, 'only managed memory is available on this backend', error as Error);
  }
}
