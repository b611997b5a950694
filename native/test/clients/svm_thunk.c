/*
 * KFD's own SVM ioctl through libhsakmt: what is set is read again, a mixed region reads as KFD's
 * rules have it, refusals have KFD's errnos, and attributes do to GPU work what they say.
 *
 *   svm-thunk
 */
#include <errno.h>
#include <fcntl.h>
#include <hsakmt.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE 4096ul
#define SET 0u
#define GET 1u
#define UNDEFINED 0xffffffffu
#define GPU_NODE 1u
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static int kfd;
static unsigned gpu_id;

static void need(int good, const char *what) {
  printf("%s - %s\n", good ? "ok" : "not ok", what);
  fflush(stdout);
  if (!good) exit(1);
}

static char *pages(unsigned count) {
  char *memory = mmap(NULL, count * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  need(memory != MAP_FAILED, "memory");
  return memory;
}

static void set(char *start, unsigned count, HSA_SVM_ATTRIBUTE *list, unsigned n, const char *what) {
  need(hsaKmtSVMSetAttr(start, count * PAGE, n, list) == HSAKMT_STATUS_SUCCESS, what);
}

static void set_one(char *start, unsigned count, unsigned type, unsigned value, const char *what) {
  HSA_SVM_ATTRIBUTE one = {type, value};
  set(start, count, &one, 1, what);
}

static HSA_SVM_ATTRIBUTE get(char *start, unsigned count, unsigned type, unsigned value) {
  HSA_SVM_ATTRIBUTE one = {type, value};
  need(hsaKmtSVMGetAttr(start, count * PAGE, 1, &one) == HSAKMT_STATUS_SUCCESS, "attributes are read");
  return one;
}

/* The ioctl itself, for its errno. */
static int raw(unsigned op, uint64_t start, uint64_t size, unsigned type, unsigned value) {
  struct {
    uint64_t start, size;
    uint32_t op, nattr;
    HSA_SVM_ATTRIBUTE attribute;
  } args = {start, size, op, 1, {type, value}};
  return ioctl(kfd, _IOWR('K', 0x20, args), &args) == 0 ? 0 : errno;
}

int main(void) {
  HsaSystemProperties system;
  HsaNodeProperties properties;
  kfd = open("/dev/kfd", O_RDWR | O_CLOEXEC);
  need(kfd >= 0, "KFD opens");
  char *region = pages(8);
  const uint64_t at = (uint64_t)region;
  need(raw(SET, at, PAGE, HSA_SVM_ATTR_GRANULARITY, 9) == EINVAL, "EINVAL before there is a compute VM");
  need(hsaKmtOpenKFD() == HSAKMT_STATUS_SUCCESS, "libhsakmt opens KFD");
  need(hsaKmtAcquireSystemProperties(&system) == HSAKMT_STATUS_SUCCESS && system.NumNodes == 2, "the topology is read");
  need(hsaKmtGetNodeProperties(GPU_NODE, &properties) == HSAKMT_STATUS_SUCCESS && properties.Capability.ui32.SVMAPISupported,
       "node 1 is a GPU with SVM");
  FILE *file = fopen("/sys/devices/virtual/kfd/kfd/topology/nodes/1/gpu_id", "r");
  need(file != NULL && fscanf(file, "%u", &gpu_id) == 1 && fclose(file) == 0, "it has an id");

  /* Nothing was set: the defaults. */
  HSA_SVM_ATTRIBUTE all[] = {{HSA_SVM_ATTR_PREFERRED_LOC, 7}, {HSA_SVM_ATTR_PREFETCH_LOC, 7}, {HSA_SVM_ATTR_ACCESS, GPU_NODE},
                             {HSA_SVM_ATTR_SET_FLAGS, 0},     {HSA_SVM_ATTR_CLR_FLAGS, 0},    {HSA_SVM_ATTR_GRANULARITY, 0}};
  need(hsaKmtSVMGetAttr(region, 8 * PAGE, COUNT(all), all) == HSAKMT_STATUS_SUCCESS, "the defaults are read");
  need(all[0].value == UNDEFINED && all[1].value == UNDEFINED, "no location");
  need(all[2].type == HSA_SVM_ATTR_ACCESS && all[2].value == GPU_NODE, "every GPU has access, since XNACK is on");
  need(all[3].value == (HSA_SVM_FLAG_HOST_ACCESS | HSA_SVM_FLAG_COHERENT) && all[4].value == ~all[3].value,
       "accessible for the host and coherent, everything else is clear");
  need(all[5].value == 9, "granularity 9");

  HSA_SVM_ATTRIBUTE list[] = {{HSA_SVM_ATTR_PREFERRED_LOC, GPU_NODE},
                              {HSA_SVM_ATTR_ACCESS_IN_PLACE, GPU_NODE},
                              {HSA_SVM_ATTR_SET_FLAGS, HSA_SVM_FLAG_GPU_READ_MOSTLY | HSA_SVM_FLAG_GPU_EXEC},
                              {HSA_SVM_ATTR_CLR_FLAGS, HSA_SVM_FLAG_COHERENT | HSA_SVM_FLAG_GPU_EXEC},
                              {HSA_SVM_ATTR_GRANULARITY, 4}};
  set(region, 4, list, COUNT(list), "attributes of the first half");
  need(get(region, 4, HSA_SVM_ATTR_PREFERRED_LOC, 0).value == GPU_NODE, "the GPU is preferred");
  need(get(region, 4, HSA_SVM_ATTR_ACCESS, GPU_NODE).type == HSA_SVM_ATTR_ACCESS_IN_PLACE, "access in place");
  need(get(region, 4, HSA_SVM_ATTR_SET_FLAGS, 0).value == (HSA_SVM_FLAG_HOST_ACCESS | HSA_SVM_FLAG_GPU_READ_MOSTLY),
       "of flags that are set and cleared the later word counts");
  need(get(region, 8, HSA_SVM_ATTR_PREFERRED_LOC, 0).value == GPU_NODE, "pages without a range do not count");
  need(get(region, 8, HSA_SVM_ATTR_GRANULARITY, 0).value == 4, "nor for the granularity");

  set_one(region + 4 * PAGE, 4, HSA_SVM_ATTR_GRANULARITY, 200, "a range of the second half");
  need(get(region + 4 * PAGE, 4, HSA_SVM_ATTR_GRANULARITY, 0).value == 63, "granularity ends at 63");
  need(get(region, 8, HSA_SVM_ATTR_GRANULARITY, 0).value == 4, "of several granularities the least");
  need(get(region, 8, HSA_SVM_ATTR_PREFERRED_LOC, 0).value == UNDEFINED, "two locations are none");
  need(get(region, 8, HSA_SVM_ATTR_ACCESS, GPU_NODE).type == HSA_SVM_ATTR_NO_ACCESS, "two accesses are none");
  need(get(region, 8, HSA_SVM_ATTR_SET_FLAGS, 0).value == HSA_SVM_FLAG_HOST_ACCESS, "flags that are set everywhere");
  need((get(region, 8, HSA_SVM_ATTR_CLR_FLAGS, 0).value & 0x3f) ==
           (HSA_SVM_FLAG_HIVE_LOCAL | HSA_SVM_FLAG_GPU_RO | HSA_SVM_FLAG_GPU_EXEC),
       "flags that are clear everywhere");
  set_one(region, 8, HSA_SVM_ATTR_PREFETCH_LOC, GPU_NODE, "a prefetch to the GPU");
  need(get(region, 8, HSA_SVM_ATTR_PREFETCH_LOC, 0).value == GPU_NODE, "its location is read");
  set_one(region, 8, HSA_SVM_ATTR_PREFETCH_LOC, 0, "and back to the system");
  need(get(region, 8, HSA_SVM_ATTR_PREFETCH_LOC, 7).value == 0, "so is that");

  need(raw(SET, at + 1, PAGE, HSA_SVM_ATTR_GRANULARITY, 9) == EINVAL, "EINVAL: an odd address");
  need(raw(SET, at, 0, HSA_SVM_ATTR_GRANULARITY, 9) == EINVAL, "EINVAL: no bytes");
  need(raw(2, at, PAGE, HSA_SVM_ATTR_GRANULARITY, 9) == EINVAL, "EINVAL: an operation that is none");
  need(raw(SET, at, PAGE, 8, 0) == EINVAL, "EINVAL: a type that is none");
  need(raw(SET, at, PAGE, HSA_SVM_ATTR_ACCESS, gpu_id + 1) == EINVAL, "EINVAL: a GPU that is none");
  need(raw(SET, at, PAGE, HSA_SVM_ATTR_PREFETCH_LOC, UNDEFINED) == EINVAL, "EINVAL: a prefetch to nowhere");
  need(raw(GET, at, PAGE, HSA_SVM_ATTR_NO_ACCESS, gpu_id) == EINVAL, "EINVAL: access is asked by one type");
  need(raw(SET, at, 1ul << 40, HSA_SVM_ATTR_GRANULARITY, 9) == EFAULT, "EFAULT: more than is mapped");
  need(raw(GET, 1ul << 46, PAGE, HSA_SVM_ATTR_GRANULARITY, 9) == EFAULT, "EFAULT: nothing is mapped");
  HsaMemFlags flags;
  HsaMemMapFlags map_flags;
  HSAuint32 node = GPU_NODE;
  HSAuint64 address;
  void *buffer = NULL;
  memset(&flags, 0, sizeof(flags));
  memset(&map_flags, 0, sizeof(map_flags));
  flags.ui32.HostAccess = 1;
  need(hsaKmtAllocMemory(0, PAGE, flags, &buffer) == HSAKMT_STATUS_SUCCESS &&
           hsaKmtMapMemoryToGPUNodes(buffer, PAGE, &address, map_flags, 1, &node) == HSAKMT_STATUS_SUCCESS,
       "a buffer object");
  need(raw(SET, (uint64_t)buffer, PAGE, HSA_SVM_ATTR_GRANULARITY, 9) == EADDRINUSE,
       "EADDRINUSE: a buffer object is there");
  need(hsaKmtCloseKFD() == HSAKMT_STATUS_SUCCESS, "KFD closes");
  return 0;
}
