/** What the calls of one runtime share: devices, agents, allocations, and the rules that several calls have in common (spec/hip §1). */
import type { HsaAgent, HsaRuntime } from '../hsa/index.ts';
import { HsaError, HsaSystemInfo } from '../hsa/index.ts';
import { AddressTable } from '../hsa/address-table.ts';
import { PinnedRanges } from '../hsa/pins.ts';
import { backendOf } from '../device/svm-device.ts';
import type { SvmDevice } from '../device/svm-device.ts';
import type { Pointer } from './arguments.ts';
import { HipHmmFlag, HipMemLocationType } from './constants.ts';
import type { HipMemLocation } from './constants.ts';
import { HipError, HipStatus, invalidValue } from './error.ts';
import type { HipMemory, MemoryOwner } from './memory.ts';
import type { ResolvedHipOptions } from './options.ts';
import { PageSet } from './page-set.ts';

/** The state of one open runtime. */
export class HipState {
  readonly devices: readonly SvmDevice[];
  readonly hsa: HsaRuntime;
  readonly options: ResolvedHipOptions;
  /** True: do what the manual says where the code does not. */
  readonly documented: boolean;
  /** `hmmSupported` of every device. */
  readonly hmm: boolean;
  /** `hmmCpuMemoryAccessible` of every device: the GPU reaches memory that HIP does not know. */
  readonly pageable: boolean;
  /** @internal */
  readonly table = new AddressTable<HipMemory>();
  /** Pages of freed allocations that were not allocated again. */
  readonly freed = new PageSet();
  /** Pages advised SetAccessedBy with the CPU: the device has no place for it. Kept in 'documented' mode only. */
  readonly accessedByCpu = new PageSet();
  /** Pages advised SetCoarseGrain: the device only says whether all are fine grained. Kept in 'documented' mode only. */
  readonly coarseGrained = new PageSet();
  /** Peers that each device may reach: `deviceEnablePeerAccess`. */
  readonly peers: readonly Set<number>[];
  /** Memory that `hostRegister` keeps where it is. */
  readonly registered = new PinnedRanges();
  currentDevice = 0;
  closed = false;

  constructor(devices: readonly SvmDevice[], hsa: HsaRuntime, options: ResolvedHipOptions) {
    this.devices = devices;
    this.peers = devices.map(() => new Set());
    this.hsa = hsa;
    this.options = options;
    this.documented = options.compatibility === 'documented';
    this.hmm = hsa.systemInfo(HsaSystemInfo.svmSupported);
    this.pageable = hsa.systemInfo(HsaSystemInfo.svmAccessibleByDefault);
  }

  /** hipErrorDeinitialized after `close`. */
  assertOpen(): void {
    if (this.closed) throw new HipError(HipStatus.deinitialized, 'the runtime is closed');
  }

  /** hipErrorInvalidDevice for what is no device: compared unsigned, so that negative ids are too large. */
  assertDevice(field: string, id: number): void {
    if (id >>> 0 >= this.devices.length) {
      throw new HipError(
        HipStatus.invalidDevice,
        `${field}: expected a device below ${this.devices.length}, got ${id}`,
      );
    }
  }

  /** The CPU agent for a place that is no device; what is no NUMA node falls back to the first. */
  cpuAgent(location: Required<HipMemLocation>): HsaAgent {
    const { cpuAgents } = this.hsa;
    const isNode = location.type === HipMemLocationType.hostNuma && this.options.release !== '2024';
    return (isNode ? cpuAgents[location.id] : undefined) ?? cpuAgents[0]!;
  }

  /**
   * The allocation behind a pointer, or undefined for memory that HIP does not know.
   * hipErrorInvalidValue for memory that was freed, or is another runtime's: the
   * original can't tell, and would do something else than what was meant.
   */
  lookUp(field: string, pointer: Pointer, owner: MemoryOwner): HipMemory | undefined {
    const { memory, address } = pointer;
    if (memory !== undefined) {
      if (!memory.belongsTo(owner)) throw invalidValue(`${field}: memory of another runtime`);
      if (memory.freed) throw invalidValue(`${field}: the memory was freed`);
      return memory;
    }
    const found = this.table.find(address);
    if (found !== undefined) return found;
    const page = Number(address >> 12n);
    // Somebody else may have mapped something there since.
    if (
      this.freed.size > 0 &&
      this.freed.covers(page, page + 1) &&
      !backendOf(this.devices[0]!).isMapped(BigInt(page) << 12n)
    ) {
      throw invalidValue(`${field}: the memory at 0x${address.toString(16)} was freed`);
    }
    return undefined;
  }
}

/** hipErrorInvalidValue if `count` bytes from the pointer on leave its allocation. */
export function assertInside(memory: HipMemory, pointer: Pointer, count: bigint): void {
  const remaining = memory.end - pointer.address;
  if (count > remaining)
    throw invalidValue(`count: ${count} bytes reach beyond the allocation, of which ${remaining} bytes remain`);
}

/** Runs a call of HSA; whatever HSA refuses is an invalid value for HIP. */
export function orInvalidValue<T>(action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (error instanceof HsaError) throw invalidValue(error.message, error);
    throw error;
  }
}

/** Pages that contain `count` bytes from `address` on: `[first, end)`. */
export function pagesOf(address: bigint, count: bigint): [first: number, end: number] {
  return [Number(address >> 12n), Number((address + count + 0xfffn) >> 12n)];
}

/** Whether the type is one of those that mean a CPU. */
export function isCpuLocation({ type }: Required<HipMemLocation>): boolean {
  return (
    type === HipMemLocationType.host ||
    type === HipMemLocationType.hostNuma ||
    type === HipMemLocationType.hostNumaCurrent
  );
}

/** The agent of a location whose device was checked. */
export function agentOf(state: HipState, location: Required<HipMemLocation>): HsaAgent {
  const toSystem = (state.options.hmmFlags & HipHmmFlag.enableSystemMemory) !== 0;
  return isCpuLocation(location) || toSystem ? state.cpuAgent(location) : state.hsa.gpuAgents[location.id]!;
}
