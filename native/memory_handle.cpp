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

napi_value MemoryHandle::current(Napi::Env env) const {
  if (view_.IsEmpty()) return nullptr;
  const Napi::Object view = view_.Value();
  if (view.IsEmpty()) return nullptr;
  bool detached = true;
  napi_is_detached_arraybuffer(env, view, &detached);
  return detached ? nullptr : static_cast<napi_value>(view);
}

napi_value MemoryHandle::view(Napi::Env env, napi_value handle) {
  if (napi_value existing = current(env)) return existing;
  if (moved(env)) return Napi::Number::New(env, -EBUSY);
  if (!mapping_->viewable()) return Napi::Number::New(env, -EACCES);
  if (mapping_->size() > kLargestView) return Napi::Number::New(env, -EFBIG);

  auto alive = std::make_shared<bool>(true);
  auto backing = std::make_unique<Backing>(Backing{mapping_, alive});
  const auto finalize = [](napi_env, void*, void* hint) {
    const std::unique_ptr<Backing> ended(static_cast<Backing*>(hint));
    *ended->alive = false;
  };
  napi_value array_buffer = nullptr;
  const napi_status status = napi_create_external_arraybuffer(env, mapping_->base(), mapping_->size(), finalize,
                                                              backing.get(), &array_buffer);
  if (status == napi_no_external_buffers_allowed) return Napi::Number::New(env, -ENOTSUP);
  // In every other case Node runs the finalizer, also after a failure.
  backing.release();
  if (status != napi_ok) {
    Napi::Error::New(env).ThrowAsJavaScriptException();
    return nullptr;
  }
  backing_alive_ = alive;
  view_ = Napi::Weak(Napi::Object(env, array_buffer));
  if (napi_set_named_property(env, handle, kViewProperty, array_buffer) != napi_ok) return nullptr;
  return array_buffer;
}

int MemoryHandle::drop_view(Napi::Env env) {
  if (moved(env)) return -EBUSY;
  if (napi_value view = current(env)) {
    if (napi_detach_arraybuffer(env, view) != napi_ok) return -EBUSY;
  }
  view_.Reset();
  backing_alive_.reset();
  return 0;
}

}  // namespace amdgpu_svm
