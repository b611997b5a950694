/* GPU faults: the interval, the range, its pages, its PTEs. */
#include "machine.h"

#include <errno.h>
#include <stdlib.h>

#define NOTIFIER_PAGES 0x20000u /* 512 MiB */
#define FRAME_BITS (~(uint64_t)0xfff)
#define PTE_VALID 1u
#define RECENT_MAPPING_WINDOW 2000000u /* ns */
#define COLLECTION_TIMEOUT 1000000000u /* ns */

static const uint32_t CHUNKS[] = {512, 16, 1};

static gpu_range *find_range(const notifier *owner, uint64_t first, uint64_t last) {
  interval_node *node = interval_find(&owner->ranges, first, last);
  return node == NULL ? NULL : OBJECT_OF(gpu_range, node);
}

/* The attribute interval of a page: there already, or made as large as hole, mapping and granule allow. */
static int resolve(machine *machine, uint64_t page, attribute_interval **found) {
  take(&machine->tree_lock);
  interval_node *node = interval_find(&machine->attributes, page, page);
  drop(&machine->tree_lock);
  if (node != NULL) {
    *found = OBJECT_OF(attribute_interval, node);
    return 0;
  }
  take(&machine->mmap_lock);
  const interval_node *area = interval_find(&machine->areas, page, page);
  uint64_t first = area == NULL ? 0 : area->first, last = area == NULL ? 0 : area->last;
  drop(&machine->mmap_lock);
  if (area == NULL) return -EFAULT;
  const attribute_record record = default_record();
  const uint64_t granule = page & ~(((uint64_t)1 << record.granularity) - 1);
  if (first < granule) first = granule;
  if (last > granule + ((uint64_t)1 << record.granularity) - 1) last = granule + ((uint64_t)1 << record.granularity) - 1;
  take(&machine->tree_lock);
  const interval_node *next = interval_find(&machine->attributes, page + 1, UINT64_MAX);
  const interval_node *previous = next != NULL ? next->previous : NULL;
  if (next == NULL && machine->attributes.root != NULL)
    for (previous = machine->attributes.root; previous->right != NULL;) previous = previous->right;
  if (next != NULL && last >= next->first) last = next->first - 1;
  if (previous != NULL && first <= previous->last) first = previous->last + 1;
  *found = new_interval(machine, first, last, &record);
  drop(&machine->tree_lock);
  return *found == NULL ? -ENOMEM : 0;
}

static notifier *find_or_make_notifier(machine *machine, uint64_t page) {
  interval_node *node = interval_find(&machine->notifiers, page, page);
  if (node != NULL) return OBJECT_OF(notifier, node);
  notifier *made = calloc(1, sizeof *made);
  if (made == NULL) return NULL;
  made->node.first = page & ~(uint64_t)(NOTIFIER_PAGES - 1);
  made->node.last = made->node.first + NOTIFIER_PAGES - 1;
  interval_insert(&machine->notifiers, &made->node);
  return made;
}

/* The range of a page within an attribute interval: there already, or the largest chunk that has room. */
static int find_or_make_locked(machine *machine, uint64_t page, const attribute_interval *interval, gpu_range **found) {
  notifier *owner = find_or_make_notifier(machine, page);
  if (owner == NULL) return -ENOMEM;
  take(&machine->mmap_lock);
  const interval_node *area = interval_find(&machine->areas, page, page);
  gpu_range *range = area == NULL ? NULL : find_range(owner, page, page);
  int result = area == NULL ? -ENOENT : 0;
  for (size_t at = 0; result == 0 && range == NULL && at < sizeof CHUNKS / sizeof *CHUNKS; at++) {
    const uint64_t first = page & ~(uint64_t)(CHUNKS[at] - 1), last = first + CHUNKS[at] - 1;
    if (first < area->first || last > area->last) continue;
    if (first < interval->node.first || last > interval->node.last) continue;
    if (find_range(owner, first, last) != NULL) continue;
    range = calloc(1, sizeof *range);
    if (range == NULL) break;
    range->node.first = first;
    range->node.last = last;
    range->owner = owner;
    range->references = 1;
    range->pending_first = UINT64_MAX;
    take(&machine->notifier_lock);
    interval_insert(&owner->ranges, &range->node);
    drop(&machine->notifier_lock);
    machine->ranges++;
  }
  drop(&machine->mmap_lock);
  *found = range;
  return result != 0 ? result : range == NULL ? -EINVAL : 0;
}

