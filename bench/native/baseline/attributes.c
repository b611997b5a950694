/* SET_ATTR and GET_ATTR: checks, the pass over segments, splitting; nothing is ever merged. */
#include "machine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define UNDEFINED (-1)
#define LARGEST_GRANULARITY 63u

attribute_record default_record(void) {
  return (attribute_record){UNDEFINED, UNDEFINED, 2, 9, DEFAULT_FLAGS};
}

attribute_interval *new_interval(machine *machine, uint64_t first, uint64_t last, const attribute_record *record) {
  attribute_interval *interval = malloc(sizeof *interval);
  if (interval == NULL) return NULL;
  interval->node.first = first;
  interval->node.last = last;
  interval->record = *record;
  interval_insert(&machine->attributes, &interval->node);
  return interval;
}

static int is_valid(const attribute *records, uint32_t count) {
  for (uint32_t at = 0; at < count; at++) {
    const uint32_t value = records[at].value;
    switch (records[at].type) {
      case ATTRIBUTE_PREFERRED:
      case ATTRIBUTE_GRANULARITY:
        break;
      case ATTRIBUTE_PREFETCH:
        if (value == UINT32_MAX) return 0;
        break;
      case ATTRIBUTE_ACCESS:
        if (value > 2) return 0;
        break;
      default:
        if (records[at].type > LAST_ATTRIBUTE || value > (records[at].type == LAST_ATTRIBUTE ? 0 : 1)) return 0;
    }
  }
  return 1;
}

static int check_areas(machine *machine, uint64_t first, uint64_t last) {
  int result = 0;
  take(&machine->mmap_lock);
  while (first <= last) {
    const interval_node *area = interval_find(&machine->areas, first, first);
    if (area == NULL) {
      result = -EFAULT;
      break;
    }
    first = area->last + 1;
  }
  drop(&machine->mmap_lock);
  return result;
}

static void apply(attribute_record *record, const attribute *records, uint32_t count) {
  for (uint32_t at = 0; at < count; at++) {
    const uint32_t value = records[at].value;
    switch (records[at].type) {
      case ATTRIBUTE_PREFERRED:
        record->preferred = (int32_t)value;
        break;
      case ATTRIBUTE_PREFETCH:
        record->prefetch = (int32_t)value;
        break;
      case ATTRIBUTE_ACCESS:
        record->access = value;
        break;
      case ATTRIBUTE_GRANULARITY:
        record->granularity = value < LARGEST_GRANULARITY ? value : LARGEST_GRANULARITY;
        break;
      default: {
        const uint32_t bit = 1u << (records[at].type - ATTRIBUTE_FIRST_FLAG);
        record->flags = value != 0 ? record->flags | bit : record->flags & ~bit;
      }
    }
  }
}

static int equal(const attribute_record *a, const attribute_record *b) {
  return a->preferred == b->preferred && a->prefetch == b->prefetch && a->access == b->access &&
         a->granularity == b->granularity && a->flags == b->flags;
}

static unsigned trigger_of(const attribute_record *before, const attribute_record *after) {
  unsigned trigger = 0;
  const uint32_t changed = before->flags ^ after->flags;
  if (before->access != after->access) trigger |= TRIGGER_ACCESS;
  if ((changed & PTE_FLAGS) != 0) trigger |= TRIGGER_PTE;
  if ((changed & ~(uint32_t)PTE_FLAGS) != 0) trigger |= TRIGGER_MAPPING;
  if (before->preferred != after->preferred) trigger |= TRIGGER_LOCATION;
  if (before->granularity != after->granularity) trigger |= TRIGGER_GRANULARITY;
  if (after->prefetch != UNDEFINED && after->prefetch != 0) trigger |= TRIGGER_PREFETCH;
  return trigger == 0 ? TRIGGER_NOTHING : trigger;
}

/* The middle keeps the object; what is left and right of it is new. */
static int split(machine *machine, attribute_interval *interval, uint64_t first, uint64_t last) {
  interval_node *node = &interval->node;
  const uint64_t old_first = node->first, old_last = node->last;
  interval_remove(&machine->attributes, node);
  if (first > old_first && new_interval(machine, old_first, first - 1, &interval->record) == NULL) return -ENOMEM;
  node->first = first;
  node->last = last;
  interval_insert(&machine->attributes, node);
  if (last < old_last && new_interval(machine, last + 1, old_last, &interval->record) == NULL) return -ENOMEM;
  return 0;
}

/* What is to happen for the segment that begins at `cursor`; leaves where it ends. */
typedef struct {
  attribute_interval *interval;
  uint64_t end;
  unsigned trigger;
} change;

static int edit_segment(machine *machine, uint64_t cursor, uint64_t last, const attribute *records, uint32_t count,
                        change *change) {
  interval_node *node = interval_find(&machine->attributes, cursor, cursor);
  if (node == NULL) {
    const interval_node *next = interval_find(&machine->attributes, cursor + 1, UINT64_MAX);
    change->end = next == NULL || next->first > last ? last : next->first - 1;
    const attribute_record before = default_record();
    attribute_record after = before;
    apply(&after, records, count);
    change->trigger = trigger_of(&before, &after);
    change->interval = new_interval(machine, cursor, change->end, &after);
    return change->interval == NULL ? -ENOMEM : 0;
  }
  attribute_interval *interval = OBJECT_OF(attribute_interval, node);
  change->interval = interval;
  change->end = node->last < last ? node->last : last;
  attribute_record after = interval->record;
  apply(&after, records, count);
  if (equal(&after, &interval->record)) {
    change->trigger = 0;
    return 0;
  }
  change->trigger = trigger_of(&interval->record, &after);
  if (cursor != node->first || change->end != node->last) {
    change->trigger |= TRIGGER_SPLIT;
    const int result = split(machine, interval, cursor, change->end);
    if (result != 0) return result;
  }
  interval->record = after;
  return 0;
}

