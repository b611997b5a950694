// The exported functions of KFD; native.d.ts documents them.
#ifndef AMDGPU_SVM_KFD_FUNCTIONS_H
#define AMDGPU_SVM_KFD_FUNCTIONS_H

#include <napi.h>

namespace amdgpu_svm {

Napi::Value kfd_open(const Napi::CallbackInfo& info);
Napi::Value kfd_acquire(const Napi::CallbackInfo& info);
Napi::Value kfd_set_xnack(const Napi::CallbackInfo& info);
Napi::Value kfd_close(const Napi::CallbackInfo& info);
Napi::Value kfd_create_queue(const Napi::CallbackInfo& info);
Napi::Value kfd_fetched(const Napi::CallbackInfo& info);
Napi::Value kfd_fenced(const Napi::CallbackInfo& info);
Napi::Value kfd_submit(const Napi::CallbackInfo& info);
Napi::Value kfd_wait(const Napi::CallbackInfo& info);
Napi::Value kfd_event(const Napi::CallbackInfo& info);
Napi::Value kfd_close_queue(const Napi::CallbackInfo& info);

}  // namespace amdgpu_svm

#endif
