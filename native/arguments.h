// Checks of what JavaScript passes. Every function answers an empty optional
// after it has thrown; the caller then only returns. The messages name the
// argument and what is allowed.
#ifndef AMDGPU_SVM_ARGUMENTS_H
#define AMDGPU_SVM_ARGUMENTS_H

#include <napi.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>

namespace amdgpu_svm {

// Of an address in a structure of the kernel, also where a pointer is shorter.
constexpr size_t kPointerBytes = 8;

// Throws a TypeError with code ERR_SVM_INVALID_TYPE.
void throw_type_error(napi_env env, const std::string& message);
// Throws a RangeError with code ERR_SVM_OUT_OF_RANGE.
void throw_range_error(napi_env env, const std::string& message);

// How an argument is called in messages: a literal, or a function that makes the
// name, which then costs nothing as long as nothing is wrong.
class ArgumentName {
 public:
  ArgumentName(const char* literal) : literal_(literal) {}
  template <typename Make>
    requires std::is_invocable_r_v<std::string, const Make&>
  ArgumentName(const Make& make)
      : make_(&make), call_([](const void* function) -> std::string { return (*static_cast<const Make*>(function))(); }) {}
  std::string text() const { return literal_ != nullptr ? literal_ : call_(make_); }

 private:
  const char* literal_ = nullptr;
  const void* make_ = nullptr;
  std::string (*call_)(const void*) = nullptr;
};

// Whether an argument was left out (null) or is undefined.
inline bool is_undefined(napi_env env, napi_value value) {
  napi_valuetype type = napi_undefined;
  return value == nullptr || (napi_typeof(env, value, &type) == napi_ok && type == napi_undefined);
}

inline constexpr uint64_t kMaximumSafeInteger = (uint64_t{1} << 53) - 1;

// The good cases of the checks below are inline: they are on the way of every
// ioctl, where a call and a result in memory already show. The bad ones are here.
std::nullopt_t refuse_integer(napi_env env, napi_value value, ArgumentName name, uint64_t minimum, uint64_t maximum);
std::nullopt_t refuse_bytes(napi_env env, napi_value value, ArgumentName name);

// An integer of JavaScript type number within [minimum, maximum] (both
// inclusive, at most 2^53 - 1). No valueOf is called. `name`: see ArgumentName.
template <typename Name>
std::optional<uint64_t> integer_argument(napi_env env, napi_value value, const Name& name, uint64_t minimum,
                                         uint64_t maximum) {
  if (maximum > kMaximumSafeInteger) maximum = kMaximumSafeInteger;
  double number = 0;
  if (napi_get_value_double(env, value, &number) == napi_ok && number >= static_cast<double>(minimum) &&
      number <= static_cast<double>(maximum)) {
    const auto integer = static_cast<int64_t>(number);
    if (static_cast<double>(integer) == number) return static_cast<uint64_t>(integer);
  }
  return refuse_integer(env, value, name, minimum, maximum);
}

// A string without zero characters, as UTF-8.
std::optional<std::string> path_argument(Napi::Env env, napi_value value, const char* name);

// The bytes of a JavaScript buffer.
struct Bytes {
  uint8_t* data;
  size_t size;
};

// The bytes that a Uint8Array has at this moment: none when its ArrayBuffer is
// detached, or was shrunk so far that the array lies outside of it. Empty for
// anything but a Uint8Array. Does not look whether the memory is shared.
struct View {
  napi_value buffer;
  Bytes bytes;
};
inline std::optional<View> view_of(napi_env env, napi_value value) {
  napi_typedarray_type type = napi_int8_array;
  napi_value buffer = nullptr;
  void* data = nullptr;
  size_t size = 0;
  // Refuses everything that is no typed array.
  if (napi_get_typedarray_info(env, value, &type, &size, &data, &buffer, nullptr) != napi_ok) return std::nullopt;
  if (type != napi_uint8_array) return std::nullopt;
  return View{buffer, {static_cast<uint8_t*>(data), size}};
}

// The bytes of a Uint8Array (Buffers are some) with at least one byte, on an
// attached, unshared ArrayBuffer. Valid until JavaScript runs again: only that can
// detach the ArrayBuffer, or shrink it when it is a resizable one.
template <typename Name>
std::optional<Bytes> bytes_argument(napi_env env, napi_value value, const Name& name) {
  const std::optional<View> view = view_of(env, value);
  bool unshared = false;
  if (view && view->bytes.size != 0 && view->bytes.data != nullptr &&
      napi_is_arraybuffer(env, view->buffer, &unshared) == napi_ok && unshared) {
    return view->bytes;
  }
  return refuse_bytes(env, value, name);
}

// The same without throwing, for buffers that were fine once: empty when the
// buffer has been detached since.
inline std::optional<Bytes> bytes_still_there(napi_env env, napi_value value) {
  const std::optional<View> view = view_of(env, value);
  if (!view || view->bytes.size == 0 || view->bytes.data == nullptr) return std::nullopt;
  return view->bytes;
}

}  // namespace amdgpu_svm

#endif
