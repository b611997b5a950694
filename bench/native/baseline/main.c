/*
 * The C baseline of the benchmark: the same operations as the emulator, in C, in a process
 * of its own. Commands are lines on standard input, each answered by a line:
 *   load FILE          reads operations, 24 bytes each (see `operation`): the number of the list
 *   run LIST FROM COUNT  runs COUNT of them from FROM on, around the end: nanoseconds, sum of what GETs gave
 *   state              intervals, their hash, ranges, PTEs, the hash of their frames
 * Its one argument is the clock: `wall` or `cpu`.
 */
#include "machine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SET, GET, MAP, UNMAP, FAULT, COLLECT, NEW_CONTEXT };

typedef struct {
  double page, pages;
  uint32_t kind;
  uint16_t type, value;
} operation;

typedef struct {
  operation *operations;
  size_t count;
} list;

#define MOST_LISTS 16
static list lists[MOST_LISTS];
static machine emulated;

static int perform(const operation *operation, uint64_t *sum) {
  const uint64_t first = (uint64_t)operation->page, last = first + (uint64_t)operation->pages - 1;
  attribute record = {operation->type, operation->value};
  int result;
  switch (operation->kind) {
    case SET:
      return set_attributes(&emulated, first, last, &record, 1);
    case GET:
      result = get_attributes(&emulated, first, last, &record, 1);
      *sum += record.value;
      return result;
    case MAP:
      return map_memory(&emulated, first, last);
    case UNMAP:
      return unmap_memory(&emulated, first, last);
    case FAULT:
      return handle_fault(&emulated, first);
    case COLLECT:
      collect(&emulated);
      return 0;
    case NEW_CONTEXT:
      finalise(&emulated);
      return 0;
    default:
      return -EINVAL;
  }
}

static double now(clockid_t clock) {
  struct timespec time;
  clock_gettime(clock, &time);
  return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static int run(clockid_t clock, const list *list, size_t from, size_t count) {
  uint64_t sum = 0;
  const double begin = now(clock);
  for (size_t at = from; count > 0; count--) {
    const int result = perform(&list->operations[at], &sum);
    if (result != 0) {
      fprintf(stderr, "operation %zu failed with %d\n", at, result);
      return 1;
    }
    if (++at == list->count) at = 0;
  }
  printf("%.0f %llu\n", now(clock) - begin, (unsigned long long)sum);
  return 0;
}

static int load(int number, const char *name) {
  FILE *file = fopen(name, "rb");
  if (file == NULL || number == MOST_LISTS || fseek(file, 0, SEEK_END) != 0) return 1;
  list *list = &lists[number];
  list->count = (size_t)ftell(file) / sizeof *list->operations;
  list->operations = malloc(list->count * sizeof *list->operations);
  rewind(file);
  if (list->operations == NULL || fread(list->operations, sizeof *list->operations, list->count, file) != list->count)
    return 1;
  fclose(file);
  printf("%d\n", number);
  return 0;
}

static uint32_t mix(uint32_t hash, uint64_t value) {
  hash = (hash ^ (uint32_t)value) * 0x9e3779b1u;
  hash = (hash ^ hash >> 15 ^ (uint32_t)(value >> 32)) * 0x85ebca6bu;
  return hash ^ hash >> 13;
}

static void print_state(void) {
  uint32_t intervals = 0, frames = 0;
  for (const interval_node *node = emulated.attributes.head; node != NULL; node = node->next) {
    const attribute_record *record = &OBJECT_OF(const attribute_interval, node)->record;
    intervals = mix(mix(intervals, node->first), node->last);
    intervals = mix(mix(intervals, (uint32_t)record->preferred), (uint32_t)record->prefetch);
    intervals = mix(intervals, record->access << 16 | record->granularity << 8 | record->flags);
  }
  for (uint64_t upper = 0; upper < BLOCK_PAGES; upper++) {
    if (emulated.gpu.uppers[upper] == NULL) continue;
    for (uint64_t number = 0; number < (uint64_t)BLOCK_PAGES * BLOCK_PAGES; number++) {
      const page_table_middle *middle = emulated.gpu.uppers[upper]->middles[number >> 9];
      const page_table_leaf *leaf = middle == NULL ? NULL : middle->leaves[number & 511];
      for (uint64_t at = 0; leaf != NULL && at < BLOCK_PAGES; at++)
        if (leaf->entries[at] != 0) frames = mix(mix(frames, upper << 27 | number << 9 | at), leaf->entries[at] >> 12);
    }
  }
  printf("%zu %u %llu %llu %u\n", emulated.attributes.size, intervals, (unsigned long long)emulated.ranges,
         (unsigned long long)emulated.ptes, frames);
}

int main(int count, char **arguments) {
  if (count != 2) return 2;
  const clockid_t clock = strcmp(arguments[1], "cpu") == 0 ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC;
  emulated.next_frame = 1;
  emulated.context_references = emulated.memory_users = 1;
  emulated.collected_tail = &emulated.collected_head;
  emulated.contexts[0] = &emulated;
  emulated.now = 1000000000;
  char line[4096];
  int loaded = 0;
  while (fgets(line, sizeof line, stdin) != NULL) {
    char name[4096];
    size_t number, from, times;
    int failed;
    if (sscanf(line, "load %4095[^\n]", name) == 1) {
      failed = load(loaded++, name);
    } else if (sscanf(line, "run %zu %zu %zu", &number, &from, &times) == 3) {
      failed = number >= MOST_LISTS || from >= lists[number].count ? 1 : run(clock, &lists[number], from, times);
    } else if (strcmp(line, "state\n") == 0) {
      print_state();
      failed = 0;
    } else {
      failed = 1;
    }
    if (failed) return 1;
    fflush(stdout);
  }
  return 0;
}
