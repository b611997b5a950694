/*
 * What it costs two processes to wake each other: a byte there and back through pipes.
 * Prints the microseconds of one for each of BATCHES batches. Usage: byte_echo ROUNDS BATCHES
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

int main(int count, char **arguments) {
  int there[2], back[2];
  char byte = 0;
  if (count != 3 || pipe(there) != 0 || pipe(back) != 0) return 2;
  const pid_t echo = fork();
  if (echo < 0) return 1;
  if (echo == 0) {
    close(there[1]);
    while (read(there[0], &byte, 1) == 1)
      if (write(back[1], &byte, 1) != 1) _exit(1);
    _exit(0);
  }
  const long rounds = strtol(arguments[1], NULL, 0);
  const long batches = strtol(arguments[2], NULL, 0);
  for (long batch = 0; batch < batches; batch++) {
    const double start = now();
    for (long round = 0; round < rounds; round++)
      if (write(there[1], &byte, 1) != 1 || read(back[0], &byte, 1) != 1) return 1;
    printf("%.2f\n", (now() - start) / (double)rounds);
  }
  return 0;
}
