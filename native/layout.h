// The exported function layout; native.d.ts documents it.
#ifndef AMDGPU_SVM_LAYOUT_H
#define AMDGPU_SVM_LAYOUT_H

#include <napi.h>

namespace amdgpu_svm {
Napi::Value layout(const Napi::CallbackInfo& info);
}

#endif
