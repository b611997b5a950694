// What one environment (main thread or worker) keeps. Every environment that
// loads the addon gets a state of its own; only the signal handler of fault_guard.h is
// one of the process.
#ifndef AMDGPU_SVM_ADDON_STATE_H
#define AMDGPU_SVM_ADDON_STATE_H

#include <napi.h>

#include <memory>

#include "device_handle.h"
#include "ioctl_call.h"

namespace amdgpu_svm {

class AddonState {
 public:
  explicit AddonState(Napi::Env env) {
    const Napi::Value buffer_class = env.Global().Get("ArrayBuffer");
    if (!buffer_class.IsFunction()) return;
    const Napi::Value prototype = buffer_class.As<Napi::Object>().Get("prototype");
    if (!prototype.IsObject()) return;
    const Napi::Value transfer = prototype.As<Napi::Object>().Get("transfer");
    if (transfer.IsFunction()) transfer_array_buffer_ = Napi::Persistent(transfer.As<Napi::Function>());
  }
  static AddonState& of(Napi::Env env) { return *env.GetInstanceData<AddonState>(); }

  // Shared, because devices may outlive the instance data when the environment ends.
  const std::shared_ptr<BlockPool>& pool() const { return pool_; }
  const std::shared_ptr<DeviceHandles>& handles() const { return handles_; }
  // For the synchronous ioctl: no JavaScript runs while it is in use, so one is
  // enough, and its storage serves every call.
  IoctlCall& synchronous_call() { return synchronous_call_; }
  // ArrayBuffer.prototype.transfer; empty before Node 22.
  const Napi::FunctionReference& transfer_array_buffer() const { return transfer_array_buffer_; }

 private:
  std::shared_ptr<BlockPool> pool_ = std::make_shared<BlockPool>();
  std::shared_ptr<DeviceHandles> handles_ = std::make_shared<DeviceHandles>();
  IoctlCall synchronous_call_{pool_};
  Napi::FunctionReference transfer_array_buffer_;
};

}  // namespace amdgpu_svm

#endif
