/** HIP's calls about devices: which there are, their memory, and how they reach one another (spec/hip §1). */
import { intOf, pointerOf, unsignedOf } from './arguments.ts';
import type { HipPointer } from './arguments.ts';
import { HipDeviceId, HipMemoryType } from './constants.ts';
import type { HipDeviceAttribute } from './constants.ts';
import { deviceAttribute } from './device-attributes.ts';
import { HipError, HipStatus, invalidValue } from './error.ts';
import type { HipMemoryKind } from './memory.ts';
import type { HipState } from './state.ts';
import { HostCalls } from './host-calls.ts';

/** Memory of a device in bytes, as `memGetInfo` gives it. */
export interface HipMemInfo {
  /** What nobody has taken, by this process or another. */
  readonly free: number;
  readonly total: number;
}

/** What HIP knows of a pointer, `hipPointerAttribute_t`. */
export interface HipPointerAttributes {
  readonly type: HipMemoryType;
  /** The device that was current when it was allocated; -2 for what HIP does not know. */
  readonly device: number;
  /** The address for the GPU, null where it has none. */
  readonly devicePointer: bigint | null;
  /** The address for the CPU, null where it has none. */
  readonly hostPointer: bigint | null;
  readonly isManaged: boolean;
  /** A `HipMemAttach` of managed memory, the flags of `hostMalloc` and `hostRegister`, else 0. */
  readonly allocationFlags: number;
}

const TYPE_OF: Readonly<Record<HipMemoryKind, HipMemoryType>> = {
  managed: HipMemoryType.managed,
  device: HipMemoryType.device,
  host: HipMemoryType.host,
};

/** The part of `HipRuntime` that is about devices. */
export abstract class DeviceCalls extends HostCalls {
  readonly #state: HipState;

  constructor(state: HipState) {
    super(state);
    this.#state = state;
  }

  /** hipGetDeviceCount */
  get deviceCount(): number {
    return this.#state.devices.length;
  }

  /** hipSetDevice. hipErrorInvalidDevice. */
  setDevice(device: number): void {
    this.#state.assertOpen();
    const id = intOf('device', device);
    this.#state.assertDevice('device', id);
    this.#state.currentDevice = id;
  }

  /** hipGetDevice */
  getDevice(): number {
    this.#state.assertOpen();
    return this.#state.currentDevice;
  }

  /** hipDeviceGetAttribute, for the attributes of `HipDeviceAttribute` (with or without HIP's prefix): 1 or 0. hipErrorInvalidValue, hipErrorInvalidDevice. */
  deviceGetAttribute(attribute: HipDeviceAttribute | string, device: number): number {
    return deviceAttribute(this.#state, attribute, intOf('device', device));
  }

  /**
   * hipMemGetInfo: the memory of the current device, in bytes, as it is now: managed memory that lies there counts as
   * taken. hipErrorNotSupported where the device has no memory of its own, or does not tell.
   */
  memGetInfo(): HipMemInfo {
    const state = this.#state;
    state.assertOpen();
    const info = state.devices[state.currentDevice]!.vramInfo();
    if (info === undefined)
      throw new HipError(HipStatus.notSupported, `device ${state.currentDevice} tells of no memory of its own`);
    return { free: info.free, total: info.total };
  }

  /**
   * hipDeviceCanAccessPeer: 1 if `device` reaches the memory of `peer` by XGMI or PCI Express, else 0; 0 of itself, and
   * where the backend cannot tell. hipErrorInvalidDevice. Managed memory does not ask for it.
   */
  deviceCanAccessPeer(device: number, peer: number): number {
    const state = this.#state;
    state.assertOpen();
    const [from, to] = [intOf('device', device), intOf('peer', peer)];
    if (from === to) return 0;
    state.assertDevice('device', from);
    state.assertDevice('peer', to);
    const link = state.devices[from]!.linkTo(state.devices[to]!);
    return Number(link === 'hive' || link === 'pcie');
  }

  /**
   * hipDeviceEnablePeerAccess: of the current device to `peer`; `flags` must be 0. hipErrorInvalidValue,
   * hipErrorInvalidDevice without a link, hipErrorPeerAccessAlreadyEnabled.
   */
  deviceEnablePeerAccess(peer: number, flags = 0): void {
    const peers = this.#peersFor(peer, unsignedOf('flags', flags));
    if (peers.has(peer))
      throw new HipError(HipStatus.peerAccessAlreadyEnabled, `peer: access to device ${peer} is enabled already`);
    peers.add(peer);
  }

  /** hipDeviceDisablePeerAccess. hipErrorInvalidDevice without a link, hipErrorPeerAccessNotEnabled. */
  deviceDisablePeerAccess(peer: number): void {
    const peers = this.#peersFor(peer, 0);
    if (!peers.delete(peer))
      throw new HipError(HipStatus.peerAccessNotEnabled, `peer: access to device ${peer} is not enabled`);
  }

  /**
   * hipPointerGetAttributes. What HIP does not know is 'unregistered' in release '2026', and hipErrorInvalidValue in
   * release '2024'; null and freed memory are hipErrorInvalidValue in both.
   */
  pointerGetAttributes(pointer: HipPointer): HipPointerAttributes {
    const state = this.#state;
    state.assertOpen();
    const given = pointerOf('pointer', pointer);
    const { address } = given;
    if (address === 0n) throw invalidValue('pointer: null');
    const memory = state.lookUp('pointer', given, this.allocator);
    const registered = memory === undefined ? state.registered.find(address) : undefined;
    if (registered !== undefined) {
      const { host: type } = HipMemoryType;
      const { flags: allocationFlags } = registered;
      const device = state.currentDevice;
      return { type, device, devicePointer: address, hostPointer: address, isManaged: false, allocationFlags };
    }
    if (memory === undefined) {
      if (state.options.release === '2024') throw invalidValue('pointer: no memory of the runtime');
      const { unregistered: type } = HipMemoryType;
      return {
        type,
        device: HipDeviceId.invalid,
        devicePointer: null,
        hostPointer: null,
        isManaged: false,
        allocationFlags: 0,
      };
    }
    return {
      type: TYPE_OF[memory.kind],
      device: memory.device,
      devicePointer: address,
      hostPointer: memory.kind === 'device' ? null : address,
      isManaged: memory.kind === 'managed',
      allocationFlags: memory.flags,
    };
  }

  #peersFor(peer: number, flags: number): Set<number> {
    const { currentDevice, peers } = this.#state;
    this.#state.assertOpen();
    if (flags !== 0) throw invalidValue(`flags: expected 0, got ${flags}`);
    if (this.deviceCanAccessPeer(currentDevice, peer) === 0)
      throw new HipError(HipStatus.invalidDevice, `peer: device ${currentDevice} does not reach device ${peer}`);
    return peers[currentDevice]!;
  }
}
