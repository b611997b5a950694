/** Everything that differs between a real GPU and the emulated one, as one interface. */
import type { EmulatedDevice, EventListener, EventName, Hazard, MachineEvent } from '../../emulator/index.ts';
import type { DeviceNode } from '../uapi/node.ts';
import type { UapiProfile } from '../uapi/profile.ts';
import type { HostRegionMapper } from './host-region.ts';
import type { GpuQueue } from './queue.ts';

/** Which kind of backend answers. */
export type BackendKind = DeviceNode['kind'];

/** The memory of a GPU at one moment, in bytes. */
export interface VramInfo {
  readonly total: number;
  /** What nobody has taken. It may lie in pieces, so that a large buffer does not fit. */
  readonly free: number;
}

/**
 * What lies between two GPUs: 'hive': XGMI links of one hive; 'pcie': the bus, over which they reach each other's
 * memory; 'none': no way; 'self': it is the same GPU.
 */
export type GpuLink = 'self' | 'hive' | 'pcie' | 'none';

/** What a GPU and its driver can do. */
export interface Abilities {
  /** Whether the driver has SVM at all (the kernel's option for it is on). */
  readonly svm: boolean;
  /** Whether retry faults (XNACK) are on for the GPU; undefined where the backend cannot tell. */
  readonly xnack: boolean | undefined;
  /** Whether the GPU shares the memory of the CPU; undefined where the backend cannot tell. */
  readonly apu: boolean | undefined;
  /** Whether the GPU would have retry faults, were it not for the module parameter amdgpu.noretry; undefined: maybe. */
  readonly switchedOffByNoretry: boolean | undefined;
  /** Whether the driver moves pages of SVM into the memory of the GPU. */
  readonly vram: boolean;
  /** Name of the XGMI hive of the GPU; undefined: it is in none. */
  readonly hive: string | undefined;
}

/** Events of the modelled driver that concern one device. */
export interface BackendEvents {
  /** Listens to events of one name; the returned function stops it. */
  on<Name extends EventName>(name: Name, listener: EventListener<Name>): () => void;
  /** One listener for the events of all `names`; the returned function stops it. */
  onAny(listener: (event: MachineEvent) => void, names: readonly EventName[]): () => void;
}

/** Memory that the driver itself maps into the process, out of reach of the SVM ioctl. */
export interface DriverMapping {
  readonly address: bigint;
  unmap(): void;
}

/** One open device. Three implementations: emulated, kernel, ffi. Nothing above asks which one it has. */
export interface Backend {
  readonly kind: BackendKind;
  /** Why 'auto' did not take the kernel; undefined if it did, or if a backend was asked for. */
  readonly fallbackReason: string | undefined;
  /** Revision of the user ABI in use. */
  readonly profile: UapiProfile;
  /** What the requests go to. */
  readonly node: DeviceNode;
  /** The descriptor that they go to; undefined where there is none. Throws `ERR_SVM_CLOSED` after `close`. */
  readonly fd: number | undefined;
  /** Maps memory of the process that the device mirrors. */
  readonly memory: HostRegionMapper;
  /** That process: backends with the same object see the same memory at the same addresses. */
  readonly addressSpace: object;
  readonly abilities: Abilities;
  /** The memory of the GPU; undefined where it has none, or it cannot be told. */
  vramInfo(): VramInfo | undefined;
  /** How this GPU reaches the memory of another one of the same process; undefined where it cannot be told. */
  linkTo(other: Backend): GpuLink | undefined;
  /** What the driver says in addition to the answers of its ioctls; undefined where it tells nothing. */
  readonly events: BackendEvents | undefined;
  /** What the hazard monitor found; nothing where nothing is watched. */
  readonly hazards: readonly Hazard[];
  /** The emulated device, for users; nothing in this package asks for it to decide anything. */
  readonly emulator: EmulatedDevice | undefined;
  /** A queue for GPU work. Throws `ERR_SVM_NOT_AVAILABLE` where there is none. */
  createQueue(): GpuQueue;
  /** Whether all of the `size` bytes (default 1) from the byte address are mapped in the process that the device mirrors. */
  isMapped(address: bigint, size?: bigint): boolean;
  /**
   * Maps `size` bytes of the driver's own memory, in system memory or in VRAM; where SVM uses VRAM as well, it has that
   * much less. Throws `ERR_SVM_NOT_AVAILABLE` where that cannot be done, `ERR_SVM_NO_VRAM` where there is no room.
   */
  mapDriverMemory(size: bigint, place: 'system' | 'vram'): DriverMapping;
  /**
   * Keeps the pages that contain `size` bytes from `address` on where they are; the function that is returned lets them
   * go. EFAULT where nothing is mapped, `ERR_SVM_NOT_AVAILABLE` where that cannot be done.
   */
  pinMemory(address: bigint, size: bigint): () => void;
  /** What the CPU reads there. EFAULT, `ERR_SVM_NOT_AVAILABLE`. */
  readMemory(address: bigint, size: number): Uint8Array<ArrayBuffer>;
  /** The CPU writes there. EFAULT, `ERR_SVM_NOT_AVAILABLE`. */
  writeMemory(address: bigint, data: Uint8Array): void;
  /** Lets work run that the driver has put off, where no thread of a kernel does so by itself. */
  runDeferredWork(): void;
  /** Lets so many nanoseconds pass for the driver: at once on a virtual clock, else as long as they last. */
  passTime(nanoseconds: number): Promise<void>;
  /** Called before each call of the device: who subscribed to events since is noticed here. */
  noticeSubscribers(): void;
  /** Closes the node and completes the recording; a second call does nothing. */
  close(): void;
}
