/** Numbers of the HSA API that concern SVM (spec/hsa §2). Each entry has HSA's own spelling in its comment. */

/** Attribute of a pair, `hsa_amd_svm_attribute_t`. */
export const HsaSvmAttribute = {
  /** HSA_AMD_SVM_ATTRIB_GLOBAL_FLAG: an `HsaGlobalFlag`. */
  globalFlag: 0,
  /** HSA_AMD_SVM_ATTRIB_READ_ONLY: 0 or not 0. */
  readOnly: 1,
  /** HSA_AMD_SVM_ATTRIB_HIVE_LOCAL: 0 or not 0. */
  hiveLocal: 2,
  /** HSA_AMD_SVM_ATTRIB_MIGRATION_GRANULARITY: log2 of pages; what is above 18 (1 GiB) becomes 18. */
  migrationGranularity: 3,
  /** HSA_AMD_SVM_ATTRIB_PREFERRED_LOCATION: an agent, or null for none. */
  preferredLocation: 4,
  /** HSA_AMD_SVM_ATTRIB_PREFETCH_LOCATION: only to get; an agent, or null for none or mixed. */
  prefetchLocation: 5,
  /** HSA_AMD_SVM_ATTRIB_READ_MOSTLY: 0 or not 0. */
  readMostly: 6,
  /** HSA_AMD_SVM_ATTRIB_GPU_EXEC: only to set; 0 or not 0. */
  gpuExec: 7,
  /** HSA_AMD_SVM_ATTRIB_AGENT_ACCESSIBLE: only to set; an agent. */
  agentAccessible: 0x200,
  /** HSA_AMD_SVM_ATTRIB_AGENT_ACCESSIBLE_IN_PLACE: only to set; an agent. */
  agentAccessibleInPlace: 0x201,
  /** HSA_AMD_SVM_ATTRIB_AGENT_NO_ACCESS: only to set; an agent. */
  agentNoAccess: 0x202,
  /** HSA_AMD_SVM_ATTRIB_ACCESS_QUERY: only to get; an agent. The answer's attribute is one of the three above. */
  accessQuery: 0x203,
} as const;
/** Name of an attribute of HSA. */
export type HsaSvmAttributeName = keyof typeof HsaSvmAttribute;

/** Value of `globalFlag`, `hsa_amd_svm_model_t`. */
export const HsaGlobalFlag = {
  /** HSA_AMD_SVM_GLOBAL_FLAG_FINE_GRAINED */
  fineGrained: 0,
  /** HSA_AMD_SVM_GLOBAL_FLAG_COARSE_GRAINED */
  coarseGrained: 1,
  /** HSA_AMD_SVM_GLOBAL_FLAG_INDETERMINATE: an answer of the KFD driver; this one never gives it (4.3). */
  indeterminate: 2,
} as const;

/** What `systemInfo` can be asked. */
export const HsaSystemInfo = {
  /** HSA_AMD_SYSTEM_INFO_SVM_SUPPORTED */
  svmSupported: 0x201,
  /** HSA_AMD_SYSTEM_INFO_SVM_ACCESSIBLE_BY_DEFAULT */
  svmAccessibleByDefault: 0x202,
  /** HSA_AMD_SYSTEM_INFO_XNACK_ENABLED */
  xnackEnabled: 0x206,
} as const;

/** Flags of `vmemAddressReserve`. */
export const HsaVmemFlag = {
  /** HSA_AMD_VMEM_ADDRESS_NO_REGISTER: memory at once, for SVM; the only kind that this layer has. */
  noRegister: 1,
} as const;

/** Kind of memory behind a pointer, `hsa_amd_pointer_type_t`, as far as this layer has it. */
export const HsaPointerType = {
  /** HSA_EXT_POINTER_TYPE_UNKNOWN */
  unknown: 0,
  /** HSA_EXT_POINTER_TYPE_LOCKED */
  locked: 2,
  /** HSA_EXT_POINTER_TYPE_RESERVED_ADDR */
  reservedAddress: 5,
} as const;

/** Largest granularity that the layer passes on: 2^18 pages, 1 GiB. */
export const LARGEST_HSA_GRANULARITY = 18;
