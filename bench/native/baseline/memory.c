/* The process: its mappings and its page table, in which HMM makes pages present. */
#include "machine.h"

#include <errno.h>
#include <stdlib.h>

#define PRESENT_AND_WRITABLE 3u
#define FRAME_SHIFT 12

void take(lock *lock) {
  int expected = 0;
  if (!__atomic_compare_exchange_n(&lock->held, &expected, 1, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) abort();
}

void drop(lock *lock) {
  int expected = 1;
  if (!__atomic_compare_exchange_n(&lock->held, &expected, 0, 0, __ATOMIC_RELEASE, __ATOMIC_RELAXED)) abort();
}

int get_reference(int *count) {
  int now = __atomic_load_n(count, __ATOMIC_RELAXED);
  while (now > 0)
    if (__atomic_compare_exchange_n(count, &now, now + 1, 0, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) return 1;
  return 0;
}

void put_reference(int *count) {
  if (__atomic_sub_fetch(count, 1, __ATOMIC_RELEASE) == 0) abort();
}

/* The entry of a page; NULL without a table, unless `make`. */
__attribute__((noinline)) uint64_t *page_entry(page_table *table, uint64_t page, int make) {
  page_table_upper **upper = &table->uppers[page >> 27 & 511];
  if (*upper == NULL && (!make || (*upper = calloc(1, sizeof **upper)) == NULL)) return NULL;
  page_table_middle **middle = &(*upper)->middles[page >> 18 & 511];
  if (*middle == NULL && (!make || (*middle = calloc(1, sizeof **middle)) == NULL)) return NULL;
  page_table_leaf **leaf = &(*middle)->leaves[page >> 9 & 511];
  if (*leaf == NULL && (!make || (*leaf = calloc(1, sizeof **leaf)) == NULL)) return NULL;
  return &(*leaf)->entries[page & 511];
}

/* Writes or clears (`flags` 0) the PTEs of `count` pages: the page-table layer, which is asked once for each DMA entry. */
__attribute__((noinline)) int update_ptes(machine *machine, uint64_t page, uint64_t count, uint64_t address,
                                          uint32_t flags) {
  while (count > 0) {
    uint64_t *entry = page_entry(&machine->gpu, page, 1);
    if (entry == NULL) return -ENOMEM;
    uint64_t here = BLOCK_PAGES - (page & (BLOCK_PAGES - 1));
    if (here > count) here = count;
    for (uint64_t at = 0; at < here; at++, address += flags == 0 ? 0 : 1 << 12) {
      machine->ptes += (flags != 0) - (entry[at] != 0);
      entry[at] = flags == 0 ? 0 : address | flags;
    }
    page += here;
    count -= here;
  }
  return 0;
}

int map_memory(machine *machine, uint64_t first, uint64_t last) {
  if (interval_find(&machine->areas, first, last) != NULL) return -EEXIST;
  memory_area *area = malloc(sizeof *area);
  if (area == NULL) return -ENOMEM;
  area->node.first = first;
  area->node.last = last;
  area->writable = 1;
  interval_insert(&machine->areas, &area->node);
  return 0;
}

/* The CPU's entries go; their frames are not used again. */
static void drop_cpu_pages(machine *machine, uint64_t first, uint64_t last) {
  for (uint64_t page = first; page <= last;) {
    const uint64_t end = (page | (BLOCK_PAGES - 1)) < last ? (page | (BLOCK_PAGES - 1)) : last;
    uint64_t *entry = page_entry(&machine->cpu, page, 0);
    if (entry != NULL)
      for (uint64_t at = page; at <= end; at++, entry++)
        if (*entry != 0) *entry = 0;
    page = end + 1;
  }
}

int unmap_memory(machine *machine, uint64_t first, uint64_t last) {
  take(&machine->mmap_lock);
  interval_node *node = interval_find(&machine->areas, first, last);
  while (node != NULL && node->first <= last) {
    interval_node *next = node->next;
    const uint64_t old_first = node->first, old_last = node->last;
    memory_area *area = OBJECT_OF(memory_area, node);
    interval_remove(&machine->areas, node);
    if (old_first < first) {
      node->last = first - 1;
      interval_insert(&machine->areas, node);
      if (old_last > last && map_memory(machine, last + 1, old_last) != 0) abort();
    } else if (old_last > last) {
      node->first = last + 1;
      interval_insert(&machine->areas, node);
    } else {
      free(area);
    }
    node = next;
  }
  invalidate(machine, first, last);
  drop_cpu_pages(machine, first, last);
  drop(&machine->mmap_lock);
  return 0;
}

/* One missing page comes in: the fault handler of the CPU. */
static int fault_in(machine *machine, const memory_area *area, uint64_t page) {
  uint64_t *entry = page_entry(&machine->cpu, page, 1);
  if (entry == NULL || !area->writable) return -EFAULT;
  if (*entry == 0) *entry = machine->next_frame++ << FRAME_SHIFT | PRESENT_AND_WRITABLE;
  return 0;
}

/*
 * Looks at the entries of [page, last], which lie in one table: fills `frames`, or
 * where one is missing brings in all from there on and says that it has to be looked again.
 */
static int walk_entries(machine *machine, const memory_area *area, uint64_t page, uint64_t last, uint64_t *frames) {
  const uint64_t *entry = page_entry(&machine->cpu, page, 0);
  for (uint64_t at = page; at <= last; at++) {
    const uint64_t value = entry == NULL ? 0 : entry[at - page];
    if ((value & PRESENT_AND_WRITABLE) == PRESENT_AND_WRITABLE) {
      frames[at - page] = value;
      continue;
    }
    for (uint64_t missing = at; missing <= last; missing++) {
      const int result = fault_in(machine, area, missing);
      if (result != 0) return result;
    }
    return -EBUSY;
  }
  return 0;
}

int fault_cpu_pages(machine *machine, uint64_t first, uint64_t last, uint64_t *frames) {
  for (uint64_t page = first; page <= last;) {
    const interval_node *node = interval_find(&machine->areas, page, page);
    if (node == NULL) return -EFAULT;
    uint64_t end = page | (BLOCK_PAGES - 1);
    if (end > last) end = last;
    if (end > node->last) end = node->last;
    const int result = walk_entries(machine, OBJECT_OF(const memory_area, node), page, end, frames + (page - first));
    if (result == -EBUSY) continue;
    if (result != 0) return result;
    page = end + 1;
  }
  return 0;
}
