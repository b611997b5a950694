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

// An integer of JavaScript type number within [minimum, maximum] (both
// inclusive, at most 2^53 - 1). No valueOf is called.
std::optional<uint64_t> integer_argument(napi_env env, napi_value value, ArgumentName name, uint64_t minimum,
                                         uint64_t maximum);

// A string without zero characters, as UTF-8.
std::optional<std::string> path_argument(Napi::Env env, napi_value value, const char* name);

// The bytes of a JavaScript buffer.
struct Bytes {
  uint8_t* data;
  size_t size;
};

// The bytes of a Uint8Array (Buffers are some) with at least one byte, on an
// attached, unshared ArrayBuffer. Valid until JavaScript runs again: only that can
// detach the ArrayBuffer, or shrink it when it is a resizable one.
std::optional<Bytes> bytes_argument(napi_env env, napi_value value, ArgumentName name);

// The same without throwing, for buffers that were fine once: empty when the
// buffer has been detached since.
std::optional<Bytes> bytes_still_there(napi_env env, napi_value value);

}  // namespace amdgpu_svm

#endif
