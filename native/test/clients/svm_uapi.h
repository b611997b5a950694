/*
 * The SVM ioctl as a program that knows nothing of this package would declare it:
 * libdrm's headers do not have it yet. Spec 01 sections 1 to 4.
 */
#ifndef SVM_UAPI_H
#define SVM_UAPI_H

#include <stdint.h>

#define DRM_AMDGPU_GEM_SVM 0x1a

struct drm_amdgpu_gem_svm {
  uint64_t start_addr;
  uint64_t size;
  uint32_t operation;
  uint32_t nattr;
  uint64_t attrs_ptr;
};

struct drm_amdgpu_svm_attribute {
  uint32_t type;
  uint32_t value;
};

enum { AMDGPU_SVM_OP_SET_ATTR, AMDGPU_SVM_OP_GET_ATTR };

enum {
  AMDGPU_SVM_ATTR_PREFERRED_LOC,
  AMDGPU_SVM_ATTR_PREFETCH_LOC,
  AMDGPU_SVM_ATTR_ACCESS,
  AMDGPU_SVM_ATTR_GRANULARITY,
  AMDGPU_SVM_ATTR_HOST_ACCESS,
  AMDGPU_SVM_ATTR_COHERENT,
  AMDGPU_SVM_ATTR_EXT_COHERENT,
  AMDGPU_SVM_ATTR_HIVE_LOCAL,
  AMDGPU_SVM_ATTR_GPU_RO,
  AMDGPU_SVM_ATTR_GPU_EXEC,
  AMDGPU_SVM_ATTR_GPU_READ_MOSTLY,
  AMDGPU_SVM_ATTR_GPU_ALWAYS_MAPPED,
  SVM_ATTRIBUTE_TYPES
};

#define AMDGPU_SVM_LOCATION_SYSMEM 0u
#define AMDGPU_SVM_LOCATION_UNDEFINED 0xffffffffu

#endif
