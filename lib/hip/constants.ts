/** Numbers of the HIP API that concern managed memory (spec/hip §1). Each entry has HIP's own spelling in its comment. */

/** Device ids that are no GPU. */
export const HipDeviceId = {
  /** hipCpuDeviceId */
  cpu: -1,
  /** hipInvalidDeviceId: none, or mixed, in answers. */
  invalid: -2,
} as const;

/** Flags of `mallocManaged` and `streamAttachMemAsync`. */
export const HipMemAttach = {
  /** hipMemAttachGlobal */
  global: 1,
  /** hipMemAttachHost */
  host: 2,
  /** hipMemAttachSingle: only to attach. */
  single: 4,
} as const;

/** Advice of `memAdvise`, `hipMemoryAdvise`. */
export const HipMemoryAdvise = {
  /** hipMemAdviseSetReadMostly */
  setReadMostly: 1,
  /** hipMemAdviseUnsetReadMostly */
  unsetReadMostly: 2,
  /** hipMemAdviseSetPreferredLocation */
  setPreferredLocation: 3,
  /** hipMemAdviseUnsetPreferredLocation */
  unsetPreferredLocation: 4,
  /** hipMemAdviseSetAccessedBy */
  setAccessedBy: 5,
  /** hipMemAdviseUnsetAccessedBy */
  unsetAccessedBy: 6,
  /** hipMemAdviseSetCoarseGrain */
  setCoarseGrain: 100,
  /** hipMemAdviseUnsetCoarseGrain */
  unsetCoarseGrain: 101,
} as const;

/** What `memRangeGetAttribute` can be asked, `hipMemRangeAttribute`. Every answer is made of signed 32-bit numbers. */
export const HipMemRangeAttribute = {
  /** hipMemRangeAttributeReadMostly: 4 bytes; 0 or 1. */
  readMostly: 1,
  /** hipMemRangeAttributePreferredLocation: 4 bytes; a device, -1 the CPU, -2 none or mixed. */
  preferredLocation: 2,
  /** hipMemRangeAttributeAccessedBy: 4 bytes a device, unused entries -2. */
  accessedBy: 3,
  /** hipMemRangeAttributeLastPrefetchLocation: 4 bytes, as `preferredLocation`. */
  lastPrefetchLocation: 4,
  /** hipMemRangeAttributeCoherencyMode: 4 bytes, a `HipMemRangeCoherencyMode`. */
  coherencyMode: 100,
} as const;

/** Answer to `coherencyMode`, `hipMemRangeCoherencyMode`. */
export const HipMemRangeCoherencyMode = {
  /** hipMemRangeCoherencyModeFineGrain */
  fineGrain: 0,
  /** hipMemRangeCoherencyModeCoarseGrain */
  coarseGrain: 1,
  /** hipMemRangeCoherencyModeIndeterminate: mixed. */
  indeterminate: 2,
} as const;

/** Kind of a `HipMemLocation`, `hipMemLocationType`. */
export const HipMemLocationType = {
  /** hipMemLocationTypeInvalid, hipMemLocationTypeNone */
  invalid: 0,
  /** hipMemLocationTypeDevice: `id` is a device. */
  device: 1,
  /** hipMemLocationTypeHost */
  host: 2,
  /** hipMemLocationTypeHostNuma: `id` is a NUMA node. */
  hostNuma: 3,
  /** hipMemLocationTypeHostNumaCurrent */
  hostNumaCurrent: 4,
} as const;

/** A place, `hipMemLocation`. */
export interface HipMemLocation {
  /** A `HipMemLocationType`. */
  readonly type: number;
  /** Only looked at where the type says so. Default 0. */
  readonly id?: number;
}

/** Kind of memory behind a pointer, `hipMemoryType`. */
export const HipMemoryType = {
  /** hipMemoryTypeUnregistered: HIP does not know it. */
  unregistered: 0,
  /** hipMemoryTypeHost: `hostMalloc`, `hostRegister`. */
  host: 1,
  /** hipMemoryTypeDevice: `malloc`. */
  device: 2,
  /** hipMemoryTypeManaged: `mallocManaged`. */
  managed: 3,
} as const;
export type HipMemoryType = (typeof HipMemoryType)[keyof typeof HipMemoryType];

/** Flags of `hostMalloc`. The runtime keeps them; in the model all pinned memory is alike. */
export const HipHostMalloc = {
  /** hipHostMallocDefault */
  default: 0,
  /** hipHostMallocPortable */
  portable: 0x1,
  /** hipHostMallocMapped */
  mapped: 0x2,
  /** hipHostMallocWriteCombined */
  writeCombined: 0x4,
  /** hipHostMallocNumaUser */
  numaUser: 0x2000_0000,
  /** hipHostMallocCoherent */
  coherent: 0x4000_0000,
  /** hipHostMallocNonCoherent */
  nonCoherent: 0x8000_0000,
} as const;

/** Flags of `hostRegister`. */
export const HipHostRegister = {
  /** hipHostRegisterDefault */
  default: 0,
  /** hipHostRegisterPortable */
  portable: 0x1,
  /** hipHostRegisterMapped */
  mapped: 0x2,
  /** hipHostRegisterIoMemory */
  ioMemory: 0x4,
  /** hipHostRegisterReadOnly */
  readOnly: 0x8,
} as const;

/** Direction of `memcpy`, `hipMemcpyKind`. */
export const HipMemcpyKind = {
  /** hipMemcpyHostToHost */
  hostToHost: 0,
  /** hipMemcpyHostToDevice */
  hostToDevice: 1,
  /** hipMemcpyDeviceToHost */
  deviceToHost: 2,
  /** hipMemcpyDeviceToDevice */
  deviceToDevice: 3,
  /** hipMemcpyDefault: the runtime knows what the pointers are. */
  default: 4,
} as const;

/** Flags of `streamCreate`. */
export const HipStreamFlag = {
  /** hipStreamDefault: takes turns with the null stream of its device. */
  default: 0,
  /** hipStreamNonBlocking */
  nonBlocking: 1,
} as const;

/** Bits of the option `hmmFlags`, the environment variable ROC_HMM_FLAGS of the original. */
export const HipHmmFlag = {
  /** Every prefetch goes to the CPU. */
  enableSystemMemory: 0x01,
  /** Managed memory is prefetched to its device when it is allocated. */
  enableMallocPrefetch: 0x02,
  /** Advice and queries only on managed memory of the runtime. */
  enableSvmTracking: 0x04,
} as const;

/** What `deviceGetAttribute` can be asked, by name: the numbers of `hipDeviceAttribute_t` change between versions. */
export const HipDeviceAttribute = {
  managedMemory: 'hipDeviceAttributeManagedMemory',
  concurrentManagedAccess: 'hipDeviceAttributeConcurrentManagedAccess',
  pageableMemoryAccess: 'hipDeviceAttributePageableMemoryAccess',
  pageableMemoryAccessUsesHostPageTables: 'hipDeviceAttributePageableMemoryAccessUsesHostPageTables',
  directManagedMemAccessFromHost: 'hipDeviceAttributeDirectManagedMemAccessFromHost',
} as const;
export type HipDeviceAttribute = (typeof HipDeviceAttribute)[keyof typeof HipDeviceAttribute];
