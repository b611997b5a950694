#include "device_handle.h"

#include <utility>

#include "addon_state.h"
#include "arguments.h"
#include "handle_ioctl.h"

namespace amdgpu_svm {

napi_value DeviceHandle::create(Napi::Env env, std::shared_ptr<Device> device) {
  auto handle = std::make_unique<DeviceHandle>(AddonState::of(env).handles(), device);
  const auto finalize = [](napi_env, void* data, void*) { delete static_cast<DeviceHandle*>(data); };
  napi_value object = nullptr;
  if (napi_create_object(env, &object) != napi_ok ||
      napi_wrap(env, object, handle.get(), finalize, nullptr, nullptr) != napi_ok) {
    Napi::Error::New(env).ThrowAsJavaScriptException();
    return nullptr;
  }
  handle.release();
  return add_handle_ioctl(env, object, std::move(device)) ? object : nullptr;
}

DeviceHandle* DeviceHandle::argument(napi_env env, DeviceHandles& handles, napi_value value) {
  void* data = nullptr;
  // Refuses everything that wraps nothing.
  if (napi_unwrap(env, value, &data) == napi_ok) {
    auto* const handle = static_cast<DeviceHandle*>(data);
    if (handles.contains(handle)) return handle;
  }
  throw_type_error(env, "handle: must be a handle that open() returned");
  return nullptr;
}

}  // namespace amdgpu_svm
