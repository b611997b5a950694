// Entry of the addon: the state of the environment and the table of exports.
// What each function does is written in native.d.ts.
#include <napi.h>

#include "addon_state.h"
#include "device.h"
#include "layout.h"
#include "memory_handle.h"

namespace amdgpu_svm {

AddonState::AddonState(Napi::Env env) {
  const Napi::Object global = env.Global();
  const Napi::Object object = global.Get("Object").As<Napi::Object>();
  const Napi::Object prototype = global.Get("ArrayBuffer").As<Napi::Object>().Get("prototype").As<Napi::Object>();
  const Napi::Function describe = object.Get("getOwnPropertyDescriptor").As<Napi::Function>();
  const Napi::Value descriptor = describe.Call({prototype, Napi::String::New(env, "resizable")});
  if (!descriptor.IsObject()) return;  // an engine without resizable buffers
  const Napi::Value getter = descriptor.As<Napi::Object>().Get("get");
  if (getter.IsFunction()) resizable_getter_ = Napi::Persistent(getter.As<Napi::Function>());
}

bool AddonState::is_resizable(napi_env env, napi_value array_buffer) const {
  if (resizable_getter_.IsEmpty()) return false;
  napi_value answer = nullptr;
  bool resizable = true;
  if (napi_call_function(env, array_buffer, resizable_getter_.Value(), 0, nullptr, &answer) != napi_ok ||
      napi_get_value_bool(env, answer, &resizable) != napi_ok) {
    return true;  // unknown counts as resizable: refused
  }
  return resizable;
}

static Napi::Object initialize(Napi::Env env, Napi::Object exports) {
  env.SetInstanceData(new AddonState(env));
  const auto add = [&](const char* name, Napi::Value (*function)(const Napi::CallbackInfo&)) {
    exports.Set(name, Napi::Function::New(env, function, name));
  };
  add("open", open);
  add("close", close);
  add("ioctl", ioctl);
  add("ioctlAsync", ioctl_async);
  add("driverVersion", driver_version);
  add("mapMemory", map_memory);
  add("viewMemory", view_memory);
  add("unmapMemory", unmap_memory);
  add("protectMemory", protect_memory);
  add("discardMemory", discard_memory);
  add("readMemory", read_memory);
  add("writeMemory", write_memory);
  add("layout", layout);
  return exports;
}

NODE_API_MODULE(amdgpu_svm, initialize)

}  // namespace amdgpu_svm
