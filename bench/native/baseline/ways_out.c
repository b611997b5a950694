/* The way out of GPU ranges: invalidation, the list of the collector, collection; and the split of an interval. */
#include "machine.h"

#include <stdlib.h>

static void zap(machine *machine, const gpu_range *range, uint64_t first, uint64_t last) {
  if (first < range->node.first) first = range->node.first;
  if (last > range->node.last) last = range->node.last;
  update_ptes(machine, first, last - first + 1, 0, 0);
}

__attribute__((noinline)) static void unmap_for_dma(dma_entry *entry) {
  entry->address = 0;
  entry->kind = 0;
}

static void unmap_pages(gpu_range *range) {
  if (!range->dma_mapped) return;
  const uint64_t count = range->node.last - range->node.first + 1;
  for (uint64_t at = 0; at < count; at += (uint64_t)1 << range->dma[at].order) unmap_for_dma(&range->dma[at]);
  range->dma_mapped = 0;
}

static void put_range(gpu_range *range) {
  if (__atomic_sub_fetch(&range->references, 1, __ATOMIC_RELEASE) == 0) free(range);
}

static void remove_range(machine *machine, gpu_range *range) {
  interval_node *node = interval_find(&machine->notifiers, range->node.first, range->node.first);
  if (node == NULL) return;
  notifier *owner = OBJECT_OF(notifier, node);
  take(&machine->notifier_lock);
  unmap_pages(range);
  free(range->dma);
  range->dma = NULL;
  interval_remove(&owner->ranges, &range->node);
  drop(&machine->notifier_lock);
  machine->ranges--;
  put_range(range);
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

/* Puts the range on the collector's list, which has a reference on it, and submits the work. */
static void queue(machine *machine, gpu_range *range, uint64_t first, uint64_t last) {
  if (first < range->node.first) first = range->node.first;
  if (last > range->node.last) last = range->node.last;
  take(&machine->work_lock);
  if (!range->owned && get_reference(&range->references)) range->owned = 1;
  if (first < range->pending_first) range->pending_first = first;
  if (last > range->pending_last) range->pending_last = last;
  range->unmap_pending = 1;
  if (!range->queued) {
    range->queued = 1;
    range->next_collected = NULL;
    *machine->collected_tail = range;
    machine->collected_tail = &range->next_collected;
  }
  drop(&machine->work_lock);
  __atomic_exchange_n(&machine->work_pending, 1, __ATOMIC_ACQ_REL);
}

/* The first range of the list, with what was queued of it; NULL: the list is empty. */
static gpu_range *take_queued(machine *machine, uint64_t *first, uint64_t *last) {
  take(&machine->work_lock);
  gpu_range *range = machine->collected_head;
  if (range != NULL) {
    machine->collected_head = range->next_collected;
    if (machine->collected_head == NULL) machine->collected_tail = &machine->collected_head;
    range->queued = 0;
    *first = range->pending_first;
    *last = range->pending_last;
    range->pending_first = UINT64_MAX;
    range->pending_last = 0;
    range->unmap_pending = 0;
  }
  drop(&machine->work_lock);
  return range;
}

/* The list has no reference on the range any more, unless it was queued again. */
static void let_go(machine *machine, gpu_range *range) {
  take(&machine->work_lock);
  const int ends = range->owned && !range->queued && !range->unmap_pending && range->pending_first > range->pending_last;
  if (ends) range->owned = 0;
  drop(&machine->work_lock);
  if (ends) put_range(range);
}

/* Remembers the time of the youngest interrupt that waits. */
static void capture_checkpoint(machine *machine) {
  for (size_t at = 0; at < sizeof machine->rings / sizeof *machine->rings; at++) {
    const interrupt_ring *ring = &machine->rings[at];
    if (ring->read == ring->write) continue;
    machine->checkpoint = ring->youngest_timestamp;
    return;
  }
}

static void invalidate_ranges(machine *machine, notifier *told, uint64_t first, uint64_t last) {
  interval_node *from = interval_find(&told->ranges, first, last);
  if (from == NULL) return;
  capture_checkpoint(machine);
  int zapped = 0;
  for (interval_node *node = from; node != NULL && node->first <= last; node = node->next) {
    gpu_range *range = OBJECT_OF(gpu_range, node);
    if (range->unmapped || !range->gpu_mapped) continue;
    zap(machine, range, first, last);
    range->gpu_mapped = 0;
    zapped = 1;
  }
  machine->tlb_flushes += (uint64_t)zapped;
  for (interval_node *node = from; node != NULL && node->first <= last; node = node->next) {
    gpu_range *range = OBJECT_OF(gpu_range, node);
    unmap_pages(range);
    range->unmapped = 1;
    if (node->first < first || node->last > last) range->partially_unmapped = 1;
    queue(machine, range, first, last);
  }
}

/* The memory of these pages is about to go: what the notifiers are told. */
void invalidate(machine *machine, uint64_t first, uint64_t last) {
  interval_node *owner = interval_find(&machine->notifiers, first, last);
  for (; owner != NULL && owner->first <= last; owner = owner->next) {
    notifier *told = OBJECT_OF(notifier, owner);
    take(&machine->notifier_lock);
    told->sequence++;
    if (!machine->closing) invalidate_ranges(machine, told, first, last);
    drop(&machine->notifier_lock);
  }
}

void collect_locked(machine *machine) {
  uint64_t first, last;
  for (gpu_range *range; (range = take_queued(machine, &first, &last)) != NULL;) {
    clear_attributes(machine, first, last);
    remove_range(machine, range);
    let_go(machine, range);
  }
}

void collect(machine *machine) {
  if (!__atomic_exchange_n(&machine->work_pending, 0, __ATOMIC_ACQ_REL)) return;
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