static int find_or_make_range(machine *machine, uint64_t page, const attribute_interval *interval, gpu_range **found) {
  if (!get_reference(&machine->memory_users)) return -EFAULT;
  const int result = find_or_make_locked(machine, page, interval, found);
  put_reference(&machine->memory_users);
  return result;
}

__attribute__((noinline)) static dma_entry map_for_dma(uint64_t frame) {
  return (dma_entry){frame & FRAME_BITS, 0, 1};
}

/* Whether the pages are mapped for DMA already; else an array of before goes. */
static int has_pages(machine *machine, gpu_range *range) {
  if (range->dma == NULL) return 0;
  take(&machine->notifier_lock);
  const int mapped = range->dma_mapped;
  drop(&machine->notifier_lock);
  if (mapped) return 1;
  free(range->dma);
  range->dma = NULL;
  return 0;
}

static int fault_range(machine *machine, const gpu_range *range, uint64_t *frames) {
  if (!get_reference(&machine->memory_users)) return -EFAULT;
  take(&machine->mmap_lock);
  const int result = fault_cpu_pages(machine, range->node.first, range->node.last, frames);
  drop(&machine->mmap_lock);
  put_reference(&machine->memory_users);
  return result;
}

/*
 * Maps what was collected for DMA, one page after the other: small pages are not known to follow
 * each other. The array is allocated without the lock, after which all is looked at again.
 */
static int map_pages(machine *machine, gpu_range *range, uint64_t sequence, const uint64_t *frames) {
  const uint64_t count = range->node.last - range->node.first + 1;
  for (;;) {
    take(&machine->notifier_lock);
    int result = range->unmapped ? -EFAULT : range->owner->sequence != sequence ? -EAGAIN : 0;
    if (result == 0 && range->dma != NULL) {
      for (uint64_t at = 0; at < count; at++) range->dma[at] = map_for_dma(frames[at]);
      range->dma_mapped = 1;
    }
    drop(&machine->notifier_lock);
    if (result != 0 || range->dma != NULL) return result;
    if ((range->dma = calloc(count, sizeof *range->dma)) == NULL) return -ENOMEM;
  }
}

/* Makes the CPU's pages present and maps them for DMA. */
static int get_pages(machine *machine, gpu_range *range) {
  const uint64_t deadline = machine->now + COLLECTION_TIMEOUT;
  int result = -EAGAIN;
  while (result == -EAGAIN) {
    if (machine->now > deadline) return -EBUSY;
    const uint64_t sequence = range->owner->sequence;
    if (has_pages(machine, range)) return 0;
    uint64_t *frames = malloc((range->node.last - range->node.first + 1) * sizeof *frames);
    if (frames == NULL) return -ENOMEM;
    result = fault_range(machine, range, frames);
    if (result == 0) result = map_pages(machine, range, sequence, frames);
    free(frames);
  }
  return result;
}

static int is_committable(const gpu_range *range) {
  return !range->unmapped && !range->partially_unmapped && range->dma_mapped;
}

static int is_fully_valid(machine *machine, const gpu_range *range, uint32_t pte_flags, uint32_t attribute_flags) {
  take(&machine->notifier_lock);
  const int valid = range->gpu_mapped && range->pte_flags == pte_flags && range->attribute_flags == attribute_flags &&
                    is_committable(range);
  drop(&machine->notifier_lock);
  return valid;
}

