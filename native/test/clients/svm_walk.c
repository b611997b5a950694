/*
 * Walks the user ABI of the SVM ioctl (spec 01) on a render node with nothing but
 * libdrm: every row that a program can bring about, with the errno or the value it
 * must give. Prints TAP; exits with 1 when something differs.
 *
 *   svm-walk NODE            a GPU with SVM
 *   svm-walk NODE --no-svm   a GPU without retry faults: EOPNOTSUPP, whatever is asked
 *   svm-walk NODE --revision v8   a node of that revision: v4 (default), v7, v8
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xf86drm.h>

#include "svm_uapi.h"

#define PAGE 4096ul
#define MIB (1ul << 20)
#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

typedef struct drm_amdgpu_svm_attribute attribute;

static int file;
static int count;
static int failures;

static void report(int good, const char *section, const char *what, int64_t is, int64_t expected) {
  printf("%sok %d - %s: %s\n", good ? "" : "not ", ++count, section, what);
  if (good) return;
  failures++;
  printf("  # is %" PRId64 " (0x%" PRIx64 "), must be %" PRId64 "\n", is, (uint64_t)is, expected);
}

static void expect(const char *section, const char *what, int64_t is, int64_t expected) {
  report(is == expected, section, what, is, expected);
}

/* 0 or a negative errno, as drmCommandWriteRead gives it. */
static int call(uint32_t operation, uint64_t address, uint64_t size, uint32_t nattr, const void *attributes) {
  struct drm_amdgpu_gem_svm argument = {address, size, operation, nattr, (uint64_t)(uintptr_t)attributes};
  const struct drm_amdgpu_gem_svm before = argument;
  const int result = drmCommandWriteRead(file, svm_command(), &argument, sizeof(argument));
  if (memcmp(&argument, &before, sizeof(argument)) != 0) expect("2", "the structure is not modified", 1, 0);
  return result;
}

static int set1(const void *memory, uint64_t size, uint32_t type, uint32_t value) {
  const attribute one = {type, value};
  return call(AMDGPU_SVM_OP_SET_ATTR, (uintptr_t)memory, size, 1, &one);
}

/* The value, or -1000 - errno. */
static int64_t get1(const void *memory, uint64_t size, uint32_t type) {
  attribute one = {type, 0xdeadbeef};
  const int result = call(AMDGPU_SVM_OP_GET_ATTR, (uintptr_t)memory, size, 1, &one);
  if (one.type != type) expect("3", "the type is rewritten with the same value", one.type, type);
  return result ? -1000 + result : (int64_t)one.value;
}

