// Layout of KFD's ioctls (spec/kfd-queue §1, §3-§5, §8), our own definitions. Only what the addon issues. A kernel
// chooses by the number alone and zero-extends or ignores what a structure has less or more.
#ifndef AMDGPU_SVM_KFD_UAPI_H
#define AMDGPU_SVM_KFD_UAPI_H

#include <linux/ioctl.h>

#include <cstddef>
#include <cstdint>

namespace amdgpu_svm {

struct KfdVersion {
  uint32_t major;
  uint32_t minor;
};

struct KfdCreateQueue {
  uint64_t ring_base_address;
  uint64_t write_pointer_address;
  uint64_t read_pointer_address;
  uint64_t doorbell_offset;  // out; bit 63 may be set
  uint32_t ring_size;        // bytes, a power of two
  uint32_t gpu_id;
  uint32_t queue_type;
  uint32_t queue_percentage;
  uint32_t queue_priority;
  uint32_t queue_id;  // out
  uint64_t eop_buffer_address;
  uint64_t eop_buffer_size;
  uint64_t ctx_save_restore_address;
  uint32_t ctx_save_restore_size;
  uint32_t ctl_stack_size;
  uint32_t sdma_engine_id;
  uint32_t pad;
};

struct KfdDestroyQueue {
  uint32_t queue_id;
  uint32_t pad;
};

struct KfdCreateEvent {
  uint64_t event_page_offset;
  uint32_t trigger_data;  // out
  uint32_t event_type;
  uint32_t auto_reset;
  uint32_t node_id;
  uint32_t event_id;  // out
  uint32_t slot;      // out
};

struct KfdDestroyEvent {
  uint32_t event_id;
  uint32_t pad;
};

// One event of KfdWaitEvents; the first 32 bytes are a union of what each type tells.
struct KfdEventData {
  union {
    struct {
      uint32_t not_present;
      uint32_t read_only;
      uint32_t no_execute;
      uint32_t imprecise;
      uint64_t address;
      uint32_t gpu_id;
      uint32_t error_type;
    } memory;
    struct {
      uint32_t reset_type;
      uint32_t reset_cause;
      uint32_t memory_lost;
      uint32_t gpu_id;
    } reset;
    uint64_t words[4];
  };
  uint64_t extension;
  uint32_t event_id;
  uint32_t pad;
};

struct KfdWaitEvents {
  uint64_t events;  // user address of KfdEventData
  uint32_t count;
  uint32_t wait_for_all;
  uint32_t timeout;  // milliseconds
  uint32_t result;   // out
};

struct KfdAcquireVm {
  uint32_t drm_fd;
  uint32_t gpu_id;
};

struct KfdAllocMemory {
  uint64_t va_addr;
  uint64_t size;
  uint64_t handle;       // out
  uint64_t mmap_offset;  // out
  uint32_t gpu_id;
  uint32_t flags;
};

struct KfdFreeMemory {
  uint64_t handle;
};

struct KfdMapMemory {
  uint64_t handle;
  uint64_t device_ids;  // user address of u32 gpu ids
  uint32_t device_count;
  uint32_t success_count;  // in and out
};

struct KfdXnackMode {
  int32_t enabled;
};

inline constexpr uint32_t kKfdType = 0x4b;
inline constexpr uint32_t kKfdGetVersion = _IOR(kKfdType, 0x01, KfdVersion);
inline constexpr uint32_t kKfdCreateQueue = _IOWR(kKfdType, 0x02, KfdCreateQueue);
inline constexpr uint32_t kKfdDestroyQueue = _IOWR(kKfdType, 0x03, KfdDestroyQueue);
inline constexpr uint32_t kKfdCreateEvent = _IOWR(kKfdType, 0x08, KfdCreateEvent);
inline constexpr uint32_t kKfdDestroyEvent = _IOW(kKfdType, 0x09, KfdDestroyEvent);
inline constexpr uint32_t kKfdWaitEvents = _IOWR(kKfdType, 0x0c, KfdWaitEvents);
inline constexpr uint32_t kKfdAcquireVm = _IOW(kKfdType, 0x15, KfdAcquireVm);
inline constexpr uint32_t kKfdAllocMemory = _IOWR(kKfdType, 0x16, KfdAllocMemory);
inline constexpr uint32_t kKfdFreeMemory = _IOW(kKfdType, 0x17, KfdFreeMemory);
inline constexpr uint32_t kKfdMapMemory = _IOWR(kKfdType, 0x18, KfdMapMemory);
inline constexpr uint32_t kKfdUnmapMemory = _IOWR(kKfdType, 0x19, KfdMapMemory);
inline constexpr uint32_t kKfdSetXnackMode = _IOWR(kKfdType, 0x21, KfdXnackMode);

inline constexpr uint32_t kKfdQueueSdma = 1;
inline constexpr uint32_t kKfdEventReset = 3;
inline constexpr uint32_t kKfdEventMemory = 8;
inline constexpr uint32_t kKfdWaitComplete = 0;
// WRITABLE | EXECUTABLE | NO_SUBSTITUTE | COHERENT | UNCACHED | GTT
inline constexpr uint32_t kKfdGttFlags = 0xD600'0002;
// Of the frame of a GPU's doorbells on gfx9: the only length that can be mapped.
inline constexpr size_t kKfdDoorbellFrame = 0x2000;

static_assert(sizeof(KfdCreateQueue) == 96 && offsetof(KfdCreateQueue, ring_size) == 32 &&
              offsetof(KfdCreateQueue, queue_id) == 52 && offsetof(KfdCreateQueue, sdma_engine_id) == 88);
static_assert(sizeof(KfdCreateEvent) == 32 && offsetof(KfdCreateEvent, event_id) == 24);
static_assert(sizeof(KfdEventData) == 48 && offsetof(KfdEventData, extension) == 32 &&
              offsetof(KfdEventData, event_id) == 40);
static_assert(sizeof(KfdWaitEvents) == 24 && sizeof(KfdAllocMemory) == 40 && sizeof(KfdMapMemory) == 24);
static_assert(kKfdGetVersion == 0x80084b01 && kKfdCreateQueue == 0xc0604b02 && kKfdDestroyQueue == 0xc0084b03);
static_assert(kKfdCreateEvent == 0xc0204b08 && kKfdDestroyEvent == 0x40084b09 && kKfdWaitEvents == 0xc0184b0c);
static_assert(kKfdAcquireVm == 0x40084b15 && kKfdAllocMemory == 0xc0284b16 && kKfdFreeMemory == 0x40084b17);
static_assert(kKfdMapMemory == 0xc0184b18 && kKfdUnmapMemory == 0xc0184b19 && kKfdSetXnackMode == 0xc0044b21);

}  // namespace amdgpu_svm

#endif
