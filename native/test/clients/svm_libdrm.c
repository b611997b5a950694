/*
 * SVM as a program over libdrm uses it: a device of libdrm, and three functions of its
 * own words around the ioctl. Memory attributes are set and read back.
 *
 *   svm-libdrm NODE [--revision v8]
 */
#include <amdgpu.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xf86drm.h>

#include "svm_uapi.h"

static int svm_op(amdgpu_device_handle device, uint32_t operation, void *memory, uint64_t size, uint32_t count,
                  struct drm_amdgpu_svm_attribute *attributes) {
  struct drm_amdgpu_gem_svm call = {(uintptr_t)memory, size, operation, count, (uintptr_t)attributes};
  return drmCommandWriteRead(amdgpu_device_get_fd(device), svm_command(), &call, sizeof(call));
}

static int svm_set_attr(amdgpu_device_handle device, void *memory, uint64_t size, uint32_t count,
                        struct drm_amdgpu_svm_attribute *attributes) {
  return svm_op(device, AMDGPU_SVM_OP_SET_ATTR, memory, size, count, attributes);
}

static int svm_get_attr(amdgpu_device_handle device, void *memory, uint64_t size, uint32_t count,
                        struct drm_amdgpu_svm_attribute *attributes) {
  return svm_op(device, AMDGPU_SVM_OP_GET_ATTR, memory, size, count, attributes);
}

static void need(int good, const char *what) {
  printf("%s - %s\n", good ? "ok" : "not ok", what);
  if (!good) exit(1);
}

int main(int count, char **arguments) {
  count = take_revision(count, arguments);
  if (count != 2) {
    fprintf(stderr, "usage: svm-libdrm NODE [--revision v8]\n");
    return 2;
  }
  const int file = open(arguments[1], O_RDWR | O_CLOEXEC);
  need(file >= 0, "the node opens");
  uint32_t major, minor;
  amdgpu_device_handle device;
  need(amdgpu_device_initialize(file, &major, &minor, &device) == 0, "amdgpu_device_initialize");
  need(major == 3, "the interface of the driver is 3.x");
  void *memory = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  struct drm_amdgpu_svm_attribute set[] = {{AMDGPU_SVM_ATTR_GRANULARITY, 5}, {AMDGPU_SVM_ATTR_GPU_READ_MOSTLY, 1}};
  need(svm_set_attr(device, memory, 1 << 20, 2, set) == 0, "attributes are set");
  struct drm_amdgpu_svm_attribute get[] = {{AMDGPU_SVM_ATTR_GRANULARITY, 0}, {AMDGPU_SVM_ATTR_GPU_READ_MOSTLY, 0}};
  need(svm_get_attr(device, memory, 1 << 20, 2, get) == 0, "attributes are read");
  need(get[0].value == 5 && get[1].value == 1, "they are those that were set");
  need(amdgpu_device_deinitialize(device) == 0, "amdgpu_device_deinitialize");
  return 0;
}
