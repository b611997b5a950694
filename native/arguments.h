// Checks of what JavaScript passes. Every function answers an empty optional
// after it has thrown; the caller then only returns. The messages name the
// argument and what is allowed.
#ifndef AMDGPU_SVM_ARGUMENTS_H
#define AMDGPU_SVM_ARGUMENTS_H

#include <napi.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace amdgpu_svm {

// Throws a TypeError with code ERR_SVM_INVALID_TYPE.
void throw_type_error(Napi::Env env, const std::string& message);
// Throws a RangeError with code ERR_SVM_OUT_OF_RANGE.
void throw_range_error(Napi::Env env, const std::string& message);

// An integer of JavaScript type number within [minimum, maximum] (both
// inclusive, at most 2^53 - 1). No valueOf is called.
std::optional<uint64_t> integer_argument(Napi::Env env, napi_value value, const char* name, uint64_t minimum,
                                         uint64_t maximum);

// A string without zero characters, as UTF-8.
std::optional<std::string> path_argument(Napi::Env env, napi_value value, const char* name);

// The bytes of a Uint8Array (Buffers are some) with at least one byte, on an
// attached, fixed-length, unshared ArrayBuffer. Valid until JavaScript runs again.
std::optional<std::span<uint8_t>> bytes_argument(Napi::Env env, napi_value value, const char* name);

// The same without throwing, for buffers that were fine once: empty when the
// buffer has been detached since.
std::optional<std::span<uint8_t>> bytes_still_there(napi_env env, napi_value value);

}  // namespace amdgpu_svm

#endif
