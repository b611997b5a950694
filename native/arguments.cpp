#include "arguments.h"

#include <cmath>

namespace amdgpu_svm {

namespace {

constexpr uint64_t kMaximumSafeInteger = (uint64_t{1} << 53) - 1;

// The bytes that a Uint8Array has at this moment: none when its ArrayBuffer is
// detached, or was shrunk so far that the array lies outside of it. Empty for
// anything but a Uint8Array. Does not look whether the memory is shared.
struct View {
  napi_value buffer;
  Bytes bytes;
};

std::optional<View> view_of(napi_env env, napi_value value) {
  napi_typedarray_type type = napi_int8_array;
  View view{};
  void* data = nullptr;
  size_t offset = 0;
  // Refuses everything that is no typed array.
  if (napi_get_typedarray_info(env, value, &type, &view.bytes.size, &data, &view.buffer, &offset) != napi_ok) {
    return std::nullopt;
  }
  if (type != napi_uint8_array) return std::nullopt;
  view.bytes.data = static_cast<uint8_t*>(data);
  return view;
}

}  // namespace

void throw_type_error(napi_env env, const std::string& message) {
  napi_throw_type_error(env, "ERR_SVM_INVALID_TYPE", message.c_str());
}

void throw_range_error(napi_env env, const std::string& message) {
  napi_throw_range_error(env, "ERR_SVM_OUT_OF_RANGE", message.c_str());
}

std::optional<uint64_t> integer_argument(napi_env env, napi_value value, ArgumentName name, uint64_t minimum,
                                         uint64_t maximum) {
  double number = 0;
  if (napi_get_value_double(env, value, &number) != napi_ok) {
    throw_type_error(env, name.text() + ": must be a number");
    return std::nullopt;
  }
  if (maximum > kMaximumSafeInteger) maximum = kMaximumSafeInteger;
  const bool inside = number >= static_cast<double>(minimum) && number <= static_cast<double>(maximum);
  if (!inside || std::trunc(number) != number) {
    throw_range_error(env, name.text() + ": must be an integer from " + std::to_string(minimum) + " to " +
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

std::optional<Bytes> bytes_argument(napi_env env, napi_value value, ArgumentName name) {
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
  if (view->bytes.size == 0 || view->bytes.data == nullptr) {
    bool detached = false;
    napi_is_detached_arraybuffer(env, view->buffer, &detached);
    return refuse(detached ? "must not be backed by a detached ArrayBuffer" : "must have at least one byte");
  }
  return view->bytes;
}

std::optional<Bytes> bytes_still_there(napi_env env, napi_value value) {
  const std::optional<View> view = view_of(env, value);
  if (!view || view->bytes.size == 0 || view->bytes.data == nullptr) return std::nullopt;
  return view->bytes;
}

}  // namespace amdgpu_svm
