/*
 * The SVM ioctl as a program that knows nothing of this package would declare it:
 * libdrm's headers do not have it yet. Spec 01 sections 1 to 4, and "revisions" for
 * what came after RFC V4.
 */
#ifndef SVM_UAPI_H
#define SVM_UAPI_H

#include <stdint.h>
#include <string.h>

/* RFC V4 to V7, and PATCH v8, where the former number is that of DRM_AMDGPU_PROC_OPTIONS. */
#define DRM_AMDGPU_GEM_SVM_V4 0x1a
#define DRM_AMDGPU_GEM_SVM_V8 0x1b

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

/* RESET_ATTR from RFC V5 on. */
enum { AMDGPU_SVM_OP_SET_ATTR, AMDGPU_SVM_OP_GET_ATTR, AMDGPU_SVM_OP_RESET_ATTR };

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
  /* Up to RFC V4. */
  AMDGPU_SVM_ATTR_GPU_ALWAYS_MAPPED
};

#define AMDGPU_SVM_LOCATION_SYSMEM 0u
#define AMDGPU_SVM_LOCATION_UNDEFINED 0xffffffffu

/* Which posting the node speaks: 4, 7 or 8. */
static int revision = 4;

static inline unsigned long svm_command(void) { return revision < 8 ? DRM_AMDGPU_GEM_SVM_V4 : DRM_AMDGPU_GEM_SVM_V8; }
static inline uint32_t svm_attribute_types(void) { return revision < 5 ? 12 : 11; }

/* Takes "--revision v8" out of the arguments, and returns how many are left. */
static inline int take_revision(int count, char **arguments) {
  int left = 0;
  for (int index = 0; index < count; ++index) {
    if (strcmp(arguments[index], "--revision") == 0 && index + 1 < count) {
      const char *const name = arguments[++index];
      revision = name[0] == 'v' ? name[1] - '0' : 0;
    } else {
      arguments[left++] = arguments[index];
    }
  }
  return left;
}

#endif