static int commit(machine *machine, gpu_range *range, uint32_t pte_flags, uint32_t attribute_flags) {
  const uint64_t count = range->node.last - range->node.first + 1;
  int result = 0;
  take(&machine->page_directory_lock);
  take(&machine->notifier_lock);
  if (!is_committable(range)) result = -EAGAIN;
  for (uint64_t at = 0; result == 0 && at < count; at += (uint64_t)1 << range->dma[at].order)
    result = update_ptes(machine, range->node.first + at, (uint64_t)1 << range->dma[at].order, range->dma[at].address,
                         pte_flags);
  drop(&machine->notifier_lock);
  if (result == 0) {
    range->pte_flags = pte_flags;
    range->attribute_flags = attribute_flags;
    range->gpu_mapped = 1;
    range->validation_time = machine->now;
  }
  drop(&machine->page_directory_lock);
  return result;
}

/* What is to be mapped in the range gets its PTEs, unless it has them. */
static int map_range(machine *machine, gpu_range *range, const attribute_interval *interval) {
  const uint32_t flags = interval->record.flags;
  const uint32_t pte_flags = PTE_VALID | (flags & PTE_FLAGS) << 4;
  if (is_fully_valid(machine, range, pte_flags, flags)) return 0;
  const int result = get_pages(machine, range);
  return result != 0 ? result : commit(machine, range, pte_flags, flags);
}

/* Whether the process itself may write there; where nothing is mapped, it may. */
static int permits_write(machine *machine, uint64_t page) {
  take(&machine->mmap_lock);
  interval_node *node = interval_find(&machine->areas, page, page);
  const int permitted = node == NULL || OBJECT_OF(const memory_area, node)->writable;
  drop(&machine->mmap_lock);
  return permitted;
}

static int map_fault(machine *machine, uint64_t page, const attribute_interval *interval) {
  const uint64_t now = machine->now;
  collect_locked(machine);
  if (!permits_write(machine, page)) return -EPERM;
  gpu_range *range;
  const int result = find_or_make_range(machine, page, interval, &range);
  if (result != 0) return result;
  if (now < range->validation_time + RECENT_MAPPING_WINDOW) return 0;
  return map_range(machine, range, interval);
}

/* The context of the address space that a fault comes from, with a reference more; NULL: none. */
static const struct machine *get_context(machine *machine, uint32_t pasid) {
  take(&machine->pasid_lock);
  const uint32_t number = pasid - FIRST_PASID;
  const struct machine *context = number < MOST_PASIDS ? machine->contexts[number] : NULL;
  if (context != NULL && !get_reference(&machine->context_references)) context = NULL;
  drop(&machine->pasid_lock);
  return context;
}

/* Whether a fault is older than what was unmapped last; the first younger one ends the question. */
static int is_stale(machine *machine, uint64_t timestamp) {
  if (machine->checkpoint == 0) return 0;
  if ((int64_t)((machine->checkpoint << 16) - (timestamp << 16)) >= 0) return 1;
  machine->checkpoint = 0;
  return 0;
}

int handle_fault(machine *machine, uint64_t page) {
  if (get_context(machine, FIRST_PASID) == NULL) return -EOPNOTSUPP;
  int result = machine->closing ? -EAGAIN : 0;
  if (result == 0 && !is_stale(machine, machine->now)) {
    take(&machine->svm_lock);
    attribute_interval *interval;
    result = resolve(machine, page, &interval);
    if (result == 0) result = map_fault(machine, page, interval);
    drop(&machine->svm_lock);
  }
  put_reference(&machine->context_references);
  return result;
}

int map_interval(machine *machine, attribute_interval *interval) {
  for (uint64_t page = interval->node.first; page <= interval->node.last;) {
    gpu_range *range;
    int result = find_or_make_range(machine, page, interval, &range);
    if (result == 0) result = map_range(machine, range, interval);
    if (result != 0) return result;
    page = range->node.last + 1;
  }
  machine->tlb_flushes++;
  return 0;
}
