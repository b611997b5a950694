/* The state that the operations of the baseline work on: one process, one GPU, one SVM context. */
#ifndef MACHINE_H
#define MACHINE_H

#include "interval_tree.h"

#define BLOCK_PAGES 512u
#define MOST_RECORDS 64u

enum { ATTRIBUTE_PREFERRED, ATTRIBUTE_PREFETCH, ATTRIBUTE_ACCESS, ATTRIBUTE_GRANULARITY, ATTRIBUTE_FIRST_FLAG };
enum { LAST_ATTRIBUTE = 11 };
enum { TRIGGER_ACCESS = 1, TRIGGER_PTE = 2, TRIGGER_MAPPING = 4, TRIGGER_LOCATION = 8, TRIGGER_GRANULARITY = 16 };
enum { TRIGGER_NOTHING = 32, TRIGGER_SPLIT = 64, TRIGGER_PREFETCH = 128 };
enum { FLAG_GPU_READ_ONLY = 0x10, PTE_FLAGS = 0x36, DEFAULT_FLAGS = 3 };

/* Two levels above the tables of 512 entries: enough for 47-bit addresses, and as many steps as hardware has. */
typedef struct {
  uint64_t entries[BLOCK_PAGES];
} page_table_leaf;
typedef struct {
  page_table_leaf *leaves[BLOCK_PAGES];
} page_table_middle;
typedef struct {
  page_table_middle *middles[BLOCK_PAGES];
} page_table_upper;
typedef struct {
  page_table_upper *uppers[BLOCK_PAGES];
} page_table;

typedef struct {
  int32_t preferred, prefetch;
  uint32_t access, granularity, flags;
} attribute_record;

typedef struct {
  uint32_t type, value;
} attribute;

typedef struct {
  interval_node node;
  attribute_record record;
} attribute_interval;

typedef struct {
  interval_node node;
  int writable;
} memory_area;

typedef struct {
  interval_node node;
  interval_tree ranges;
  uint64_t sequence;
} notifier;

typedef struct {
  uint64_t address;
  uint32_t order, kind;
} dma_entry;

typedef struct gpu_range {
  interval_node node;
  notifier *owner;
  dma_entry *dma; /* NULL: not allocated. */
  int references;
  int dma_mapped, gpu_mapped, unmapped, partially_unmapped;
  int owned, queued, unmap_pending; /* Of the collector, under the work lock. */
  uint32_t pte_flags, attribute_flags;
  uint64_t validation_time; /* ns */
  uint64_t pending_first, pending_last;
  struct gpu_range *next_collected;
} gpu_range;

/* Taken by atomic instructions, as the locks of code that threads share are; nobody ever waits here. */
typedef struct {
  int held;
} lock;

/* An interrupt ring. */
typedef struct {
  uint32_t read, write;
  uint64_t youngest_timestamp;
} interrupt_ring;

#define FIRST_PASID 0x8001u
#define MOST_PASIDS 16u

typedef struct machine {
  lock tree_lock, svm_lock, mmap_lock, notifier_lock, page_directory_lock, pasid_lock, work_lock;
  interval_tree attributes, areas, notifiers;
  page_table cpu, gpu;
  uint64_t next_frame;
  gpu_range *collected_head, **collected_tail;
  uint64_t ptes, tlb_flushes, ranges;
  int context_references, memory_users;
  const struct machine *contexts[MOST_PASIDS]; /* By PASID. */
  int closing, work_pending;
  uint64_t now;        /* ns; it does not move. */
  uint64_t checkpoint; /* 48 bits; 0: none. */
  interrupt_ring rings[2];
} machine;

void take(lock *lock);
void drop(lock *lock);
/* A reference more, unless there is none any more; and one less. */
int get_reference(int *count);
void put_reference(int *count);

/* 0 or a negative errno each; pages [first, last], both inclusive. */
int set_attributes(machine *machine, uint64_t first, uint64_t last, const attribute *from, uint32_t count);
int get_attributes(machine *machine, uint64_t first, uint64_t last, attribute *to, uint32_t count);
void clear_attributes(machine *machine, uint64_t first, uint64_t last);
attribute_record default_record(void);
attribute_interval *new_interval(machine *machine, uint64_t first, uint64_t last, const attribute_record *record);

uint64_t *page_entry(page_table *table, uint64_t page, int make);
/* Writes or clears (`flags` 0) the PTEs of `count` pages. */
int update_ptes(machine *machine, uint64_t page, uint64_t count, uint64_t address, uint32_t flags);
int map_memory(machine *machine, uint64_t first, uint64_t last);
int unmap_memory(machine *machine, uint64_t first, uint64_t last);
int fault_cpu_pages(machine *machine, uint64_t first, uint64_t last, uint64_t *frames);

int handle_fault(machine *machine, uint64_t page);
int split_invalidate(machine *machine, uint64_t first, uint64_t last);
int map_interval(machine *machine, attribute_interval *interval);
void invalidate(machine *machine, uint64_t first, uint64_t last);
/* What is on the collector's list; under the svm lock. */
void collect_locked(machine *machine);
/* Its worker. */
void collect(machine *machine);
/* The context goes, with its attributes and ranges; PTEs stay. */
void finalise(machine *machine);

#endif
