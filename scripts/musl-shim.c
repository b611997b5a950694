/* What glibc's libstdc++ and libgcc ask of glibc and musl does not have: lets a program for musl load them.
   Only for scripts/try-musl.mjs, which runs Bun with it. */
#include <locale.h>
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/random.h>
#include <time.h>

/* Read by shared_ptr: never single-threaded. */
char __libc_single_threaded = 0;

unsigned arc4random(void) {
  unsigned value = 0;
  if (getrandom(&value, sizeof value, 0) != (ssize_t)sizeof value) abort();
  return value;
}

unsigned long __getauxval(unsigned long type) { return getauxval(type); }

size_t __strftime_l(char *to, size_t size, const char *format, const struct tm *time, locale_t locale) {
  return strftime_l(to, size, format, time, locale);
}

int __pthread_key_create(pthread_key_t *key, void (*destructor)(void *)) { return pthread_key_create(key, destructor); }

/* Not found: the unwinder then walks the program headers. */
int _dl_find_object(void *address, void *result) {
  (void)address;
  (void)result;
  return -1;
}

/* No feature of the processor is known. */
int __cpu_indicator_init(void) { return 0; }
struct {
  unsigned vendor, type, subtype, features[1];
} __cpu_model;

/* Destructors of thread_local objects, in the reverse order. */
struct destructor {
  void (*run)(void *);
  void *object;
  struct destructor *next;
};
static pthread_key_t destructors;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void run_destructors(void *first) {
  struct destructor *next;
  for (struct destructor *each = first; each != NULL; each = next) {
    next = each->next;
    each->run(each->object);
    free(each);
  }
}

static void make_key(void) {
  if (pthread_key_create(&destructors, run_destructors) != 0) abort();
}

int __cxa_thread_atexit_impl(void (*run)(void *), void *object, void *library) {
  (void)library;
  pthread_once(&once, make_key);
  struct destructor *added = malloc(sizeof *added);
  if (added == NULL) return -1;
  *added = (struct destructor){run, object, pthread_getspecific(destructors)};
  return pthread_setspecific(destructors, added);
}
