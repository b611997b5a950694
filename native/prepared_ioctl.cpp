#include "prepared_ioctl.h"

#include <linux/ioctl.h>
#include <sys/ioctl.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <string>

#include "addon_state.h"
#include "arguments.h"
#include "device_handle.h"
#include "lent_buffer.h"
#include "restart.h"

namespace amdgpu_svm {

namespace {

// A bound on what a slip of the pen can allocate; ioctl arguments are far smaller.
constexpr uint64_t kMaximumLength = 1 << 20;

std::optional<PreparedIoctl::Buffer> make_buffer(size_t length) {
  std::shared_ptr<GuardedBlock> block = GuardedBlock::create(length);
  if (!block) return std::nullopt;
  return PreparedIoctl::Buffer{std::move(block), length};
}

// A Uint8Array over the buffer. Undefined where the runtime has no external
// ArrayBuffers, null after an exception.
napi_value make_view(napi_env env, const PreparedIoctl::Buffer& buffer) {
  const LentBuffer::Made made = LentBuffer::make(env, buffer.bytes(), buffer.length, buffer.block);
  napi_value view = nullptr;
  if (made.status == napi_no_external_buffers_allowed) {
    napi_get_undefined(env, &view);
    return view;
  }
  if (made.status != napi_ok ||
      napi_create_typedarray(env, napi_uint8_array, buffer.length, made.array_buffer, 0, &view) != napi_ok) {
    Napi::Error::New(env).ThrowAsJavaScriptException();
    return nullptr;
  }
  return view;
}

napi_value run_prepared(napi_env env, napi_callback_info info) {
  void* data = nullptr;
  napi_value result = nullptr;
  if (napi_get_cb_info(env, info, nullptr, nullptr, nullptr, &data) != napi_ok) return nullptr;
  napi_create_int32(env, static_cast<PreparedIoctl*>(data)->run(), &result);
  return result;
}

// The JavaScript function that issues the ioctl, and owns it.
napi_value make_function(napi_env env, std::unique_ptr<PreparedIoctl> prepared) {
  const auto finalize = [](napi_env, void* data, void*) { delete static_cast<PreparedIoctl*>(data); };
  napi_value function = nullptr;
  if (napi_create_function(env, "ioctl", NAPI_AUTO_LENGTH, run_prepared, prepared.get(), &function) != napi_ok ||
      napi_add_finalizer(env, function, prepared.get(), finalize, nullptr, nullptr) != napi_ok) {
    Napi::Error::New(env).ThrowAsJavaScriptException();
    return nullptr;
  }
  prepared.release();
  return function;
}

struct Lengths {
  size_t argument;
  bool has_pointer;
  size_t offset;
  size_t data;
};

// Arguments 2 (length), 3 (offset) and 4 (data length; both or neither).
std::optional<Lengths> read_lengths(const Napi::CallbackInfo& info, uint32_t request) {
  const Napi::Env env = info.Env();
  Lengths lengths{};
  const auto argument = integer_argument(env, info[2], "length", 1, kMaximumLength);
  if (!argument) return std::nullopt;
  lengths.argument = static_cast<size_t>(*argument);
  // Linux reads and writes as many bytes as the request number says.
  if (lengths.argument < _IOC_SIZE(request)) {
    throw_range_error(env, "length: is " + std::to_string(lengths.argument) + ", the request number says " +
                               std::to_string(_IOC_SIZE(request)));
    return std::nullopt;
  }
  lengths.has_pointer = !is_undefined(env, info[3]);
  if (!lengths.has_pointer) return lengths;
  if (lengths.argument < kPointerBytes) {
    throw_range_error(env, "offset: the 8 bytes of the pointer field must lie inside the argument");
    return std::nullopt;
  }
  const auto offset = integer_argument(env, info[3], "offset", 0, lengths.argument - kPointerBytes);
  if (!offset) return std::nullopt;
  const auto data = integer_argument(env, info[4], "dataLength", 1, kMaximumLength);
  if (!data) return std::nullopt;
  lengths.offset = static_cast<size_t>(*offset);
  lengths.data = static_cast<size_t>(*data);
  return lengths;
}

}  // namespace

int PreparedIoctl::run() {
  if (device_->closed()) return -EBADF;
  uint8_t* const argument = argument_.bytes();
  const auto issue = [&] {
    return restarted([&] { return ::ioctl(device_->number(), static_cast<unsigned long>(request_), argument); });
  };
  if (!data_.block) return issue();
  // As with ioctl(), JavaScript finds its own bytes in the pointer field, no address.
  std::array<uint8_t, kPointerBytes> original;
  uint8_t* const field = argument + offset_;
  std::memcpy(original.data(), field, kPointerBytes);
  const uint64_t address = reinterpret_cast<uintptr_t>(data_.bytes());
  std::memcpy(field, &address, kPointerBytes);
  const int result = issue();
  std::memcpy(field, original.data(), kPointerBytes);
  return result;
}

Napi::Value prepare_ioctl(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  DeviceHandle* const handle = DeviceHandle::argument(env, *AddonState::of(env).handles(), info[0]);
  if (handle == nullptr) return env.Undefined();
  const auto request = integer_argument(env, info[1], "request", 0, UINT32_MAX);
  if (!request) return env.Undefined();
  const auto lengths = read_lengths(info, static_cast<uint32_t>(*request));
  if (!lengths) return env.Undefined();
  if (handle->device()->closed()) return Napi::Number::New(env, -EBADF);

  auto argument = make_buffer(lengths->argument);
  auto data = lengths->has_pointer ? make_buffer(lengths->data) : PreparedIoctl::Buffer{};
  if (!argument || !data) return Napi::Number::New(env, -ENOMEM);
  napi_value views[2] = {nullptr, nullptr};
  views[0] = make_view(env, *argument);
  if (lengths->has_pointer && views[0] != nullptr) views[1] = make_view(env, *data);
  if (views[0] == nullptr || (lengths->has_pointer && views[1] == nullptr)) return Napi::Value();
  if (is_undefined(env, views[0])) return Napi::Number::New(env, -ENOTSUP);

  auto prepared =
      std::make_unique<PreparedIoctl>(handle->device(), static_cast<uint32_t>(*request), std::move(*argument));
  if (lengths->has_pointer) prepared->set_pointer(lengths->offset, std::move(*data));
  napi_value function = make_function(env, std::move(prepared));
  if (function == nullptr) return Napi::Value();
  Napi::Object answer = Napi::Object::New(env);
  answer.Set("ioctl", Napi::Value(env, function));
  answer.Set("arg", Napi::Value(env, views[0]));
  if (lengths->has_pointer) answer.Set("data", Napi::Value(env, views[1]));
  return answer;
}

}  // namespace amdgpu_svm
