#include "memory_handle.h"

#include <cerrno>

namespace amdgpu_svm {

namespace {
// The longest ArrayBuffer of every Node.js version that is supported.
constexpr size_t kLargestView = size_t{1} << 32;
// A plain property, not a strong reference: the collector then sees that handle
// and ArrayBuffer belong together and frees both, even when user code links the
// ArrayBuffer back to the handle.
constexpr const char* kViewProperty = "view";
}  // namespace

napi_value MemoryHandle::view(Napi::Env env, napi_value handle) {
  if (const auto lent = lent_.lock()) {
    if (napi_value existing = lent->current()) return existing;
    if (lent->moved()) return Napi::Number::New(env, -EBUSY);
  }
  if (!mapping_->viewable()) return Napi::Number::New(env, -EACCES);
  if (mapping_->size() > kLargestView) return Napi::Number::New(env, -EFBIG);

  const LentBuffer::Made made =
      LentBuffer::make(env, mapping_->base(), mapping_->size(), Mapping::lend(mapping_));
  if (made.status == napi_no_external_buffers_allowed) return Napi::Number::New(env, -ENOTSUP);
  if (made.status != napi_ok) {
    Napi::Error::New(env).ThrowAsJavaScriptException();
    return nullptr;
  }
  lent_ = made.lent;
  if (napi_set_named_property(env, handle, kViewProperty, made.array_buffer) != napi_ok) return nullptr;
  return made.array_buffer;
}

int MemoryHandle::drop_view(napi_env env, napi_value handle) {
  const auto lent = lent_.lock();
  if (lent && !lent->detach()) return -EBUSY;
  lent_.reset();
  // Detached, it says only that somebody may have the address: what keeps it should be those alone.
  napi_value nothing = nullptr;
  if (lent && napi_get_undefined(env, &nothing) == napi_ok) napi_set_named_property(env, handle, kViewProperty, nothing);
  return 0;
}

}  // namespace amdgpu_svm
