/*
 * Node-API as Electron's is: V8's memory cage has no ArrayBuffer over memory of an addon, so that each attempt is answered by
 * napi_no_external_buffers_allowed. Node's own function cannot be preempted, it is in the program itself: a copy of the
 * addon in which the name begins with another letter ends here instead.
 */
#include <stddef.h>

enum { NAPI_NO_EXTERNAL_BUFFERS_ALLOWED = 22 };

int xapi_create_external_arraybuffer(void *env, void *data, size_t length, void (*finalize)(void *, void *, void *),
                                     void *hint, void **result) {
  (void)env, (void)data, (void)length, (void)finalize, (void)hint, (void)result;
  return NAPI_NO_EXTERNAL_BUFFERS_ALLOWED;
}
