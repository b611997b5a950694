#include "device.h"

#include <utility>

#include "arguments.h"

namespace amdgpu_svm {

Device::~Device() = default;

int Device::close() {
  closed_ = true;
  return busy_ ? 0 : file_.close();
}

void Device::enqueue(std::unique_ptr<IoctlWorker> worker) {
  if (busy_) {
    queue_.push_back(std::move(worker));
  } else {
    start(std::move(worker));
  }
}

void Device::start(std::unique_ptr<IoctlWorker> worker) {
  busy_ = true;
  // From here on the worker deletes itself, after OnOK.
  worker.release()->Queue();
}

void Device::ended(bool usable) {
  busy_ = false;
  if (!usable) queue_.clear();
  if (!queue_.empty()) {
    std::unique_ptr<IoctlWorker> next = std::move(queue_.front());
    queue_.pop_front();
    start(std::move(next));
  } else if (closed_) {
    file_.close();
  }
}

IoctlWorker::IoctlWorker(Napi::Env env, std::shared_ptr<Device> device, std::unique_ptr<IoctlCall> call,
                         const IoctlArguments& arguments, napi_deferred deferred)
    : Napi::AsyncWorker(env, "amdgpu_svm.ioctl"),
      device_(std::move(device)),
      call_(std::move(call)),
      deferred_(deferred) {
  buffers_.reserve(1 + arguments.pointer_count);
  buffers_.push_back(Napi::Persistent(Napi::Object(env, arguments.argument)));
  for (size_t index = 0; index < arguments.pointer_count; ++index) {
    buffers_.push_back(Napi::Persistent(Napi::Object(env, arguments.pointers[index].data)));
  }
}

void IoctlWorker::Execute() { result_ = call_->run(device_->number()); }

void IoctlWorker::OnOK() {
  const Napi::Env env = Env();
  call_->restore_pointer_fields();
  for (size_t index = 0; index < buffers_.size(); ++index) {
    // JavaScript has run since: the buffer may be detached, or have another length.
    const auto target = bytes_still_there(env, buffers_[index].Value());
    if (target) call_->copy_back(index, *target);
  }
  napi_value result = nullptr;
  napi_create_int32(env, result_, &result);
  // The status is asked for, not thrown: it fails when the environment is being
  // torn down, and there is nobody left to tell.
  const bool usable = napi_resolve_deferred(env, deferred_, result) == napi_ok;
  device_->ended(usable);
}

}  // namespace amdgpu_svm
