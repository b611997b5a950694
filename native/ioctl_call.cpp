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

bool IoctlArguments::refuse_short_argument(napi_env env, size_t encoded) const {
  throw_range_error(env, "arg: has " + std::to_string(bytes.size) + " bytes, the request number says " +
                             std::to_string(encoded));
  return false;
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

bool IoctlArguments::read(napi_env env, napi_value number, napi_value bytes_value, napi_value list) {
  const auto integer = integer_argument(env, number, "request", 0, UINT32_MAX);
  if (!integer) return false;
  request = static_cast<uint32_t>(*integer);
  argument = bytes_value;
  if (!is_undefined(env, list) && !read_pointer_properties(env, list)) return false;
  const auto found = bytes_argument(env, argument, "arg");
  if (!found) return false;
  bytes = *found;
  // Linux reads and writes as many bytes as the request number says.
  const size_t encoded = _IOC_SIZE(request);
  if (bytes.size < encoded) return refuse_short_argument(env, encoded);
  return pointer_count == 0 || check_pointer_fields(env);
}

IoctlCall::~IoctlCall() {
  reset();
  pool_->give_back(std::move(argument_.block));
}

uint8_t* IoctlCall::make_copy(Copy& copy, Bytes bytes) {
  if (!copy.block || copy.block->capacity() < bytes.size) copy.block = pool_->take(bytes.size);
  if (!copy.block) return nullptr;
  copy.length = bytes.size;
  uint8_t* const start = copy.bytes();
  std::memcpy(start, bytes.data, bytes.size);
  return start;
}

bool IoctlCall::add_pointer(const IoctlArguments::Pointer& pointer) {
  const uint8_t* const data = make_copy(data_.emplace_back(), pointer.bytes);
  if (data == nullptr) return false;
  uint8_t* const field = argument_.bytes() + pointer.offset;
  PointerField& kept = fields_.emplace_back(PointerField{pointer.offset, {}});
  std::memcpy(kept.original.data(), field, kPointerBytes);
  const uint64_t address = reinterpret_cast<uintptr_t>(data);
  std::memcpy(field, &address, kPointerBytes);
  return true;
}

int IoctlCall::prepare(const IoctlArguments& arguments) {
  request_ = arguments.request;
  if (make_copy(argument_, arguments.bytes) == nullptr) return -ENOMEM;
  for (size_t index = 0; index < arguments.pointer_count; ++index) {
    if (!add_pointer(arguments.pointers[index])) return -ENOMEM;
  }
  return 0;
}

int IoctlCall::run(int file_descriptor) {
  void* const argument = argument_.bytes();
  return restarted([&] { return ::ioctl(file_descriptor, static_cast<unsigned long>(request_), argument); });
}

void IoctlCall::restore_pointer_fields() {
  for (const PointerField& field : fields_) {
    std::memcpy(argument_.bytes() + field.offset, field.original.data(), kPointerBytes);
  }
}

void IoctlCall::copy_back(size_t index, Bytes target) {
  const Copy& copy = index == 0 ? argument_ : data_[index - 1];
  if (target.size == copy.length) std::memcpy(target.data, copy.bytes(), target.size);
}

void IoctlCall::reset() {
  // A large block is not kept, one of a page is: nearly every argument fits into it.
  if (argument_.block && argument_.block->capacity() != page_size()) argument_.block.reset();
  if (data_.empty()) return;
  for (Copy& copy : data_) pool_->give_back(std::move(copy.block));
  data_.clear();
  fields_.clear();
}

}  // namespace amdgpu_svm
