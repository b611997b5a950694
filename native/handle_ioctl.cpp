#include "handle_ioctl.h"

#include <cerrno>
#include <utility>

#include "addon_state.h"

namespace amdgpu_svm {

namespace {

// What the JavaScript function owns. It may outlive the handle: the device is closed then.
struct HandleIoctl {
  AddonState& state;
  std::shared_ptr<Device> device;
};

int issue(IoctlCall& call, const IoctlArguments& arguments, const Device& device) {
  const int problem = call.prepare(arguments);
  if (problem != 0) return problem;
  const int result = call.run(device.number());
  // No JavaScript has run since the spans were taken.
  call.restore_pointer_fields();
  call.copy_back(0, arguments.bytes);
  for (size_t index = 0; index < arguments.pointer_count; ++index) {
    call.copy_back(1 + index, arguments.pointers[index].bytes);
  }
  return result;
}

napi_value call_ioctl(napi_env env, napi_callback_info info) {
  size_t count = 3;  // what isn't given is undefined
  napi_value values[3];
  void* data = nullptr;
  if (napi_get_cb_info(env, info, &count, values, nullptr, &data) != napi_ok) return nullptr;
  const HandleIoctl& own = *static_cast<HandleIoctl*>(data);
  AddonState& state = own.state;
  const Device& device = *own.device;
  // Pointers may have getters, in which the function itself may be collected.
  const std::shared_ptr<Device> kept = count > 2 ? own.device : nullptr;
  IoctlArguments arguments;
  if (!arguments.read(env, values[0], values[1], count > 2 ? values[2] : nullptr)) return nullptr;
  // Getters of the arguments may have closed the device.
  int result = -EBADF;
  if (!device.closed()) {
    IoctlCall& call = state.synchronous_call();
    result = issue(call, arguments, device);
    call.reset();
  }
  napi_value number = nullptr;
  napi_create_int32(env, result, &number);
  return number;
}

}  // namespace

bool add_handle_ioctl(Napi::Env env, napi_value object, std::shared_ptr<Device> device) {
  auto own = std::make_unique<HandleIoctl>(AddonState::of(env), std::move(device));
  const auto finalize = [](napi_env, void* data, void*) { delete static_cast<HandleIoctl*>(data); };
  napi_value function = nullptr;
  if (napi_create_function(env, "ioctl", NAPI_AUTO_LENGTH, call_ioctl, own.get(), &function) != napi_ok ||
      napi_add_finalizer(env, function, own.get(), finalize, nullptr, nullptr) != napi_ok) {
    Napi::Error::New(env).ThrowAsJavaScriptException();
    return false;
  }
  own.release();
  const napi_property_descriptor property = {"ioctl", nullptr, nullptr, nullptr, nullptr, function, napi_default, nullptr};
  if (napi_define_properties(env, object, 1, &property) == napi_ok) return true;
  Napi::Error::New(env).ThrowAsJavaScriptException();
  return false;
}

}  // namespace amdgpu_svm
