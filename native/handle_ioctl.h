// The function `ioctl` of a device handle. It is a member of the handle, made for
// it: as an argument, a handle would have to be looked into on every call, which
// costs nearly as much as a system call.
#ifndef AMDGPU_SVM_HANDLE_IOCTL_H
#define AMDGPU_SVM_HANDLE_IOCTL_H

#include <napi.h>

#include <memory>

#include "device.h"

namespace amdgpu_svm {

// Gives `object` its `ioctl`; false with an exception pending. native.d.ts documents it.
bool add_handle_ioctl(Napi::Env env, napi_value object, std::shared_ptr<Device> device);

}  // namespace amdgpu_svm

#endif
