// Entry of the addon: the state of the environment and the table of exports.
// What each function does is written in native.d.ts.
#include <napi.h>

#include "addon_state.h"
#include "device.h"
#include "kfd_functions.h"
#include "layout.h"
#include "memory_handle.h"
#include "prepared_ioctl.h"

namespace amdgpu_svm {

static Napi::Object initialize(Napi::Env env, Napi::Object exports) {
  env.SetInstanceData(new AddonState(env));  // freed with the environment
  const auto add = [&](const char* name, Napi::Value (*function)(const Napi::CallbackInfo&)) {
    exports.Set(name, Napi::Function::New(env, function, name));
  };
  add("open", open);
  add("adopt", adopt);
  add("descriptor", descriptor);
  add("close", close);
  add("ioctlAsync", ioctl_async);
  add("prepareIoctl", prepare_ioctl);
  add("driverVersion", driver_version);
  add("mapMemory", map_memory);
  add("viewMemory", view_memory);
  add("unmapMemory", unmap_memory);
  add("protectMemory", protect_memory);
  add("discardMemory", discard_memory);
  add("lockMemory", lock_memory);
  add("moveMemory", move_memory);
  add("readMemory", read_memory);
  add("writeMemory", write_memory);
  add("kfdOpen", kfd_open);
  add("kfdAcquire", kfd_acquire);
  add("kfdSetXnack", kfd_set_xnack);
  add("kfdClose", kfd_close);
  add("kfdCreateQueue", kfd_create_queue);
  add("kfdFetched", kfd_fetched);
  add("kfdFenced", kfd_fenced);
  add("kfdSubmit", kfd_submit);
  add("kfdWait", kfd_wait);
  add("kfdEvent", kfd_event);
  add("kfdCloseQueue", kfd_close_queue);
  add("layout", layout);
  return exports;
}

NODE_API_MODULE(amdgpu_svm, initialize)

}  // namespace amdgpu_svm