static int apply_change(machine *machine, const change *change) {
  if (change->trigger == 0 || change->trigger == TRIGGER_NOTHING) return 0;
  take(&machine->svm_lock);
  int result = 0;
  if ((change->trigger & TRIGGER_SPLIT) != 0)
    result = split_invalidate(machine, change->interval->node.first, change->interval->node.last);
  if (result == 0 && (change->trigger & TRIGGER_PREFETCH) != 0) result = map_interval(machine, change->interval);
  drop(&machine->svm_lock);
  return result;
}

static int set_copied(machine *machine, uint64_t first, uint64_t last, const attribute *records, uint32_t count) {
  collect(machine);
  if (!is_valid(records, count) || first > last) return -EINVAL;
  int result = check_areas(machine, first, last);
  if (result != 0) return result;
  for (uint64_t cursor = first;;) {
    change change;
    take(&machine->tree_lock);
    result = edit_segment(machine, cursor, last, records, count, &change);
    drop(&machine->tree_lock);
    if (result != 0) return result;
    result = apply_change(machine, &change);
    if (result != 0 || change.end == last) return result;
    cursor = change.end + 1;
  }
}

int set_attributes(machine *machine, uint64_t first, uint64_t last, const attribute *from, uint32_t count) {
  if (count == 0 || count > MOST_RECORDS) return -EINVAL;
  attribute *records = malloc(count * sizeof *records);
  if (records == NULL) return -ENOMEM;
  memcpy(records, from, count * sizeof *records);
  const int result = set_copied(machine, first, last, records, count);
  free(records);
  return result;
}

static void combine(attribute_record *all, const attribute_record *one) {
  if (one->preferred != all->preferred) all->preferred = UNDEFINED;
  if (one->prefetch != all->prefetch) all->prefetch = UNDEFINED;
  if (one->granularity < all->granularity) all->granularity = one->granularity;
  if (one->access != all->access) all->access = 0;
  all->flags &= one->flags;
}

static attribute_record aggregate(machine *machine, uint64_t first, uint64_t last) {
  const attribute_record defaults = default_record();
  const interval_node *node = first <= last ? interval_find(&machine->attributes, first, last) : NULL;
  if (node == NULL) return defaults;
  attribute_record all = node->first > first ? defaults : OBJECT_OF(const attribute_interval, node)->record;
  for (uint64_t cursor = first; cursor <= last;) {
    if (node == NULL || node->first > last) {
      combine(&all, &defaults);
      break;
    }
    if (node->first > cursor) combine(&all, &defaults);
    combine(&all, &OBJECT_OF(const attribute_interval, node)->record);
    cursor = node->last + 1;
    node = node->next;
  }
  return all;
}

static int fill(const attribute_record *all, attribute *records, uint32_t count) {
  for (uint32_t at = 0; at < count; at++) {
    const uint32_t type = records[at].type;
    if (type > LAST_ATTRIBUTE) return -EINVAL;
    records[at].value = type == ATTRIBUTE_PREFERRED     ? (uint32_t)all->preferred
                        : type == ATTRIBUTE_PREFETCH    ? (uint32_t)all->prefetch
                        : type == ATTRIBUTE_ACCESS      ? all->access
                        : type == ATTRIBUTE_GRANULARITY ? all->granularity
                                                        : all->flags >> (type - ATTRIBUTE_FIRST_FLAG) & 1;
  }
  return 0;
}

int get_attributes(machine *machine, uint64_t first, uint64_t last, attribute *to, uint32_t count) {
  if (count == 0 || count > MOST_RECORDS) return -EINVAL;
  attribute *records = malloc(count * sizeof *records);
  if (records == NULL) return -ENOMEM;
  memcpy(records, to, count * sizeof *records);
  take(&machine->tree_lock);
  const attribute_record all = aggregate(machine, first, last);
  drop(&machine->tree_lock);
  const int result = fill(&all, records, count);
  if (result == 0) memcpy(to, records, count * sizeof *records);
  free(records);
  return result;
}

void clear_attributes(machine *machine, uint64_t first, uint64_t last) {
  take(&machine->tree_lock);
  interval_node *node = interval_find(&machine->attributes, first, last);
  while (node != NULL && node->first <= last) {
    interval_node *next = node->next;
    attribute_interval *interval = OBJECT_OF(attribute_interval, node);
    const uint64_t old_first = node->first, old_last = node->last;
    interval_remove(&machine->attributes, node);
    if (old_first < first) {
      node->last = first - 1;
      interval_insert(&machine->attributes, node);
      if (old_last > last && new_interval(machine, last + 1, old_last, &interval->record) == NULL) abort();
    } else if (old_last > last) {
      node->first = last + 1;
      interval_insert(&machine->attributes, node);
    } else {
      free(interval);
    }
    node = next;
  }
  drop(&machine->tree_lock);
}
