/* GPU faults: the interval, the range, its pages, its PTEs; and their way out by invalidation and collection. */
#include "machine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NOTIFIER_PAGES 0x20000u /* 512 MiB */
#define FRAME_BITS (~(uint64_t)0xfff)
#define PTE_VALID 1u

static const uint32_t CHUNKS[] = {512, 16, 1};

static gpu_range *find_range(const notifier *owner, uint64_t first, uint64_t last) {
  interval_node *node = interval_find(&owner->ranges, first, last);
  return node == NULL ? NULL : OBJECT_OF(gpu_range, node);
}

/* Writes or clears (`flags` 0) the PTEs of `count` pages: the page-table layer, which is asked once for each DMA entry. */
__attribute__((noinline)) static int update_ptes(machine *machine, uint64_t page, uint64_t count, uint64_t address,
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

static void zap(machine *machine, const gpu_range *range, uint64_t first, uint64_t last) {
  if (first < range->node.first) first = range->node.first;
  if (last > range->node.last) last = range->node.last;
  update_ptes(machine, first, last - first + 1, 0, 0);
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
    range->pending_first = UINT64_MAX;
    interval_insert(&owner->ranges, &range->node);
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

__attribute__((noinline)) static void unmap_for_dma(dma_entry *entry) {
  entry->address = 0;
  entry->kind = 0;
}

/* Makes the CPU's pages present and maps them for DMA, one after the other: small pages are not known to follow each other. */
static int get_pages(machine *machine, gpu_range *range) {
  const uint64_t count = range->node.last - range->node.first + 1;
  if (range->dma_mapped) return 0;
  uint64_t *frames = malloc(count * sizeof *frames);
  if (frames == NULL) return -ENOMEM;
  const uint64_t sequence = range->owner->sequence;
  int result = -EFAULT;
  if (get_reference(&machine->memory_users)) {
    take(&machine->mmap_lock);
    result = fault_cpu_pages(machine, range->node.first, range->node.last, frames);
    drop(&machine->mmap_lock);
    put_reference(&machine->memory_users);
  }
  take(&machine->notifier_lock);
  if (result == 0 && (range->unmapped || range->owner->sequence != sequence)) result = -EAGAIN;
  if (result == 0 && range->dma == NULL && (range->dma = malloc(count * sizeof *range->dma)) == NULL) result = -ENOMEM;
  for (uint64_t at = 0; result == 0 && at < count; at++) range->dma[at] = map_for_dma(frames[at]);
  if (result == 0) range->dma_mapped = 1;
  drop(&machine->notifier_lock);
  free(frames);
  return result;
}

static int commit(machine *machine, gpu_range *range, uint32_t pte_flags, uint32_t attribute_flags) {
  const uint64_t count = range->node.last - range->node.first + 1;
  int result = 0;
  take(&machine->page_directory_lock);
  take(&machine->notifier_lock);
  if (range->unmapped || !range->dma_mapped) result = -EAGAIN;
  for (uint64_t at = 0; result == 0 && at < count; at += (uint64_t)1 << range->dma[at].order)
    result = update_ptes(machine, range->node.first + at, (uint64_t)1 << range->dma[at].order, range->dma[at].address,
                         pte_flags);
  drop(&machine->notifier_lock);
  if (result == 0) {
    range->pte_flags = pte_flags;
    range->attribute_flags = attribute_flags;
    range->gpu_mapped = 1;
  }
  drop(&machine->page_directory_lock);
  return result;
}

static int map_page(machine *machine, uint64_t page, const attribute_interval *interval) {
  gpu_range *range;
  int result = find_or_make_range(machine, page, interval, &range);
  if (result != 0) return result;
  const uint32_t flags = interval->record.flags;
  const uint32_t pte_flags = PTE_VALID | (flags & PTE_FLAGS) << 4;
  if (range->gpu_mapped && range->pte_flags == pte_flags && range->attribute_flags == flags) return 0;
  result = get_pages(machine, range);
  return result != 0 ? result : commit(machine, range, pte_flags, flags);
}

static void collect_locked(machine *machine);

int handle_fault(machine *machine, uint64_t page) {
  if (!get_reference(&machine->context_references)) return -EINVAL;
  take(&machine->svm_lock);
  attribute_interval *interval;
  int result = resolve(machine, page, &interval);
  if (result == 0) {
    collect_locked(machine);
    result = map_page(machine, page, interval);
  }
  drop(&machine->svm_lock);
  put_reference(&machine->context_references);
  return result;
}

int map_interval(machine *machine, attribute_interval *interval) {
  for (uint64_t page = interval->node.first; page <= interval->node.last;) {
    const int result = map_page(machine, page, interval);
    if (result != 0) return result;
    const interval_node *owner = interval_find(&machine->notifiers, page, page);
    page = find_range(OBJECT_OF(const notifier, owner), page, page)->node.last + 1;
  }
  machine->tlb_flushes++;
  return 0;
}

static void unmap_pages(gpu_range *range) {
  if (!range->dma_mapped) return;
  const uint64_t count = range->node.last - range->node.first + 1;
  for (uint64_t at = 0; at < count; at += (uint64_t)1 << range->dma[at].order) unmap_for_dma(&range->dma[at]);
  range->dma_mapped = 0;
}

static void remove_range(machine *machine, gpu_range *range) {
  notifier *owner = range->owner;
  take(&machine->notifier_lock);
  unmap_pages(range);
  interval_remove(&owner->ranges, &range->node);
  drop(&machine->notifier_lock);
  machine->ranges--;
  free(range->dma);
  free(range);
  if (owner->ranges.size > 0) return;
  interval_remove(&machine->notifiers, &owner->node);
  free(owner);
}

int split_invalidate(machine *machine, uint64_t first, uint64_t last) {
  int zapped = 0;
  take(&machine->page_directory_lock);
  for (interval_node *owner = interval_find(&machine->notifiers, first, last); owner != NULL;) {
    interval_node *next_owner = owner->next;
    interval_node *node = interval_find(&OBJECT_OF(notifier, owner)->ranges, first, last);
    while (node != NULL && node->first <= last) {
      interval_node *next = node->next;
      gpu_range *range = OBJECT_OF(gpu_range, node);
      if (range->gpu_mapped) {
        zap(machine, range, node->first, node->last);
        range->gpu_mapped = 0;
        zapped = 1;
      }
      if (node->first < first || node->last > last) remove_range(machine, range);
      node = next;
    }
    owner = next_owner != NULL && next_owner->first <= last ? next_owner : NULL;
  }
  drop(&machine->page_directory_lock);
  machine->tlb_flushes += (uint64_t)zapped;
  return 0;
}

static void queue(machine *machine, gpu_range *range, uint64_t first, uint64_t last) {
  if (first < range->node.first) first = range->node.first;
  if (last > range->node.last) last = range->node.last;
  if (first < range->pending_first) range->pending_first = first;
  if (last > range->pending_last) range->pending_last = last;
  if (range->queued) return;
  range->queued = 1;
  range->next_collected = NULL;
  *machine->collected_tail = range;
  machine->collected_tail = &range->next_collected;
}

/* The memory of these pages is about to go: what the notifiers are told. */
void invalidate(machine *machine, uint64_t first, uint64_t last) {
  interval_node *owner = interval_find(&machine->notifiers, first, last);
  for (; owner != NULL && owner->first <= last; owner = owner->next) {
    notifier *told = OBJECT_OF(notifier, owner);
    told->sequence++;
    interval_node *from = interval_find(&told->ranges, first, last);
    if (from == NULL) continue;
    take(&machine->notifier_lock);
    int zapped = 0;
    for (interval_node *node = from; node != NULL && node->first <= last; node = node->next) {
      gpu_range *range = OBJECT_OF(gpu_range, node);
      if (!range->gpu_mapped) continue;
      zap(machine, range, first, last);
      range->gpu_mapped = 0;
      zapped = 1;
    }
    machine->tlb_flushes += (uint64_t)zapped;
    for (interval_node *node = from; node != NULL && node->first <= last; node = node->next) {
      gpu_range *range = OBJECT_OF(gpu_range, node);
      unmap_pages(range);
      range->unmapped = 1;
      queue(machine, range, first, last);
    }
    drop(&machine->notifier_lock);
  }
}

static void collect_locked(machine *machine) {
  while (machine->collected_head != NULL) {
    gpu_range *range = machine->collected_head;
    machine->collected_head = range->next_collected;
    if (machine->collected_head == NULL) machine->collected_tail = &machine->collected_head;
    range->queued = 0;
    clear_attributes(machine, range->pending_first, range->pending_last);
    remove_range(machine, range);
  }
}

void collect(machine *machine) {
  if (machine->collected_head == NULL) return;
  take(&machine->svm_lock);
  collect_locked(machine);
  drop(&machine->svm_lock);
}

void finalise(machine *machine) {
  collect(machine);
  while (machine->notifiers.head != NULL) {
    const notifier *owner = OBJECT_OF(const notifier, machine->notifiers.head);
    for (size_t left = owner->ranges.size; left > 0; left--) remove_range(machine, OBJECT_OF(gpu_range, owner->ranges.head));
  }
  while (machine->attributes.head != NULL) {
    interval_node *node = machine->attributes.head;
    interval_remove(&machine->attributes, node);
    free(OBJECT_OF(attribute_interval, node));
  }
}
