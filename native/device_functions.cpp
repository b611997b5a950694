// The exported functions open, close, ioctl and ioctlAsync.
#include <fcntl.h>

#include <cerrno>
#include <memory>
#include <utility>

#include "addon_state.h"
#include "arguments.h"
#include "device.h"
#include "handle.h"

namespace amdgpu_svm {

namespace {

Napi::Value settled(Napi::Env env, int result) {
  const Napi::Promise::Deferred deferred = Napi::Promise::Deferred::New(env);
  deferred.Resolve(Napi::Number::New(env, result));
  return deferred.Promise();
}

}  // namespace

Napi::Value open(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  const auto path = path_argument(env, info[0], "path");
  if (!path) return env.Undefined();
  int number = -1;
  do {
    number = ::open(path->c_str(), O_RDWR | O_CLOEXEC | O_NOCTTY);
  } while (number == -1 && errno == EINTR);
  if (number == -1) return Napi::Number::New(env, -errno);
  auto handle = std::make_unique<DeviceHandle>();
  handle->device = std::make_shared<Device>(FileDescriptor(number));
  return Napi::Value(env, make_handle(env, std::move(handle)));
}

Napi::Value close(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  DeviceHandle* const handle = handle_argument<DeviceHandle>(env, info[0], "handle");
  if (handle == nullptr) return env.Undefined();
  return Napi::Number::New(env, handle->device->close());
}

Napi::Value ioctl(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  DeviceHandle* const handle = handle_argument<DeviceHandle>(env, info[0], "handle");
  if (handle == nullptr) return env.Undefined();
  // Getters of the arguments may close the device, so its state is asked for afterwards.
  const auto arguments = read_ioctl_arguments(info);
  if (!arguments) return env.Undefined();
  if (handle->device->closed()) return Napi::Number::New(env, -EBADF);
  IoctlCall call(AddonState::of(env).pool());
  int result = call.prepare(*arguments);
  if (result == 0) {
    result = call.run(handle->device->number());
    std::vector<napi_value> buffers{arguments->argument};
    for (const IoctlArguments::Pointer& pointer : arguments->pointers) buffers.push_back(pointer.data);
    call.copy_back(env, buffers);
  }
  return Napi::Number::New(env, result);
}

Napi::Value ioctl_async(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  DeviceHandle* const handle = handle_argument<DeviceHandle>(env, info[0], "handle");
  if (handle == nullptr) return env.Undefined();
  const auto arguments = read_ioctl_arguments(info);
  if (!arguments) return env.Undefined();
  if (handle->device->closed()) return settled(env, -EBADF);
  auto call = std::make_unique<IoctlCall>(AddonState::of(env).pool());
  const int result = call->prepare(*arguments);
  if (result != 0) return settled(env, result);
  napi_deferred deferred = nullptr;
  napi_value promise = nullptr;
  if (napi_create_promise(env, &deferred, &promise) != napi_ok) return Napi::Value();
  handle->device->enqueue(
      std::make_unique<IoctlWorker>(env, handle->device, std::move(call), *arguments, deferred));
  return Napi::Value(env, promise);
}

}  // namespace amdgpu_svm
