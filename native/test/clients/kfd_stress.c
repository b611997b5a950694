/*
 * SDMA packets from one process: fills, copies and writes of its own memory at random places, compared with what they should
 * have done. Knows nothing but the ioctls.
 *
 *   kfd-stress DIR SEED PACKETS [SECONDS]
 *
 * DIR has kfd and renderD128; it rests for SECONDS at the end, with its queue. Prints "N packets, W wrong"; exit code 1 where a byte is wrong, 3 where the server has gone.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define GPU_ID 0x5100u
#define RING_BYTES 65536u
#define DOORBELL_FRAME 0x2000u
#define REGION (256u << 10)
#define BATCH 16u
#define MOST_SECONDS 5.0

struct create_queue {
  uint64_t ring, write_pointer, read_pointer, doorbell;
  uint32_t ring_size, gpu_id, type, percentage, priority, id;
  uint64_t rest[5];
};
struct acquire_vm { uint32_t drm_fd, gpu_id; };
struct alloc_memory { uint64_t address, size, handle, offset; uint32_t gpu_id, flags; };
struct map_memory { uint64_t handle, ids; uint32_t count, done; };
#define CREATE_QUEUE _IOWR('K', 0x02, struct create_queue)
#define GET_VERSION _IOR('K', 0x01, uint64_t)
#define ACQUIRE_VM _IOW('K', 0x15, struct acquire_vm)
#define ALLOC_MEMORY _IOWR('K', 0x16, struct alloc_memory)
#define MAP_MEMORY _IOWR('K', 0x18, struct map_memory)
#define GTT_FLAGS 0xd6000002u

static int kfd, node;
static uint64_t random_state;

static uint32_t chance(uint32_t below) {
  random_state = random_state * 6364136223846793005ull + 1442695040888963407ull;
  return (uint32_t)(random_state >> 33) % below;
}

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void gone(const char *what) {
  fprintf(stderr, "the server has gone: %s: %s\n", what, strerror(errno));
  exit(3);
}

/* A page of a file whose server has gone. */
static void on_bus_error(int signal) {
  (void)signal;
  _exit(3);
}

static void call(unsigned long command, void *argument, const char *what) {
  if (ioctl(kfd, command, argument) != 0) gone(what);
}

static void *buffer(uint64_t size) {
  uint32_t id = GPU_ID;
  void *place = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  struct alloc_memory memory = {(uint64_t)place, size, 0, 0, GPU_ID, GTT_FLAGS};
  call(ALLOC_MEMORY, &memory, "allocate");
  if (mmap(place, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, node, (off_t)memory.offset) == MAP_FAILED) gone("map");
  struct map_memory map = {memory.handle, (uint64_t)&id, 1, 0};
  call(MAP_MEMORY, &map, "map to the GPU");
  return place;
}

