/*
 * Stands in for a DRM driver in tests: preloaded (LD_PRELOAD) into a child
 * process, it answers ioctls of type 'd' on any file. The addon under test is the
 * released one; its ioctl(2) simply ends here instead of in the kernel.
 *
 * Request DRM_IOWR(0x7f, struct test_call) does what its argument says. With error
 * INTERRUPTIBLE it sleeps until a signal comes, answers EINTR and leaves the rest of
 * the time in the argument.
 * DRM_IOCTL_VERSION answers "amdgpu". Everything else goes to the C library.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define INTERRUPTIBLE 0xffffffffU

struct test_call {
  uint32_t error;              /* errno of the first `times` calls */
  uint32_t times;
  uint32_t sleep_milliseconds; /* of the call that succeeds */
  uint32_t calls;              /* out: calls made with this argument */
  uint64_t pointer;
  uint64_t fill_length;        /* bytes written behind `pointer`, as copy_to_user would */
  uint32_t order;              /* out: 1 for the first call of the process that succeeded, ... */
  uint32_t descriptor_open;    /* out: 1 when the descriptor was open at the end of the call */
};

struct version {
  int32_t numbers[3];
  int32_t hole;
  struct {
    uint64_t length;
    uint64_t text;
  } strings[3];
};

static atomic_uint successes;

/* The kernel's manners: copy what fits, report the full length. */
static void copy_string(struct version *version, int index, const char *text) {
  const uint64_t room = version->strings[index].length;
  const uint64_t length = strlen(text);
  if (version->strings[index].text && room) {
    memcpy((void *)(uintptr_t)version->strings[index].text, text, room < length ? room : length);
  }
  version->strings[index].length = length;
}

static int answer_version(struct version *version) {
  const char *name = getenv("SHIM_DRIVER");
  version->numbers[0] = 3;
  version->numbers[1] = 64;
  version->numbers[2] = 0;
  copy_string(version, 0, name ? name : "amdgpu");
  copy_string(version, 1, "");
  copy_string(version, 2, "AMD GPU");
  return 0;
}

static int answer_test(int file, struct test_call *call) {
  if (call->calls++ < call->times) {
    errno = (int)call->error;
    return -1;
  }
  if (call->sleep_milliseconds) {
    struct timespec time = {call->sleep_milliseconds / 1000, (call->sleep_milliseconds % 1000) * 1000000L};
    struct timespec rest = {0, 0};
    const int interrupted = nanosleep(&time, &rest) != 0 && call->error == INTERRUPTIBLE;
    if (interrupted) {
      call->sleep_milliseconds = (uint32_t)(rest.tv_sec * 1000 + (rest.tv_nsec + 999999) / 1000000);
      errno = EINTR;
      return -1;
    }
  }
  call->order = atomic_fetch_add(&successes, 1) + 1;
  call->descriptor_open = lseek(file, 0, SEEK_CUR) != -1;
  if (call->fill_length) {
    char *bytes = malloc(call->fill_length);
    memset(bytes, 0xab, call->fill_length);
    struct iovec from = {bytes, call->fill_length};
    struct iovec to = {(void *)(uintptr_t)call->pointer, call->fill_length};
    const ssize_t copied = process_vm_writev(getpid(), &from, 1, &to, 1, 0);
    free(bytes);
    if (copied != (ssize_t)call->fill_length) {
      errno = EFAULT;
      return -1;
    }
  }
  return 0;
}

int ioctl(int file, unsigned long request, ...) {
  va_list list;
  va_start(list, request);
  void *argument = va_arg(list, void *);
  va_end(list);
  if (request == 0xC0406400UL) return answer_version(argument);
  if (((request >> 8) & 0xff) == 0x64 && (request & 0xff) == 0x7f) return answer_test(file, argument);
  int (*next)(int, unsigned long, ...) = (int (*)(int, unsigned long, ...))dlsym(RTLD_NEXT, "ioctl");
  return next(file, request, argument);
}
