/*
 * What an ioctl costs a program that has many mappings: GET on one of them, in turns with few and with many others.
 *
 *   svm-mappings NODE CALLS
 *
 * Prints the medians in microseconds: "100 mappings: 40.1 us, 10000 mappings: 42.7 us".
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>

#include "svm_uapi.h"

#define PAGE 4096ul
#define MOST_CALLS 100000
#define TURNS 5

static const int mappings[2] = {100, 10000};

static double microseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static int compare(const void *left, const void *right) {
  const double a = *(const double *)left, b = *(const double *)right;
  return (a > b) - (a < b);
}

int main(int count, char **arguments) {
  static double times[2][MOST_CALLS];
  if (count != 3) return 2;
  const int calls = atoi(arguments[2]) / TURNS;
  const int node = open(arguments[1], O_RDWR | O_CLOEXEC);
  char *memory = mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  char *others = mmap(NULL, 2 * (size_t)mappings[1] * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (node < 0 || calls < 1 || calls * TURNS > MOST_CALLS || memory == MAP_FAILED || others == MAP_FAILED) return 1;
  for (int turn = 0; turn < TURNS; turn++) {
    for (int many = 0; many < 2; many++) {
      /* Every second page, so that none of them are merged. */
      for (int index = 0; index < mappings[many]; index++) mprotect(others + 2 * PAGE * index, PAGE, PROT_READ);
      for (int call = -10; call < calls; call++) {
        struct drm_amdgpu_svm_attribute attribute = {AMDGPU_SVM_ATTR_GRANULARITY, 0};
        struct drm_amdgpu_gem_svm argument = {(uint64_t)memory, 16 * PAGE, AMDGPU_SVM_OP_GET_ATTR, 1, (uint64_t)&attribute};
        const double begin = microseconds();
        if (ioctl(node, _IOWR('d', 0x40 + DRM_AMDGPU_GEM_SVM_V4, struct drm_amdgpu_gem_svm), &argument) != 0) return 1;
        if (call >= 0) times[many][turn * calls + call] = microseconds() - begin;
      }
      mprotect(others, 2 * (size_t)mappings[1] * PAGE, PROT_NONE);
    }
  }
  for (int many = 0; many < 2; many++) {
    qsort(times[many], TURNS * calls, sizeof(double), compare);
    printf("%s%d mappings: %.1f us", many ? ", " : "", mappings[many], times[many][TURNS * calls / 2]);
  }
  printf("\n");
  return 0;
}