/* `length` bytes at a multiple of 2 MiB, with room around: an interval of exactly known ranges. */
static char *map_aligned(size_t length) {
  char *const place = mmap(NULL, length + 4 * MIB, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  char *const aligned = (char *)(((uintptr_t)place + 3 * MIB) & ~(2 * MIB - 1));
  char *const memory = mmap(aligned, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  if (memory == MAP_FAILED) {
    perror("mmap");
    exit(3);
  }
  return memory;
}

static void version(void) {
  drmVersionPtr version = drmGetVersion(file);
  expect("1", "drmGetVersion answers", version != NULL, 1);
  if (!version) return;
  expect("1", "the driver is amdgpu", strcmp(version->name, "amdgpu"), 0);
  expect("1", "major version 3", version->version_major, 3);
  expect("1", "the length of the name", version->name_len, 6);
  expect("1", "there is a description", version->desc_len > 0 && version->desc[0] != 0, 1);
  drmFreeVersion(version);
  struct drm_version bare = {0};
  expect("1", "without buffers only the lengths are told", drmIoctl(file, DRM_IOCTL_VERSION, &bare), 0);
  expect("1", "... of the name", (int64_t)bare.name_len, 6);
  bare.name = (char *)8;
  expect("1", "a bad buffer", drmIoctl(file, DRM_IOCTL_VERSION, &bare) ? -errno : 0, -EFAULT);
}

static void other_requests(const char *memory) {
  struct drm_get_cap capability = {.capability = DRM_CAP_PRIME};
  expect("1", "a command this driver does not have", drmIoctl(file, DRM_IOCTL_GET_CAP, &capability) ? -errno : 0, -EINVAL);
  struct drm_unique unique = {0};
  expect("1", "a command that is closed to render nodes", drmIoctl(file, DRM_IOCTL_GET_UNIQUE, &unique) ? -errno : 0, -EACCES);
  const unsigned long other = revision < 8 ? DRM_AMDGPU_GEM_SVM_V8 : DRM_AMDGPU_GEM_SVM_V4;
  attribute untouched = {AMDGPU_SVM_ATTR_GRANULARITY, 3};
  struct drm_amdgpu_gem_svm elsewhere = {(uintptr_t)memory, PAGE, AMDGPU_SVM_OP_SET_ATTR, 1, (uintptr_t)&untouched};
  expect("1", "the number that SVM has in other revisions", drmCommandWriteRead(file, other, &elsewhere, sizeof(elsewhere)), -EINVAL);
  expect("1", "... sets nothing", get1(memory, PAGE, AMDGPU_SVM_ATTR_GRANULARITY), 9);
  expect("1", "a number that nobody has", drmCommandNone(file, 0x5f), -EINVAL);
  expect("1", "another type byte", ioctl(file, _IOWR('w', 0x5a, struct drm_amdgpu_gem_svm), (void *)memory) ? -errno : 0, -ENOTTY);
  attribute one = {AMDGPU_SVM_ATTR_GRANULARITY, 7};
  struct {
    struct drm_amdgpu_gem_svm call;
    uint64_t more;
  } longer = {{(uintptr_t)memory, PAGE, AMDGPU_SVM_OP_SET_ATTR, 1, (uintptr_t)&one}, ~0ull};
  expect("5.2", "a longer structure", drmCommandWriteRead(file, svm_command(), &longer, sizeof(longer)), 0);
  expect("5.2", "... has its effect", get1(memory, PAGE, AMDGPU_SVM_ATTR_GRANULARITY), 7);
  expect("5.2", "a shorter structure is zero extended: no pointer", drmCommandWriteRead(file, svm_command(), &longer, 24), -EINVAL);
  expect("5.2", "no structure at all: address 0", drmCommandNone(file, svm_command()), -EINVAL);
  expect("5.2", "a write-only request sets", drmCommandWrite(file, svm_command(), &longer.call, sizeof(longer.call)), 0);
  expect("5.4", "a structure that can't be copied in", drmCommandWriteRead(file, svm_command(), (void *)8, 32), -EFAULT);
}

/* The structure lies in read-only memory: the call has its effect, then the copy back fails. */
static void read_only_structure(const char *memory) {
  struct drm_amdgpu_gem_svm *const argument = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  const attribute one = {AMDGPU_SVM_ATTR_GRANULARITY, 3};
  *argument = (struct drm_amdgpu_gem_svm){(uintptr_t)memory, PAGE, AMDGPU_SVM_OP_SET_ATTR, 1, (uintptr_t)&one};
  mprotect(argument, PAGE, PROT_READ);
  expect("5.6", "a structure that can't be copied back", drmCommandWriteRead(file, svm_command(), argument, 32), -EFAULT);
  expect("5.6", "... the effect took place", get1(memory, PAGE, AMDGPU_SVM_ATTR_GRANULARITY), 3);
  munmap(argument, PAGE);
}

static void defaults(const char *memory) {
  static const uint32_t expected[] = {
      AMDGPU_SVM_LOCATION_UNDEFINED, AMDGPU_SVM_LOCATION_UNDEFINED, 2, 9, 1, 1, 0, 0, 0, 0, 0, 0};
  for (uint32_t type = 0; type < svm_attribute_types(); ++type) {
    char text[64];
    snprintf(text, sizeof(text), "default of attribute %u", type);
    expect("4", text, get1(memory, PAGE, type), expected[type]);
  }
}

static void values(const char *memory) {
  static const struct {
    uint32_t type;
    uint32_t value;
    int result;
    uint32_t stored;
  } rows[] = {
      {0, 0, 0, 0}, {0, 1, 0, 1}, {0, 0x1234567, 0, 0x1234567}, {0, 0xffffffff, 0, 0xffffffff},
      {1, 0, 0, 0}, {1, 1, 0, 1}, {1, 0xfffffffe, 0, 0xfffffffe}, {1, 0xffffffff, -EINVAL, 0},
      {2, 0, 0, 0}, {2, 1, 0, 1}, {2, 2, 0, 2}, {2, 3, -EINVAL, 0}, {2, 0xffffffff, -EINVAL, 0},
      {3, 0, 0, 0}, {3, 63, 0, 63}, {3, 64, 0, 63}, {3, 0xffffffff, 0, 63}, {3, 9, 0, 9},
      {4, 0, 0, 0}, {4, 1, 0, 1}, {4, 2, -EINVAL, 0}, {5, 0, 0, 0}, {5, 1, 0, 1}, {5, 2, -EINVAL, 0},
      {6, 1, 0, 1}, {6, 0, 0, 0}, {6, 2, -EINVAL, 0}, {7, 1, 0, 1}, {7, 0, 0, 0}, {7, 2, -EINVAL, 0},
      {8, 1, 0, 1}, {8, 0, 0, 0}, {8, 2, -EINVAL, 0}, {9, 1, 0, 1}, {9, 0, 0, 0}, {9, 2, -EINVAL, 0},
      {10, 1, 0, 1}, {10, 0, 0, 0}, {10, 2, -EINVAL, 0}, {11, 1, -EINVAL, 0}, {11, 2, -EINVAL, 0}, {12, 0, -EINVAL, 0}, {0xffffffff, 0, -EINVAL, 0},
  };
  for (size_t row = 0; row < LENGTH(rows); ++row) {
    char text[64];
    snprintf(text, sizeof(text), "SET attribute %u to 0x%x", rows[row].type, rows[row].value);
    expect("4", text, set1(memory, PAGE, rows[row].type, rows[row].value), rows[row].result);
    if (rows[row].result == 0) expect("4", "... and GET", get1(memory, PAGE, rows[row].type), rows[row].stored);
  }
  /* Type 11 is one of V4 alone, and there it can only be 0. */
  expect("4", "SET attribute 11 to 0", set1(memory, PAGE, 11, 0), revision < 5 ? 0 : -EINVAL);
  expect("4", "GET attribute 11", get1(memory, PAGE, 11), revision < 5 ? 0 : -1000 - EINVAL);
  expect("4", "GET attribute 12", get1(memory, PAGE, 12), -1000 - EINVAL);
}

/* Section 6: one check at a time, then who comes first. */
static void checks(const char *memory, char *read_only) {
  attribute one = {AMDGPU_SVM_ATTR_ACCESS, 1};
  const uint64_t at = (uintptr_t)memory;
  for (uint32_t operation = 0; operation < 2; ++operation) {
    const char *const row = operation ? "6 (GET)" : "6 (SET)";
    expect(row, "2: unaligned address", call(operation, at + 1, PAGE, 1, &one), -EINVAL);
    expect(row, "2: unaligned size", call(operation, at, PAGE + 8, 1, &one), -EINVAL);
    expect(row, "3: address 0", call(operation, 0, PAGE, 1, &one), -EINVAL);
    expect(row, "3: size 0", call(operation, at, 0, 1, &one), -EINVAL);
    expect(row, "4: nattr 0", call(operation, at, PAGE, 0, &one), -EINVAL);
    expect(row, "4: nattr 65", call(operation, at, PAGE, 65, &one), -EINVAL);
    expect(row, "4: nattr 2^32 - 1", call(operation, at, PAGE, UINT32_MAX, &one), -EINVAL);
    expect(row, "5: null pointer", call(operation, at, PAGE, 1, NULL), -EINVAL);
    expect(row, "6: bad pointer", call(operation, at, PAGE, 1, (void *)8), -EFAULT);
    expect(row, "6: kernel pointer", call(operation, at, PAGE, 1, (void *)0xffff800000000000ul), -EFAULT);
    expect(row, "4 before 6: nattr 65 with a bad pointer", call(operation, at, PAGE, 65, (void *)8), -EINVAL);
  }
  expect("6", "7: operation 3", call(3, at, PAGE, 1, &one), -EINVAL);
  expect("6", "7: operation 2^32 - 1", call(UINT32_MAX, at, PAGE, 1, &one), -EINVAL);
  expect("6", "6 before 7: operation 3 with a bad pointer", call(3, at, PAGE, 1, (void *)8), -EFAULT);
  expect("6", "no check of the end: GET of all but the first page", call(1, PAGE, (uint64_t)0 - PAGE, 1, &one), 0);
  if (revision < 5) {
    expect("6", "7: RESET", call(2, at, PAGE, 1, &one), -EINVAL);
    expect("6", "6 before 7: RESET with a bad pointer", call(2, at, PAGE, 1, (void *)8), -EFAULT);
  } else {
    expect("6 (RESET)", "2: unaligned address", call(2, at + 1, PAGE, 0, NULL), -EINVAL);
    expect("6 (RESET)", "2: unaligned size", call(2, at, PAGE + 8, 0, NULL), -EINVAL);
    expect("6 (RESET)", "3: address 0", call(2, 0, PAGE, 0, NULL), -EINVAL);
    expect("6 (RESET)", "3: size 0", call(2, at, 0, 0, NULL), -EINVAL);
    expect("6 (RESET)", "an interval that wraps", call(2, (uint64_t)0 - PAGE, 2 * PAGE, 0, NULL), -EINVAL);
    expect("6 (RESET)", "no records are looked at", call(2, at, PAGE, 65, (void *)8), 0);
  }

  /* A record that reaches into a page that is not there. */
  char *const edge = read_only + PAGE;
  mprotect(read_only, PAGE, PROT_READ | PROT_WRITE);
  munmap(edge, PAGE);
  attribute *const last = (attribute *)edge - 1;
  *last = (attribute){AMDGPU_SVM_ATTR_GRANULARITY, 5};
  expect("6", "6: the second of two records is not there", call(0, at, PAGE, 2, last), -EFAULT);
  expect("6", "... one is", call(0, at, PAGE, 1, last), 0);
  /* Not aligned: not checked. */
  const attribute odd = {AMDGPU_SVM_ATTR_GRANULARITY, 6};
  memcpy(read_only + 13, &odd, sizeof(odd));
  expect("3", "records that are not aligned", call(0, at, PAGE, 1, read_only + 13), 0);
  expect("3", "... count", get1(memory, PAGE, AMDGPU_SVM_ATTR_GRANULARITY), 6);
  mprotect(read_only, PAGE, PROT_READ);
  expect("6.1", "SET writes nothing: read-only records", call(0, at, PAGE, 1, last), 0);
  expect("6.2", "GET does: read-only records", call(1, at, PAGE, 1, last), -EFAULT);
  mprotect(read_only, PAGE, PROT_NONE);
  expect("6", "6: records without permission to read", call(0, at, PAGE, 1, last), -EFAULT);
}

static void many(const char *memory) {
  attribute records[64];
  for (uint32_t index = 0; index < 64; ++index) records[index] = (attribute){AMDGPU_SVM_ATTR_GRANULARITY, index % 32};
  expect("8", "64 records", call(0, (uintptr_t)memory, PAGE, 64, records), 0);
  expect("8", "... the last of the duplicates counts", get1(memory, PAGE, AMDGPU_SVM_ATTR_GRANULARITY), 31);
  for (uint32_t index = 0; index < 64; ++index) records[index] = (attribute){index % svm_attribute_types(), 0xdeadbeef};
  expect("8", "GET of 64 records", call(1, (uintptr_t)memory, PAGE, 64, records), 0);
  expect("8", "... fills every one", records[63 - 63 % svm_attribute_types() + AMDGPU_SVM_ATTR_GRANULARITY].value, 31);
  attribute two[2] = {{AMDGPU_SVM_ATTR_ACCESS, 77}, {99, 78}};
  expect("6.2", "GET of a good and an unknown type", call(1, (uintptr_t)memory, PAGE, 2, two), -EINVAL);
  expect("6.2", "... leaves user memory untouched", two[0].value, 77);
  const attribute half[2] = {{AMDGPU_SVM_ATTR_ACCESS, 0}, {99, 0}};
  expect("7", "SET of a good and an unknown type", call(0, (uintptr_t)memory + PAGE, PAGE, 2, half), -EINVAL);
  expect("7", "... changes nothing", get1(memory + PAGE, PAGE, AMDGPU_SVM_ATTR_ACCESS), 2);
}

static uintptr_t special_page(void) {
  FILE *const maps = fopen("/proc/self/maps", "r");
  char line[512];
  unsigned long start = 0;
  while (maps && fgets(line, sizeof(line), maps)) {
    if (strstr(line, "[vvar]") && sscanf(line, "%lx-", &start) == 1) break;
    start = 0;
  }
  if (maps) fclose(maps);
  return start;
}

/* Section 7: what the memory has to do with it. */
static void memory_rows(void) {
  char *const memory = map_aligned(4 * MIB);
  const uintptr_t special = special_page();
  expect("7", "SET of an interval without memory", set1((void *)0x10000, PAGE, 2, 1), -EFAULT);
  expect("7", "GET of an interval without memory", get1((void *)0x10000, PAGE, 2), revision < 5 ? 2 : -1000 - EFAULT);
  if (special) expect("7", "GET of VM_PFNMAP memory", get1((void *)special, PAGE, 2), revision < 5 ? 2 : -1000 - EOPNOTSUPP);
  if (special) expect("7", "SET of VM_PFNMAP memory", set1((void *)special, PAGE, 2, 1), -EOPNOTSUPP);
  expect("7", "SET that wraps below its start", set1((void *)0xfffffffffffff000ul, 2 * PAGE, 2, 1), -EINVAL);
  expect("7", "SET with prefetch", set1(memory, 4 * MIB, AMDGPU_SVM_ATTR_PREFETCH_LOC, 1), 0);

  expect("7", "a hole appears", munmap(memory + 3 * MIB, PAGE), 0);
  expect("7", "SET across the hole", set1(memory, 4 * MIB, 2, 1), -EFAULT);
  expect("7", "SET before the hole", set1(memory, 3 * MIB, 2, 1), 0);
  expect("7", "SET after the hole", set1(memory + 3 * MIB + PAGE, MIB - PAGE, 2, 1), 0);

  mprotect(memory, 2 * MIB, PROT_NONE);
  set1(memory, 2 * MIB, AMDGPU_SVM_ATTR_PREFETCH_LOC, 0);
  expect("7", "prefetch of memory that can't be faulted in", set1(memory, 2 * MIB, AMDGPU_SVM_ATTR_PREFETCH_LOC, 1), -EFAULT);
  expect("7", "... reported after the attributes have changed", get1(memory, 2 * MIB, AMDGPU_SVM_ATTR_PREFETCH_LOC), 1);

  /* A range of 2 MiB, mapped as a whole; then its second half can't be written any more. */
  char *const half = map_aligned(2 * MIB);
  expect("7", "prefetch of a whole range", set1(half, 2 * MIB, AMDGPU_SVM_ATTR_PREFETCH_LOC, 1), 0);
  mprotect(half + MIB, MIB, PROT_READ);
  expect("7", "prefetch to system memory", set1(half, 2 * MIB, AMDGPU_SVM_ATTR_PREFETCH_LOC, 0), 0);
  expect("7", "prefetch that reaches into memory that can't be written (Q52 in V4)", set1(half, 2 * MIB, AMDGPU_SVM_ATTR_PREFETCH_LOC, 1), revision < 7 ? -EPERM : 0);

  char *const read_only = map_aligned(2 * MIB);
  mprotect(read_only, 2 * MIB, PROT_READ);
  expect("7", "prefetch of read-only memory", set1(read_only, 2 * MIB, AMDGPU_SVM_ATTR_PREFETCH_LOC, 1), 0);
}

/* In V4 attributes go with the memory, if the GPU had it mapped; later they stay until they are reset. */
static void life(void) {
  char *const memory = map_aligned(2 * MIB);
  expect("6.1", "SET", set1(memory, 2 * MIB, AMDGPU_SVM_ATTR_GRANULARITY, 2), 0);
  expect("6.1", "... mapped on the GPU", set1(memory, 2 * MIB, AMDGPU_SVM_ATTR_PREFETCH_LOC, 1), 0);
  munmap(memory, 2 * MIB);
  expect("6.1", "SET waits for the collector", set1(map_aligned(PAGE), PAGE, 2, 1), 0);
  expect("6.1", "GET of unmapped memory", get1(memory, 2 * MIB, AMDGPU_SVM_ATTR_GRANULARITY), revision < 5 ? 9 : -1000 - EFAULT);
  if (revision < 5) return;
  char *const again = mmap(memory, 2 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
  if (again != memory) {
    expect("6.1", "memory at the same place", 0, 1);
    return;
  }
  expect("6.1", "other memory at the same place has them again", get1(memory, 2 * MIB, AMDGPU_SVM_ATTR_GRANULARITY), 2);
  expect("6.1", "RESET of its second half", call(AMDGPU_SVM_OP_RESET_ATTR, (uintptr_t)memory + MIB, MIB, 0, NULL), 0);
  expect("6.1", "... has the defaults", get1(memory + MIB, MIB, AMDGPU_SVM_ATTR_GRANULARITY), 9);
  expect("6.1", "... and the first half has not", get1(memory, MIB, AMDGPU_SVM_ATTR_GRANULARITY), 2);
}

static int with_svm(void) {
  char *const memory = map_aligned(2 * MIB);
  defaults(memory);
  other_requests(memory);
  read_only_structure(memory);
  values(memory);
  checks(memory, map_aligned(2 * PAGE));
  many(memory);
  memory_rows();
  life();
  return 0;
}

static int without_svm(void) {
  char *const memory = map_aligned(2 * MIB);
  expect("6", "1: a good SET", set1(memory, PAGE, 2, 1), -EOPNOTSUPP);
  expect("6", "1: a good GET", get1(memory, PAGE, 2), -1000 - EOPNOTSUPP);
  expect("6", "1 before 2: unaligned", call(0, (uintptr_t)memory + 1, PAGE, 1, memory), -EOPNOTSUPP);
  expect("6", "1 before 5: null pointer", call(0, (uintptr_t)memory, PAGE, 1, NULL), -EOPNOTSUPP);
  expect("6", "1 before 7: unknown operation", call(9, (uintptr_t)memory, PAGE, 1, memory), -EOPNOTSUPP);
  return 0;
}

int main(int arguments, char **argument) {
  arguments = take_revision(arguments, argument);
  if (arguments < 2 || (revision != 4 && revision != 7 && revision != 8)) {
    fprintf(stderr, "usage: svm-walk NODE [--no-svm] [--revision v4 | v7 | v8]\n");
    return 2;
  }
  file = open(argument[1], O_RDWR | O_CLOEXEC);
  if (file < 0) {
    perror(argument[1]);
    return 3;
  }
  version();
  if (arguments > 2) {
    without_svm();
  } else {
    with_svm();
  }
  close(file);
  printf("1..%d\n", count);
  return failures != 0;
}