static unsigned char *region(void) {
  return mmap(NULL, REGION, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static uint32_t *ring;
static uint64_t written; /* dwords */

static void put(uint32_t dword) { ring[written++ % (RING_BYTES / 4)] = dword; }
static void put_address(const volatile void *address) {
  put((uint32_t)(uintptr_t)address);
  put((uint32_t)((uintptr_t)address >> 32));
}

/* One packet on the memory, and the same on what it should be. */
static void packet(unsigned char *memory, unsigned char *expected) {
  const uint32_t size = 1 + chance(chance(8) == 0 ? 60000 : 600);
  const uint32_t from = chance(REGION / 2 - size), to = REGION / 2 + chance(REGION / 2 - size);
  switch (chance(3)) {
    case 0: {
      const uint32_t at = chance(REGION - size - 8) & ~3u, words = 1 + size / 4, value = chance(1u << 31);
      put(11u | 2u << 30);
      put_address(memory + at);
      put(value);
      put((words - 1) * 4);
      for (uint32_t word = 0; word < words; word++) memcpy(expected + at + 4 * word, &value, 4);
      break;
    }
    case 1:
      put(1);
      put(size - 1);
      put(0);
      put_address(memory + from);
      put_address(memory + to);
      memcpy(expected + to, expected + from, size);
      break;
    default: {
      const uint32_t at = chance(REGION - 64) & ~3u, words = 1 + chance(8);
      put(2);
      put_address(memory + at);
      put(words - 1);
      for (uint32_t word = 0; word < words; word++) {
        const uint32_t value = chance(1u << 31);
        put(value);
        memcpy(expected + at + 4 * word, &value, 4);
      }
    }
  }
}

int main(int count, char **arguments) {
  char path[4096];
  if (count != 4 && count != 5) return 2;
  signal(SIGBUS, on_bus_error);
  random_state = strtoull(arguments[2], NULL, 10) * 2654435761u + 1;
  const uint64_t packets = strtoull(arguments[3], NULL, 10);
  snprintf(path, sizeof(path), "%s/kfd", arguments[1]);
  if ((kfd = open(path, O_RDWR | O_CLOEXEC)) < 0) gone("open");
  snprintf(path, sizeof(path), "%s/renderD128", arguments[1]);
  if ((node = open(path, O_RDWR | O_CLOEXEC)) < 0) gone("open");
  struct acquire_vm acquire = {(uint32_t)node, GPU_ID};
  call(ACQUIRE_VM, &acquire, "acquire");
  ring = buffer(RING_BYTES);
  volatile uint64_t *pointers = buffer(4096);
  volatile uint32_t *fence = buffer(4096);
  struct create_queue queue = {(uint64_t)ring, (uint64_t)(pointers + 2), (uint64_t)(pointers + 1), 0, RING_BYTES, GPU_ID, 1, 100,
                               7,              0,                        {0}};
  call(CREATE_QUEUE, &queue, "create a queue");
  char *frame = mmap(NULL, DOORBELL_FRAME, PROT_READ | PROT_WRITE, MAP_SHARED, kfd,
                     (off_t)(queue.doorbell & ~(uint64_t)(DOORBELL_FRAME - 1)));
  if (frame == MAP_FAILED) gone("map the doorbells");
  volatile uint64_t *doorbell = (uint64_t *)(frame + (queue.doorbell & (DOORBELL_FRAME - 1)));
  printf("begins\n");
  fflush(stdout);

  unsigned char *memory = region(), *expected = region();
  double longest = 0;
  uint64_t wrong = 0;
  uint32_t number = 0;
  for (uint64_t done = 0; done < packets; done += BATCH) {
    /* No packet over the end of the ring. */
    if (written % (RING_BYTES / 4) > RING_BYTES / 4 - BATCH * 16)
      while (written % (RING_BYTES / 4) != 0) put(0);
    for (uint32_t each = 0; each < BATCH; each++) packet(memory, expected);
    put(5);
    put_address(fence);
    put(++number);
    atomic_thread_fence(memory_order_release);
    pointers[2] = written * 4;
    atomic_thread_fence(memory_order_release);
    *doorbell = written * 4;
    const double begin = seconds();
    const struct timespec nap = {0, 20000};
    int asked = 0;
    while (*fence != number) {
      const double waited = seconds() - begin;
      if (waited > 0.5 * (asked + 1)) {
        uint64_t version;
        asked++;
        call(GET_VERSION, &version, "the fence does not come");
      }
      if (waited > MOST_SECONDS) {
        printf("hangs: packet %llu has not ended within %.0f s\n", (unsigned long long)done, MOST_SECONDS);
        return 1;
      }
      nanosleep(&nap, NULL);
    }
    const double took = seconds() - begin;
    if (took > longest) longest = took;
    atomic_thread_fence(memory_order_acquire);
    if (number % 8 == 0 || done + BATCH >= packets)
      for (uint32_t at = 0; at < REGION; at++) wrong += memory[at] != expected[at];
    /* Other memory, where the GPU has to fault again; now and then at the same place. */
    if (number % 64 == 0) {
      munmap(memory, REGION);
      memory = region();
      memset(expected, 0, REGION);
    }
    /* Long enough that nobody looks at the doorbell any more. */
    if (number % 97 == 0) usleep(1000 * chance(20));
  }
  printf("%llu packets, %llu wrong; the longest wait %.3f s\n", (unsigned long long)packets, (unsigned long long)wrong, longest);
  fflush(stdout);
  if (count == 5) sleep((unsigned)atoi(arguments[4]));
  return wrong != 0;
}
