/*
 * What an ioctl costs a C program: prints the nanoseconds of one ioctl(2) for each
 * of BATCHES batches. Usage: ioctl_loop FILE REQUEST CALLS BATCHES
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <time.h>

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

int main(int count, char **arguments) {
  if (count != 5) return 2;
  const int file = open(arguments[1], O_RDWR | O_CLOEXEC);
  if (file < 0) return 1;
  const unsigned long request = strtoul(arguments[2], NULL, 0);
  const long calls = strtol(arguments[3], NULL, 0);
  const long batches = strtol(arguments[4], NULL, 0);
  char argument[16384] = {0};
  for (long batch = 0; batch < batches; batch++) {
    const double start = now();
    for (long call = 0; call < calls; call++) ioctl(file, request, argument);
    printf("%.2f\n", (now() - start) / (double)calls);
  }
  return 0;
}
