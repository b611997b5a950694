#include "arguments.h"

#include <cmath>

#include "addon_state.h"

namespace amdgpu_svm {

namespace {

constexpr uint64_t kMaximumSafeInteger = (uint64_t{1} << 53) - 1;

struct View {
  napi_value buffer;
  uint8_t* data;
  size_t length;
};

std::optional<View> view_of(napi_env env, napi_value value) {
  bool is_typed_array = false;
  if (napi_is_typedarray(env, value, &is_typed_array) != napi_ok || !is_typed_array) return std::nullopt;
  napi_typedarray_type type;
  View view{};
  void* data = nullptr;
  size_t offset = 0;
  if (napi_get_typedarray_info(env, value, &type, &view.length, &data, &view.buffer, &offset) != napi_ok) {
    return std::nullopt;
  }
  if (type != napi_uint8_array) return std::nullopt;
  view.data = static_cast<uint8_t*>(data);
  return view;
}

}  // namespace

void throw_type_error(Napi::Env env, const std::string& message) {
  napi_throw_type_error(env, "ERR_SVM_INVALID_TYPE", message.c_str());
}

void throw_range_error(Napi::Env env, const std::string& message) {
  napi_throw_range_error(env, "ERR_SVM_OUT_OF_RANGE", message.c_str());
}

std::optional<uint64_t> integer_argument(Napi::Env env, napi_value value, const char* name, uint64_t minimum,
                                         uint64_t maximum) {
  napi_valuetype type = napi_undefined;
  napi_typeof(env, value, &type);
  if (type != napi_number) {
    throw_type_error(env, std::string(name) + ": must be a number");
    return std::nullopt;
  }
  double number = 0;
  napi_get_value_double(env, value, &number);
  if (maximum > kMaximumSafeInteger) maximum = kMaximumSafeInteger;
  const bool inside = number >= static_cast<double>(minimum) && number <= static_cast<double>(maximum);
  if (!inside || std::trunc(number) != number) {
    throw_range_error(env, std::string(name) + ": must be an integer from " + std::to_string(minimum) + " to " +
                               std::to_string(maximum));
    return std::nullopt;
  }
  return static_cast<uint64_t>(number);
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

std::optional<std::span<uint8_t>> bytes_argument(Napi::Env env, napi_value value, const char* name) {
  const auto refuse = [&](const char* why) {
    throw_type_error(env, std::string(name) + ": " + why);
    return std::nullopt;
  };
  const std::optional<View> view = view_of(env, value);
  if (!view) return refuse("must be a Uint8Array");
  bool plain = false;
  if (napi_is_arraybuffer(env, view->buffer, &plain) != napi_ok || !plain) {
    return refuse("must not be backed by a SharedArrayBuffer");
  }
  bool detached = false;
  napi_is_detached_arraybuffer(env, view->buffer, &detached);
  if (detached) return refuse("must not be backed by a detached ArrayBuffer");
  if (AddonState::of(env).is_resizable(env, view->buffer)) {
    return refuse("must not be backed by a resizable ArrayBuffer");
  }
  if (view->length == 0 || view->data == nullptr) return refuse("must have at least one byte");
  return std::span<uint8_t>(view->data, view->length);
}

std::optional<std::span<uint8_t>> bytes_still_there(napi_env env, napi_value value) {
  const std::optional<View> view = view_of(env, value);
  if (!view) return std::nullopt;
  bool detached = true;
  if (napi_is_detached_arraybuffer(env, view->buffer, &detached) != napi_ok || detached) return std::nullopt;
  if (view->length == 0 || view->data == nullptr) return std::nullopt;
  return std::span<uint8_t>(view->data, view->length);
}

}  // namespace amdgpu_svm
