/*
 * Keeps a render node busy and checks every answer against a model of its own.
 *
 *   svm-stress NODE SEED CALLS       CALLS ioctls with known answers, then "CALLS calls, N wrong"
 *   svm-stress NODE SEED malformed CALLS   CALLS requests of random bytes; only errnos that the DRM core has
 *   ... --revision v8                a node of that revision: v4 (default), v7, v8
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xf86drm.h>

#include "svm_uapi.h"

#define PAGE 4096ul
#define PAGES 256u
#define MIB (1ul << 20)

typedef struct drm_amdgpu_svm_attribute attribute;

static uint64_t state;
static unsigned wrong;

/* xorshift64: the same seed gives the same calls. */
static uint32_t draw(uint32_t below) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return (uint32_t)(state >> 32) % below;
}

static int call(int file, uint32_t operation, const char *memory, uint64_t size, uint32_t nattr, void *records) {
  struct drm_amdgpu_gem_svm argument = {(uintptr_t)memory, size, operation, nattr, (uintptr_t)records};
  return drmCommandWriteRead(file, svm_command(), &argument, sizeof(argument));
}

static void expect(long is, long expected, const char *what) {
  if (is == expected) return;
  if (wrong++ < 10) fprintf(stderr, "%s: %ld instead of %ld\n", what, is, expected);
}

static char *map(size_t length) {
  char *const memory = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) exit(3);
  return memory;
}

/* The attributes of each page as the specification says they must be. */
static struct {
  uint32_t granularity;
  uint32_t coherent;
} model[PAGES];

static void set(int file, char *memory, uint32_t first, uint32_t pages) {
  attribute records[2] = {{AMDGPU_SVM_ATTR_GRANULARITY, draw(80)}, {AMDGPU_SVM_ATTR_COHERENT, draw(2)}};
  expect(call(file, 0, memory + first * PAGE, pages * PAGE, 2, records), 0, "SET");
  for (uint32_t page = first; page < first + pages; ++page) {
    model[page].granularity = records[0].value < 63 ? records[0].value : 63;
    model[page].coherent = records[1].value;
  }
}

static void get(int file, char *memory, uint32_t first, uint32_t pages) {
  attribute records[2] = {{AMDGPU_SVM_ATTR_GRANULARITY, 99}, {AMDGPU_SVM_ATTR_COHERENT, 99}};
  expect(call(file, 1, memory + first * PAGE, pages * PAGE, 2, records), 0, "GET");
  uint32_t least = 63;
  uint32_t all = 1;
  for (uint32_t page = first; page < first + pages; ++page) {
    if (model[page].granularity < least) least = model[page].granularity;
    all &= model[page].coherent;
  }
  expect(records[0].value, least, "granularity");
  expect(records[1].value, all, "coherent");
}

static void walk(const char *node, unsigned calls) {
  int file = open(node, O_RDWR | O_CLOEXEC);
  if (file < 0) {
    perror(node);
    exit(3);
  }
  char *const memory = map(PAGES * PAGE);
  char *moving = map(4 * MIB);
  for (uint32_t page = 0; page < PAGES; ++page) model[page].granularity = 9, model[page].coherent = 1;
  for (unsigned done = 0; done < calls; ++done) {
    const uint32_t first = draw(PAGES);
    const uint32_t pages = 1 + draw(PAGES - first);
    attribute prefetch = {AMDGPU_SVM_ATTR_PREFETCH_LOC, 1};
    attribute unknown = {svm_attribute_types() + draw(1000), 0};
    switch (draw(16)) {
      case 0: case 1: case 2: case 3: case 4:
        set(file, memory, first, pages);
        break;
      case 5:
        expect(call(file, 0, memory + first * PAGE, pages * PAGE, 1, &unknown), -EINVAL, "unknown type");
        break;
      case 6:
        expect(call(file, draw(2), memory + first * PAGE, pages * PAGE, 1, (void *)8), -EFAULT, "bad pointer");
        break;
      case 7:
        expect(call(file, draw(2), memory + first * PAGE + 1 + draw(4095), PAGE, 1, &unknown), -EINVAL, "unaligned");
        break;
      case 8:
        if (draw(8)) {
          expect(call(file, 0, moving, 4 * MIB, 1, &prefetch), 0, "prefetch");
        } else {
          munmap(moving, 4 * MIB);
          expect(call(file, 0, moving, PAGE, 1, &prefetch), -EFAULT, "prefetch of nothing");
          moving = map(4 * MIB);
        }
        break;
      default:
        get(file, memory, first, pages);
    }
    /* Another context begins with the defaults. */
    if (draw(4000) == 0) {
      close(file);
      file = open(node, O_RDWR | O_CLOEXEC);
      for (uint32_t page = 0; page < PAGES; ++page) model[page].granularity = 9, model[page].coherent = 1;
    }
  }
}

static int is_errno_of_the_core(int error) {
  return error == EINVAL || error == EFAULT || error == EACCES || error == ENOTTY || error == EOPNOTSUPP || error == EPERM;
}

static void malformed(const char *node, unsigned calls) {
  const int file = open(node, O_RDWR | O_CLOEXEC);
  if (file < 0) {
    perror(node);
    exit(3);
  }
  uint8_t *const bytes = (uint8_t *)map(5 * PAGE);
  for (unsigned done = 0; done < calls; ++done) {
    for (unsigned at = 0; at < 64; ++at) bytes[at] = (uint8_t)draw(256);
    const uint32_t number = draw(2) ? 0x40 + svm_command() : draw(2) ? draw(2) : draw(256);
    const uint32_t size = draw(2) ? 32 : draw(16384);
    uint32_t type = draw(8) ? 'd' : draw(256);
    /* Some other types belong to the file system layer, which is not what is tested here. */
    if (type == 'f' || type == 'T' || type == 'X' || type == 0) type = 'w';
    const uint32_t request = draw(4) << 30 | size << 16 | type << 8 | number;
    struct drm_amdgpu_gem_svm *const argument = (void *)bytes;
    if (draw(2)) argument->start_addr &= ~4095ul, argument->size &= ~4095ul;
    if (draw(2)) argument->nattr = draw(70), argument->operation = draw(3);
    if (draw(2)) argument->attrs_ptr = (uintptr_t)bytes + draw(5 * PAGE);
    if (ioctl(file, request, draw(16) ? (void *)bytes : (void *)(uintptr_t)draw(4096)) != 0 && !is_errno_of_the_core(errno)) {
      fprintf(stderr, "request 0x%x: errno %d\n", request, errno);
      wrong++;
    }
  }
}

int main(int arguments, char **argument) {
  arguments = take_revision(arguments, argument);
  if (arguments < 4) {
    fprintf(stderr, "usage: svm-stress NODE SEED [malformed] CALLS [--revision v4 | v7 | v8]\n");
    return 2;
  }
  const unsigned calls = (unsigned)atoi(argument[arguments - 1]);
  state = 0x9e3779b97f4a7c15ull * (uint64_t)(atoi(argument[2]) + 1);
  if (arguments > 4) {
    malformed(argument[1], calls);
  } else {
    walk(argument[1], calls);
  }
  printf("%u calls, %u wrong\n", calls, wrong);
  return wrong != 0;
}
