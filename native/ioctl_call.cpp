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
// No structure of the DRM interface has more; a bound keeps the overlap check cheap.
constexpr size_t kMaximumPointers = 64;

std::string field_name(size_t index, const char* field) {
  return "pointers[" + std::to_string(index) + "]." + field;
}

// Reads the JavaScript properties only: getters may run user code here, so no
// pointer into a buffer is taken before all of this is done.
bool read_pointer_properties(Napi::Env env, napi_value list, size_t argument_limit,
                             std::vector<IoctlArguments::Pointer>& pointers) {
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
    napi_value offset = nullptr;
    napi_value data = nullptr;
    if (napi_get_named_property(env, element, "offset", &offset) != napi_ok) return false;
    if (napi_get_named_property(env, element, "data", &data) != napi_ok) return false;
    const auto number = integer_argument(env, offset, field_name(index, "offset").c_str(), 0, argument_limit);
    if (!number) return false;
    pointers.push_back({static_cast<size_t>(*number), data, {}});
  }
  return true;
}

bool check_pointer_fields(Napi::Env env, IoctlArguments& arguments) {
  const size_t count = arguments.pointers.size();
  for (size_t index = 0; index < count; ++index) {
    IoctlArguments::Pointer& pointer = arguments.pointers[index];
    if (arguments.bytes.size() < kPointerBytes || pointer.offset > arguments.bytes.size() - kPointerBytes) {
      throw_range_error(env, field_name(index, "offset") + ": the 8 bytes of the pointer field must lie inside arg (" +
                                 std::to_string(arguments.bytes.size()) + " bytes)");
      return false;
    }
    for (size_t other = 0; other < index; ++other) {
      const size_t a = arguments.pointers[other].offset;
      const size_t b = pointer.offset;
      if ((a > b ? a - b : b - a) < kPointerBytes) {
        throw_range_error(env, field_name(index, "offset") + ": must not overlap pointers[" + std::to_string(other) + "]");
        return false;
      }
    }
    const auto bytes = bytes_argument(env, pointer.data, field_name(index, "data").c_str());
    if (!bytes) return false;
    pointer.bytes = *bytes;
  }
  return true;
}

}  // namespace

std::optional<IoctlArguments> read_ioctl_arguments(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  IoctlArguments arguments{};
  const auto request = integer_argument(env, info[1], "request", 0, UINT32_MAX);
  if (!request) return std::nullopt;
  arguments.request = static_cast<uint32_t>(*request);
  arguments.argument = info[2];
  if (!info[3].IsUndefined() && !read_pointer_properties(env, info[3], UINT32_MAX, arguments.pointers)) {
    return std::nullopt;
  }
  const auto bytes = bytes_argument(env, arguments.argument, "arg");
  if (!bytes) return std::nullopt;
  arguments.bytes = *bytes;
  // Linux reads and writes as many bytes as the request number says.
  const size_t encoded = _IOC_SIZE(arguments.request);
  if (arguments.bytes.size() < encoded) {
    throw_range_error(env, "arg: has " + std::to_string(arguments.bytes.size()) + " bytes, the request number says " +
                               std::to_string(encoded));
    return std::nullopt;
  }
  if (!check_pointer_fields(env, arguments)) return std::nullopt;
  return arguments;
}

IoctlCall::~IoctlCall() {
  for (Copy& copy : copies_) pool_->give_back(std::move(copy.block));
}

std::optional<IoctlCall::Copy> IoctlCall::copy_of(std::span<const uint8_t> bytes) {
  Copy copy{pool_->take(bytes.size()), bytes.size()};
  if (!copy.block) return std::nullopt;
  std::memcpy(copy.bytes(), bytes.data(), bytes.size());
  return copy;
}

int IoctlCall::prepare(const IoctlArguments& arguments) {
  request_ = arguments.request;
  std::optional<Copy> argument = copy_of(arguments.bytes);
  if (!argument) return -ENOMEM;
  uint8_t* const bytes = argument->bytes();
  copies_.push_back(std::move(*argument));
  for (const IoctlArguments::Pointer& pointer : arguments.pointers) {
    std::optional<Copy> data = copy_of(pointer.bytes);
    if (!data) return -ENOMEM;
    PointerField field{pointer.offset, {}};
    std::memcpy(field.original.data(), bytes + pointer.offset, kPointerBytes);
    const uint64_t address = reinterpret_cast<uintptr_t>(data->bytes());
    std::memcpy(bytes + pointer.offset, &address, kPointerBytes);
    fields_.push_back(field);
    copies_.push_back(std::move(*data));
  }
  return 0;
}

int IoctlCall::run(int file_descriptor) {
  void* const argument = copies_.front().bytes();
  return restarted([&] { return ::ioctl(file_descriptor, static_cast<unsigned long>(request_), argument); });
}

void IoctlCall::copy_back(napi_env env, std::span<const napi_value> buffers) {
  // The pointer fields get the caller's bytes back: addresses of our blocks mean
  // nothing to JavaScript and would make recordings differ from run to run.
  for (const PointerField& field : fields_) {
    std::memcpy(copies_.front().bytes() + field.offset, field.original.data(), kPointerBytes);
  }
  for (size_t index = 0; index < copies_.size() && index < buffers.size(); ++index) {
    const auto target = bytes_still_there(env, buffers[index]);
    if (target && target->size() == copies_[index].length) {
      std::memcpy(target->data(), copies_[index].bytes(), target->size());
    }
  }
}

}  // namespace amdgpu_svm
