/*
 * An SDMA queue made by libhsakmt, on memory that nothing but SVM maps: what it fills
 * and copies was never touched, so that the GPU faults on it.
 *
 *   kfd-thunk
 */
#include <hsakmt.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define RING_BYTES 65536
#define BYTES (1u << 20)

static HsaQueueResource queue;
static uint32_t *ring;
static uint64_t written; /* dwords */

static void need(int good, const char *what) {
  printf("%s - %s\n", good ? "ok" : "not ok", what);
  fflush(stdout);
  if (!good) exit(1);
}

static void put(uint32_t dword) { ring[written++ % (RING_BYTES / 4)] = dword; }
static void put_address(const volatile void *address) {
  put((uint32_t)(uintptr_t)address);
  put((uint32_t)((uintptr_t)address >> 32));
}

static void submit(void) {
  atomic_thread_fence(memory_order_release);
  *queue.Queue_write_ptr_aql = written * 4;
  atomic_thread_fence(memory_order_release);
  *(volatile uint64_t *)queue.Queue_DoorBell_aql = written * 4;
}

static void *memory_of_queue(HSAuint32 node, size_t size) {
  HsaMemFlags flags;
  memset(&flags, 0, sizeof(flags));
  flags.ui32.HostAccess = 1;
  flags.ui32.NonPaged = 0;
  flags.ui32.PageSize = HSA_PAGE_SIZE_4KB;
  flags.ui32.ExecuteAccess = 1;
  void *memory = NULL;
  HSAuint64 address = 0;
  need(hsaKmtAllocMemory(0, size, flags, &memory) == HSAKMT_STATUS_SUCCESS, "memory for the queue");
  HsaMemMapFlags map_flags;
  memset(&map_flags, 0, sizeof(map_flags));
  need(hsaKmtMapMemoryToGPUNodes(memory, size, &address, map_flags, 1, &node) == HSAKMT_STATUS_SUCCESS, "it is on the GPU");
  return memory;
}

int main(void) {
  HsaSystemProperties system;
  HsaNodeProperties properties;
  need(hsaKmtOpenKFD() == HSAKMT_STATUS_SUCCESS, "KFD opens");
  need(hsaKmtAcquireSystemProperties(&system) == HSAKMT_STATUS_SUCCESS, "the topology is read");
  need(system.NumNodes == 2, "it has a CPU and a GPU");
  need(hsaKmtGetNodeProperties(1, &properties) == HSAKMT_STATUS_SUCCESS && properties.NumFComputeCores > 0, "node 1 is the GPU");

  ring = memory_of_queue(1, RING_BYTES);
  volatile uint32_t *fence = memory_of_queue(1, 4096);
  need(hsaKmtCreateQueue(1, HSA_QUEUE_SDMA, 100, HSA_QUEUE_PRIORITY_NORMAL, ring, RING_BYTES, NULL, &queue) ==
           HSAKMT_STATUS_SUCCESS,
       "an SDMA queue is made");

  char *from = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  char *to = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  put(11u | 2u << 30); /* CONST_FILL of dwords */
  put_address(from);
  put(0x01020304);
  put(BYTES - 4);
  put(1); /* COPY_LINEAR */
  put(BYTES - 1);
  put(0);
  put_address(from);
  put_address(to);
  put(5); /* FENCE */
  put_address(fence);
  put(42);
  submit();
  const struct timespec nap = {0, 1000000};
  for (int tries = 0; *fence != 42 && tries < 20000; tries++) nanosleep(&nap, NULL);
  need(*fence == 42, "the fence is written");
  int right = 1;
  for (uint32_t at = 0; at < BYTES; at += 4) right &= *(uint32_t *)(to + at) == 0x01020304;
  need(right, "every byte is right, in memory that nobody had touched");
  need(hsaKmtDestroyQueue(queue.QueueId) == HSAKMT_STATUS_SUCCESS, "the queue is destroyed");
  need(hsaKmtCloseKFD() == HSAKMT_STATUS_SUCCESS, "KFD closes");
  return 0;
}
