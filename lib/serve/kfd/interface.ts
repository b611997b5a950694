/** KFD's ioctls as a served KFD knows them: numbers, sizes and the fields it looks at (spec/kfd-queue §1, §3-§5, §8). */

/** Version of the interface: 1.17 has SDMA queues by engine. */
export const KFD_VERSION = { major: 1, minor: 17 } as const;

/** Numbers, with the bytes of the newest structure: shorter ones are zero-extended. */
export const KfdIoctl = {
  getVersion: [0x01, 8],
  createQueue: [0x02, 96],
  destroyQueue: [0x03, 8],
  setMemoryPolicy: [0x04, 32],
  getClockCounters: [0x05, 40],
  getProcessApertures: [0x06, 400],
  updateQueue: [0x07, 24],
  createEvent: [0x08, 32],
  destroyEvent: [0x09, 8],
  setEvent: [0x0a, 8],
  resetEvent: [0x0b, 8],
  waitEvents: [0x0c, 24],
  setScratchBackingVa: [0x11, 16],
  getTileConfig: [0x12, 40],
  setTrapHandler: [0x13, 24],
  getProcessAperturesNew: [0x14, 16],
  acquireVm: [0x15, 8],
  allocMemoryOfGpu: [0x16, 40],
  freeMemoryOfGpu: [0x17, 8],
  mapMemoryToGpu: [0x18, 24],
  unmapMemoryFromGpu: [0x19, 24],
  setCuMask: [0x1a, 16],
  svm: [0x20, 24],
  setXnackMode: [0x21, 4],
  availableMemory: [0x23, 16],
  runtimeEnable: [0x25, 16],
} as const satisfies Readonly<Record<string, readonly [number, number]>>;

export type KfdIoctlName = keyof typeof KfdIoctl;

const BY_NUMBER: ReadonlyMap<number, KfdIoctlName> = new Map(
  (Object.keys(KfdIoctl) as KfdIoctlName[]).map((name) => [KfdIoctl[name][0], name]),
);

/** Name of the ioctl with that number; undefined: it is not served. */
export function kfdIoctlOf(number: number): KfdIoctlName | undefined {
  return BY_NUMBER.get(number);
}

/** `flags` of ALLOC_MEMORY_OF_GPU. */
export const AllocFlag = {
  vram: 1,
  gtt: 1 << 1,
  userptr: 1 << 2,
  doorbell: 1 << 3,
  mmioRemap: 1 << 4,
} as const;

/** `queue_type` of CREATE_QUEUE, those for SDMA. */
export const SDMA_QUEUE_TYPES: ReadonlySet<number> = new Set([1, 3, 4]);

export const EventType = { signal: 0, hardwareException: 3, memory: 8 } as const;
export const WaitResult = { complete: 0, timeout: 1, fail: 2 } as const;

/** Slots of signals, 8 bytes each. */
export const EVENT_PAGE_BYTES = 0x8000;
/** Bytes of a GPU's doorbells, which are mapped in one piece. */
export const DOORBELL_FRAME = 0x2000;
/** Sessions, and frames of one session, that have doorbells of their own. */
export const DOORBELL_SESSIONS = 1024;

/**
 * Offset of a GPU's doorbells in the file kfd: a number that JavaScript can write at. Old libhsakmt takes it apart with a mask
 * that is too wide: bits 13 to 31 are zero.
 */
export function doorbellOffset(session: number, frame: number): bigint {
  return (1n << 52n) | (BigInt(session % DOORBELL_SESSIONS) << 42n) | (BigInt(frame % 1024) << 32n);
}

/** Not an errno of user space: the kernel's ENOTSUPP, which KFD returns for a queue type. */
export const ENOTSUPP = 524;

/** Memory that a GPU says it has. */
export const AVAILABLE_BYTES = 1n << 34n;
/** End of the addresses of user space. */
export const USER_SPACE = 1n << 47n;

/** The GPU with that id. */
export function gpuOf<Gpu extends { readonly id: number }>(gpus: readonly Gpu[], id: number): Gpu | undefined {
  return gpus.find((gpu) => gpu.id === id);
}

/** KFD's id of a GPU by its index. */
export function gpuIdOf(index: number): number {
  return 0x5100 + index;
}
