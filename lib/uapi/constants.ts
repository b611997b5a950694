/**
 * Numbers of the user ABI of `DRM_AMDGPU_GEM_SVM` (spec/01-uapi §1 and §4). A name has the same number in every
 * revision; which names a revision has is said by its profile.
 *
 * Constants are `as const` objects with the kernel's names in camel case; the
 * kernel's own spelling is in the comment of each entry.
 */

/** Operation selector, `drm_amdgpu_gem_svm.operation` (u32). */
export const SvmOperation = {
  /** AMDGPU_SVM_OP_SET_ATTR */
  setAttributes: 0,
  /** AMDGPU_SVM_OP_GET_ATTR */
  getAttributes: 1,
  /** AMDGPU_SVM_OP_RESET_ATTR, from RFC V5 on */
  resetAttributes: 2,
} as const;
export type SvmOperation = (typeof SvmOperation)[keyof typeof SvmOperation];

/** Attribute type, `drm_amdgpu_svm_attribute.type` (u32). */
export const SvmAttributeType = {
  /** AMDGPU_SVM_ATTR_PREFERRED_LOC */
  preferredLocation: 0,
  /** AMDGPU_SVM_ATTR_PREFETCH_LOC */
  prefetchLocation: 1,
  /** AMDGPU_SVM_ATTR_ACCESS */
  access: 2,
  /** AMDGPU_SVM_ATTR_GRANULARITY (log2 of pages) */
  granularity: 3,
  /** AMDGPU_SVM_ATTR_HOST_ACCESS */
  hostAccess: 4,
  /** AMDGPU_SVM_ATTR_COHERENT */
  coherent: 5,
  /** AMDGPU_SVM_ATTR_EXT_COHERENT */
  extCoherent: 6,
  /** AMDGPU_SVM_ATTR_HIVE_LOCAL */
  hiveLocal: 7,
  /** AMDGPU_SVM_ATTR_GPU_RO */
  gpuReadOnly: 8,
  /** AMDGPU_SVM_ATTR_GPU_EXEC */
  gpuExecutable: 9,
  /** AMDGPU_SVM_ATTR_GPU_READ_MOSTLY */
  gpuReadMostly: 10,
  /** AMDGPU_SVM_ATTR_GPU_ALWAYS_MAPPED */
  gpuAlwaysMapped: 11,
} as const;
/** Name of an attribute. */
export type SvmAttributeName = keyof typeof SvmAttributeType;
export type SvmAttributeType = (typeof SvmAttributeType)[SvmAttributeName];

/** Values of the attribute `access`. */
export const SvmAccess = {
  /** AMDGPU_SVM_ACCESS_INACCESSIBLE */
  inaccessible: 0,
  /** AMDGPU_SVM_ACCESS_IN_PLACE */
  'in-place': 1,
  /** AMDGPU_SVM_ACCESS_ALLOW_MIGRATE */
  'allow-migrate': 2,
} as const;
/** Access of a GPU to pages. */
export type SvmAccessName = keyof typeof SvmAccess;

/**
 * Location values. Any other u32 means "this GPU": there is one GPU for each
 * SVM context and the number is never compared with a device id (spec/01-uapi §4).
 */
export const SvmLocation = {
  /** AMDGPU_SVM_LOCATION_SYSMEM */
  system: 0,
  /** The value this package sends for "this GPU"; the kernel accepts any other as well. */
  device: 1,
  /** AMDGPU_SVM_LOCATION_UNDEFINED */
  undefined: 0xffff_ffff,
} as const;
/** Where pages may lie, in words. */
export type SvmLocationName = keyof typeof SvmLocation;

/** Bit of a boolean attribute in the flag mask of an attribute interval: `1 << (type - 4)` (spec/02-attributes §1). */
export const SvmFlag = {
  hostAccess: 0x01,
  coherent: 0x02,
  extCoherent: 0x04,
  hiveLocal: 0x08,
  gpuReadOnly: 0x10,
  gpuExecutable: 0x20,
  gpuReadMostly: 0x40,
  gpuAlwaysMapped: 0x80,
} as const;
/** Name of an attribute that is on or off. */
export type SvmFlagName = keyof typeof SvmFlag;

/** Largest number of attribute records in one call (spec/01-uapi §8). */
export const MAX_ATTRIBUTES_PER_CALL = 64;

/** Bytes of one page; addresses and sizes of the ioctl are multiples of it. */
export const PAGE_SIZE = 4096;
