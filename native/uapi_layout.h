// Layout of the structures that cross the kernel boundary (spec/01-uapi §1-§3), our
// own definitions. The numbers below are those of lib/uapi/layout.ts and
// lib/uapi/request.ts: a compiler that sees them differently does not build the
// addon, and a test compares layout() with the TypeScript table. Which number the SVM
// ioctl has depends on the revision of the user ABI: nothing here knows it.
#ifndef AMDGPU_SVM_UAPI_LAYOUT_H
#define AMDGPU_SVM_UAPI_LAYOUT_H

#include <linux/ioctl.h>

#include <cstddef>
#include <cstdint>

namespace amdgpu_svm {

// The argument of the SVM ioctl.
struct GemSvm {
  uint64_t start_addr;  // bytes
  uint64_t size;        // bytes
  uint32_t operation;
  uint32_t nattr;      // records behind attrs_ptr
  uint64_t attrs_ptr;  // user address
};

// One record of the array behind attrs_ptr.
struct SvmAttribute {
  uint32_t type;
  uint32_t value;
};

// The argument of DRM_IOCTL_VERSION, as a 64-bit process lays it out. Lengths
// are in bytes without a terminating zero, the other fields are user addresses.
struct DrmVersion {
  int32_t version_major;
  int32_t version_minor;
  int32_t version_patchlevel;
  int32_t hole;  // alignment
  uint64_t name_len;
  uint64_t name;
  uint64_t date_len;
  uint64_t date;
  uint64_t desc_len;
  uint64_t desc;
};

inline constexpr uint32_t kDrmType = 0x64;
// Largest nattr that the driver accepts (spec/01-uapi §6).
inline constexpr uint32_t kMaximumRecords = 64;

inline constexpr uint32_t kRequestDrmVersion = _IOWR(kDrmType, 0x00, DrmVersion);

static_assert(sizeof(void*) == 8, "only 64-bit processes: drm_version differs on 32 bits");

static_assert(sizeof(GemSvm) == 32);
static_assert(offsetof(GemSvm, start_addr) == 0);
static_assert(offsetof(GemSvm, size) == 8);
static_assert(offsetof(GemSvm, operation) == 16);
static_assert(offsetof(GemSvm, nattr) == 20);
static_assert(offsetof(GemSvm, attrs_ptr) == 24);

static_assert(sizeof(SvmAttribute) == 8);
static_assert(offsetof(SvmAttribute, type) == 0);
static_assert(offsetof(SvmAttribute, value) == 4);

static_assert(sizeof(DrmVersion) == 64);
static_assert(offsetof(DrmVersion, version_major) == 0);
static_assert(offsetof(DrmVersion, version_minor) == 4);
static_assert(offsetof(DrmVersion, version_patchlevel) == 8);
static_assert(offsetof(DrmVersion, name_len) == 16);
static_assert(offsetof(DrmVersion, name) == 24);
static_assert(offsetof(DrmVersion, date_len) == 32);
static_assert(offsetof(DrmVersion, date) == 40);
static_assert(offsetof(DrmVersion, desc_len) == 48);
static_assert(offsetof(DrmVersion, desc) == 56);

static_assert(kRequestDrmVersion == 0xC0406400);

}  // namespace amdgpu_svm

#endif
