// The exported functions open, adopt, descriptor, close and ioctlAsync.
#include <fcntl.h>

#include <cerrno>
#include <limits>
#include <memory>
#include <utility>

#include "addon_state.h"
#include "arguments.h"
#include "device.h"
#include "device_handle.h"

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
  int descriptor = -1;
  do {
    descriptor = ::open(path->c_str(), O_RDWR | O_CLOEXEC | O_NOCTTY);
  } while (descriptor == -1 && errno == EINTR);
  if (descriptor == -1) return Napi::Number::New(env, -errno);
  return Napi::Value(env, DeviceHandle::create(env, std::make_shared<Device>(FileDescriptor(descriptor))));
}

Napi::Value adopt(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  const auto number = integer_argument(env, info[0], "descriptor", 0, std::numeric_limits<int>::max());
  if (!number) return env.Undefined();
  // A duplicate of our own: whoever owns the other one may close it when they like.
  const int descriptor = ::fcntl(static_cast<int>(*number), F_DUPFD_CLOEXEC, 0);
  if (descriptor == -1) return Napi::Number::New(env, -errno);
  return Napi::Value(env, DeviceHandle::create(env, std::make_shared<Device>(FileDescriptor(descriptor))));
}

Napi::Value descriptor(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  DeviceHandle* const handle = DeviceHandle::argument(env, *AddonState::of(env).handles(), info[0]);
  if (handle == nullptr) return env.Undefined();
  return Napi::Number::New(env, handle->device()->closed() ? -EBADF : handle->device()->number());
}

Napi::Value close(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  DeviceHandle* const handle = DeviceHandle::argument(env, *AddonState::of(env).handles(), info[0]);
  if (handle == nullptr) return env.Undefined();
  return Napi::Number::New(env, handle->device()->close());
}

Napi::Value ioctl_async(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  AddonState& state = AddonState::of(env);
  DeviceHandle* const handle = DeviceHandle::argument(env, *state.handles(), info[0]);
  if (handle == nullptr) return env.Undefined();
  IoctlArguments arguments;
  if (!arguments.read(env, info[1], info[2], info[3])) return env.Undefined();
  if (handle->device()->closed()) return settled(env, -EBADF);
  auto call = std::make_unique<IoctlCall>(state.pool());
  const int result = call->prepare(arguments);
  if (result != 0) return settled(env, result);
  napi_deferred deferred = nullptr;
  napi_value promise = nullptr;
  if (napi_create_promise(env, &deferred, &promise) != napi_ok) return Napi::Value();
  handle->device()->enqueue(
      std::make_unique<IoctlWorker>(env, handle->device(), std::move(call), arguments, deferred));
  return Napi::Value(env, promise);
}

}  // namespace amdgpu_svm
