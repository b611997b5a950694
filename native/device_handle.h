// The JavaScript handle of a device: an object that wraps a DeviceHandle, and how
// one is known for ours. (A Node-API external would be cheaper to look into, but
// making one the prototype of an object crashes V8 13 and later.)
#ifndef AMDGPU_SVM_DEVICE_HANDLE_H
#define AMDGPU_SVM_DEVICE_HANDLE_H

#include <napi.h>

#include <memory>
#include <unordered_set>

#include "device.h"

namespace amdgpu_svm {

class DeviceHandle;

// The handles of one environment that are alive. Other addons wrap objects too:
// what isn't in here is refused without looking at what the pointer points to. A
// type tag would say the same, but reading it costs more than half a system call.
class DeviceHandles {
 public:
  void add(const DeviceHandle* handle) { live_.insert(handle); }
  void remove(const DeviceHandle* handle) {
    if (last_ == handle) last_ = nullptr;
    live_.erase(handle);
  }
  bool contains(const DeviceHandle* handle) {
    if (handle != nullptr && handle == last_) return true;
    if (live_.find(handle) == live_.end()) return false;
    last_ = handle;
    return true;
  }

 private:
  std::unordered_set<const DeviceHandle*> live_;
  const DeviceHandle* last_ = nullptr;  // most programs have one device
};

// What the object wraps.
class DeviceHandle {
 public:
  DeviceHandle(std::shared_ptr<DeviceHandles> handles, std::shared_ptr<Device> device)
      : handles_(std::move(handles)), device_(std::move(device)) {
    handles_->add(this);
  }
  DeviceHandle(const DeviceHandle&) = delete;
  DeviceHandle& operator=(const DeviceHandle&) = delete;
  // A handle that is collected closes its file as close() does.
  ~DeviceHandle() {
    device_->close();
    handles_->remove(this);
  }

  const std::shared_ptr<Device>& device() const { return device_; }

  // The object, or null with an exception pending.
  static napi_value create(Napi::Env env, std::shared_ptr<Device> device);
  // Null after a TypeError when `value` is anything else. Valid until the
  // collector runs; the caller's argument keeps it alive.
  static DeviceHandle* argument(napi_env env, DeviceHandles& handles, napi_value value);

 private:
  // Shared: at the end of an environment handles may go after its state.
  std::shared_ptr<DeviceHandles> handles_;
  std::shared_ptr<Device> device_;
};

}  // namespace amdgpu_svm

#endif
