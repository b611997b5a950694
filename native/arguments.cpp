#include "arguments.h"

namespace amdgpu_svm {

void throw_type_error(napi_env env, const std::string& message) {
  napi_throw_type_error(env, "ERR_SVM_INVALID_TYPE", message.c_str());
}

void throw_range_error(napi_env env, const std::string& message) {
  napi_throw_range_error(env, "ERR_SVM_OUT_OF_RANGE", message.c_str());
}

std::nullopt_t refuse_integer(napi_env env, napi_value value, ArgumentName name, uint64_t minimum, uint64_t maximum) {
  napi_valuetype type = napi_undefined;
  napi_typeof(env, value, &type);
  if (type != napi_number) {
    throw_type_error(env, name.text() + ": must be a number");
  } else {
    throw_range_error(env, name.text() + ": must be an integer from " + std::to_string(minimum) + " to " +
                               std::to_string(maximum));
  }
  return std::nullopt;
}

std::optional<std::string> path_argument(Napi::Env env, napi_value value, const char* name) {
  napi_valuetype type = napi_undefined;
  napi_typeof(env, value, &type);
  if (type != napi_string) {
    throw_type_error(env, std::string(name) + ": must be a string");
    return std::nullopt;
  }
  std::string text = Napi::String(env, value).Utf8Value();
  // open(2) would silently stop at the zero and open another file.
  if (text.find('\0') != std::string::npos) {
    throw_type_error(env, std::string(name) + ": must be a string without zero characters");
    return std::nullopt;
  }
  return text;
}

std::nullopt_t refuse_bytes(napi_env env, napi_value value, ArgumentName name) {
  const auto refuse = [&](const char* why) {
    throw_type_error(env, name.text() + ": " + why);
    return std::nullopt;
  };
  const std::optional<View> view = view_of(env, value);
  if (!view) return refuse("must be a Uint8Array");
  bool unshared = false;
  if (napi_is_arraybuffer(env, view->buffer, &unshared) != napi_ok || !unshared) {
    return refuse("must not be backed by a SharedArrayBuffer");
  }
  bool detached = false;
  napi_is_detached_arraybuffer(env, view->buffer, &detached);
  return refuse(detached ? "must not be backed by a detached ArrayBuffer" : "must have at least one byte");
}

}  // namespace amdgpu_svm
