#include "ioctl_call.h"

#include <linux/ioctl.h>
#include <sys/ioctl.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "arguments.h"
#include "restart.h"

namespace amdgpu_svm {

namespace {

constexpr size_t kPointerBytes = 8;

std::string field_name(size_t index, const char* field) {
  return "pointers[" + std::to_string(index) + "]." + field;
}

}  // namespace

// Reads the JavaScript properties only: getters may run user code here, so no
// pointer into a buffer is taken before all of this is done.
bool IoctlArguments::read_pointer_properties(napi_env env, napi_value list) {
  bool is_array = false;
  napi_is_array(env, list, &is_array);
  if (!is_array) {
    throw_type_error(env, "pointers: must be an array of {offset, data} or undefined");
    return false;
  }
  uint32_t count = 0;
  napi_get_array_length(env, list, &count);
  if (count > kMaximumPointers) {
    throw_range_error(env, "pointers: must have at most " + std::to_string(kMaximumPointers) + " elements");
    return false;
  }
  for (uint32_t index = 0; index < count; ++index) {
    napi_value element = nullptr;
    if (napi_get_element(env, list, index, &element) != napi_ok) return false;
    napi_valuetype type = napi_undefined;
    napi_typeof(env, element, &type);
    if (type != napi_object) {
      throw_type_error(env, "pointers[" + std::to_string(index) + "]: must be an object {offset, data}");
      return false;
    }
    Pointer& pointer = pointers[index];
    napi_value offset = nullptr;
    if (napi_get_named_property(env, element, "offset", &offset) != napi_ok) return false;
    if (napi_get_named_property(env, element, "data", &pointer.data) != napi_ok) return false;
    const auto name = [&] { return field_name(index, "offset"); };
    const auto number = integer_argument(env, offset, name, 0, UINT32_MAX);
    if (!number) return false;
    pointer.offset = static_cast<size_t>(*number);
  }
  pointer_count = count;
  return true;
}

bool IoctlArguments::check_pointer_fields(napi_env env) {
  for (size_t index = 0; index < pointer_count; ++index) {
    Pointer& pointer = pointers[index];
    if (bytes.size < kPointerBytes || pointer.offset > bytes.size - kPointerBytes) {
      throw_range_error(env, field_name(index, "offset") + ": the 8 bytes of the pointer field must lie inside arg (" +
                                 std::to_string(bytes.size) + " bytes)");
      return false;
    }
    for (size_t other = 0; other < index; ++other) {
      const size_t a = pointers[other].offset;
      const size_t b = pointer.offset;
      if ((a > b ? a - b : b - a) < kPointerBytes) {
        throw_range_error(env, field_name(index, "offset") + ": must not overlap pointers[" + std::to_string(other) + "]");
        return false;
      }
    }
    const auto data = bytes_argument(env, pointer.data, [&] { return field_name(index, "data"); });
    if (!data) return false;
    pointer.bytes = *data;
  }
  return true;
}

bool IoctlArguments::read(napi_env env, const napi_value* values) {
  const auto number = integer_argument(env, values[1], "request", 0, UINT32_MAX);
  if (!number) return false;
  request = static_cast<uint32_t>(*number);
  argument = values[2];
  napi_valuetype type = napi_undefined;
  napi_typeof(env, values[3], &type);
  if (type != napi_undefined && !read_pointer_properties(env, values[3])) return false;
  const auto found = bytes_argument(env, argument, "arg");
  if (!found) return false;
  bytes = *found;
  // Linux reads and writes as many bytes as the request number says.
  const size_t encoded = _IOC_SIZE(request);
  if (bytes.size < encoded) {
    throw_range_error(env, "arg: has " + std::to_string(bytes.size) + " bytes, the request number says " +
                               std::to_string(encoded));
    return false;
  }
  return check_pointer_fields(env);
}

uint8_t* IoctlCall::add_copy(Bytes bytes) {
  Copy copy{pool_->take(bytes.size), bytes.size};
  if (!copy.block) return nullptr;
  uint8_t* const start = copy.bytes();
  std::memcpy(start, bytes.data, bytes.size);
  copies_.push_back(std::move(copy));
  return start;
}

int IoctlCall::prepare(const IoctlArguments& arguments) {
  request_ = arguments.request;
  uint8_t* const argument = add_copy(arguments.bytes);
  if (argument == nullptr) return -ENOMEM;
  for (size_t index = 0; index < arguments.pointer_count; ++index) {
    const IoctlArguments::Pointer& pointer = arguments.pointers[index];
    const uint8_t* const data = add_copy(pointer.bytes);
    if (data == nullptr) return -ENOMEM;
    PointerField field{pointer.offset, {}};
    std::memcpy(field.original.data(), argument + pointer.offset, kPointerBytes);
    const uint64_t address = reinterpret_cast<uintptr_t>(data);
    std::memcpy(argument + pointer.offset, &address, kPointerBytes);
    fields_.push_back(field);
  }
  return 0;
}

int IoctlCall::run(int file_descriptor) {
  void* const argument = copies_.front().bytes();
  return restarted([&] { return ::ioctl(file_descriptor, static_cast<unsigned long>(request_), argument); });
}

void IoctlCall::restore_pointer_fields() {
  for (const PointerField& field : fields_) {
    std::memcpy(copies_.front().bytes() + field.offset, field.original.data(), kPointerBytes);
  }
}

void IoctlCall::copy_back(size_t index, Bytes target) {
  const Copy& copy = copies_[index];
  if (target.size == copy.length) std::memcpy(target.data, copy.bytes(), target.size);
}

void IoctlCall::reset() {
  for (Copy& copy : copies_) pool_->give_back(std::move(copy.block));
  copies_.clear();
  fields_.clear();
}

}  // namespace amdgpu_svm
