// Native objects behind opaque JavaScript handles: wrapped, type tagged, freed
// by the garbage collector or at the end of the environment.
#ifndef AMDGPU_SVM_HANDLE_H
#define AMDGPU_SVM_HANDLE_H

#include <napi.h>

#include <memory>
#include <string>
#include <utility>

#include "arguments.h"

namespace amdgpu_svm {

// `T` has `static constexpr napi_type_tag kTypeTag` and `static constexpr const char* kTypeName`.
// Answers null when Node-API could not do it (an exception is then pending).
template <typename T>
napi_value make_handle(Napi::Env env, std::unique_ptr<T> native) {
  napi_value object = nullptr;
  if (napi_create_object(env, &object) != napi_ok) return nullptr;
  const auto finalize = [](napi_env, void* data, void*) { delete static_cast<T*>(data); };
  if (napi_type_tag_object(env, object, &T::kTypeTag) != napi_ok ||
      napi_wrap(env, object, native.get(), finalize, nullptr, nullptr) != napi_ok) {
    Napi::Error::New(env).ThrowAsJavaScriptException();
    return nullptr;
  }
  native.release();
  return object;
}

// The native object of a handle; null after a TypeError for anything else.
template <typename T>
T* handle_argument(Napi::Env env, napi_value value, const char* name) {
  napi_valuetype type = napi_undefined;
  napi_typeof(env, value, &type);
  bool tagged = false;
  void* native = nullptr;
  if (type == napi_object && napi_check_object_type_tag(env, value, &T::kTypeTag, &tagged) == napi_ok && tagged &&
      napi_unwrap(env, value, &native) == napi_ok) {
    return static_cast<T*>(native);
  }
  throw_type_error(env, std::string(name) + ": must be " + T::kTypeName);
  return nullptr;
}

}  // namespace amdgpu_svm

#endif
