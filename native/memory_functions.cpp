// The exported functions on memory.
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <string>

#include "arguments.h"
#include "guarded_block.h"
#include "handle.h"
#include "memory_handle.h"

namespace amdgpu_svm {

namespace {

constexpr uint64_t kAnyLength = UINT64_MAX;

struct Interval {
  size_t offset;
  size_t length;
};

// Arguments 1 (offset) and 2 (length) as whole pages inside the mapping.
std::optional<Interval> page_interval(const Napi::CallbackInfo& info, const Mapping& mapping) {
  Napi::Env env = info.Env();
  const auto offset = integer_argument(env, info[1], "offset", 0, mapping.size());
  if (!offset) return std::nullopt;
  const auto length = integer_argument(env, info[2], "length", 0, mapping.size() - *offset);
  if (!length) return std::nullopt;
  const size_t page = page_size();
  if (*offset % page != 0 || *length % page != 0) {
    throw_range_error(env, std::string(*offset % page != 0 ? "offset" : "length") + ": must be a multiple of the page size, " +
                               std::to_string(page));
    return std::nullopt;
  }
  return Interval{static_cast<size_t>(*offset), static_cast<size_t>(*length)};
}

// Copies between this process and itself through the kernel, which answers
// EFAULT where a plain memcpy would kill the process. Bytes copied (less than
// asked for when a page refuses), or a negative errno when it is none.
template <typename Copy>
int64_t copy_through_kernel(uint8_t* ours, uint8_t* mapped, size_t length, Copy copy) {
  size_t done = 0;
  while (done < length) {
    const iovec local{ours + done, length - done};
    const iovec remote{mapped + done, length - done};
    const ssize_t count = copy(getpid(), &local, &remote);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return done > 0 ? static_cast<int64_t>(done) : -errno;
    if (count == 0) break;
    done += static_cast<size_t>(count);
  }
  return static_cast<int64_t>(done);
}

template <typename Copy>
Napi::Value transfer(const Napi::CallbackInfo& info, const char* buffer_name, Copy copy) {
  Napi::Env env = info.Env();
  MemoryHandle* const handle = handle_argument<MemoryHandle>(env, info[0], "handle");
  if (handle == nullptr) return env.Undefined();
  Mapping& mapping = handle->mapping();
  const auto offset = integer_argument(env, info[1], "offset", 0, mapping.size());
  if (!offset) return env.Undefined();
  const auto bytes = bytes_argument(env, info[2], buffer_name);
  if (!bytes) return env.Undefined();
  if (bytes->size > mapping.size() - *offset) {
    throw_range_error(env, std::string(buffer_name) + ": ends past the mapping, which has " +
                               std::to_string(mapping.size()) + " bytes");
    return env.Undefined();
  }
  // Pages that were given back may be somebody else's by now; the kernel wouldn't
  // refuse those, so only the bytes before the first hole are asked for.
  const size_t length = mapping.live_length(*offset, bytes->size);
  if (length == 0) return Napi::Number::New(env, -EFAULT);
  mapping.enforce();
  const int64_t count = copy_through_kernel(bytes->data, mapping.base() + *offset, length, copy);
  return Napi::Number::New(env, static_cast<double>(count));
}

}  // namespace

namespace {

enum MapFlag : uint64_t { kExactly = 1, kShared = 2, kHugePages = 4, kNoHugePages = 8, kAllFlags = 15 };

// Arguments 1 to 5 of mapMemory: alignment, address, flags, descriptor, offset. Empty after an exception.
std::optional<Mapping::Request> map_request(const Napi::CallbackInfo& info, size_t size) {
  Napi::Env env = info.Env();
  Mapping::Request request;
  request.size = size;
  if (!is_undefined(env, info[1])) {
    const auto alignment = integer_argument(env, info[1], "alignment", page_size(), kAnyLength);
    if (!alignment) return std::nullopt;
    if ((*alignment & (*alignment - 1)) != 0) {
      throw_range_error(env, "alignment: must be a power of two");
      return std::nullopt;
    }
    request.alignment = static_cast<size_t>(*alignment);
  }
  if (!is_undefined(env, info[2])) {
    bool lossless = false;
    if (napi_get_value_bigint_uint64(env, info[2], &request.address, &lossless) != napi_ok) {
      throw_type_error(env, "address: must be a bigint");
      return std::nullopt;
    }
    if (!lossless) {
      throw_range_error(env, "address: must be from 0 to 2^64 - 1");
      return std::nullopt;
    }
  }
  if (!is_undefined(env, info[3])) {
    const auto flags = integer_argument(env, info[3], "flags", 0, kAllFlags);
    if (!flags) return std::nullopt;
    request.exactly = (*flags & kExactly) != 0;
    if (request.exactly && request.address == 0) {
      // A privileged process could map there; to the engine it would be no memory.
      throw_range_error(env, "address: must not be 0");
      return std::nullopt;
    }
    request.shared = (*flags & kShared) != 0;
    if ((*flags & (kHugePages | kNoHugePages)) != 0)
      request.advice = (*flags & kHugePages) != 0 ? MADV_HUGEPAGE : MADV_NOHUGEPAGE;
  }
  if (!is_undefined(env, info[4])) {
    const auto descriptor = integer_argument(env, info[4], "descriptor", 0, INT32_MAX);
    if (!descriptor) return std::nullopt;
    const auto offset = integer_argument(env, info[5], "offset", 0, kMaximumSafeInteger - size);
    if (!offset) return std::nullopt;
    if (*offset % page_size() != 0) {
      throw_range_error(env, "offset: must be a multiple of the page size, " + std::to_string(page_size()));
      return std::nullopt;
    }
    request.descriptor = static_cast<int>(*descriptor);
    request.offset = static_cast<off_t>(*offset);
  }
  return request;
}

}  // namespace

Napi::Value map_memory(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  const auto size = integer_argument(env, info[0], "size", 1, kAnyLength);
  if (!size) return env.Undefined();
  if (*size % page_size() != 0) {
    throw_range_error(env, "size: must be a multiple of the page size, " + std::to_string(page_size()));
    return env.Undefined();
  }
  int error = 0;
  const auto request = map_request(info, static_cast<size_t>(*size));
  if (!request) return env.Undefined();
  std::shared_ptr<Mapping> mapping = Mapping::create(*request, error);
  if (!mapping) return Napi::Number::New(env, error);
  const uint64_t address = reinterpret_cast<uintptr_t>(mapping->base());
  napi_value handle = make_handle(env, std::make_unique<MemoryHandle>(std::move(mapping)));
  if (handle == nullptr) return Napi::Value();
  Napi::Object answer = Napi::Object::New(env);
  answer.Set("handle", Napi::Value(env, handle));
  answer.Set("address", Napi::BigInt::New(env, address));
  return answer;
}

Napi::Value view_memory(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  MemoryHandle* const handle = handle_argument<MemoryHandle>(env, info[0], "handle");
  if (handle == nullptr) return env.Undefined();
  return Napi::Value(env, handle->view(env, info[0]));
}

Napi::Value unmap_memory(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  MemoryHandle* const handle = handle_argument<MemoryHandle>(env, info[0], "handle");
  if (handle == nullptr) return env.Undefined();
  const auto interval = page_interval(info, handle->mapping());
  if (!interval) return env.Undefined();
  if (interval->length == 0) return Napi::Number::New(env, -EINVAL);
  // The ArrayBuffer goes first: between munmap and detach it would point into nothing.
  int result = handle->drop_view(env, info[0]);
  if (result == 0) result = handle->mapping().unmap(interval->offset, interval->length);
  return Napi::Number::New(env, result);
}

Napi::Value protect_memory(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  MemoryHandle* const handle = handle_argument<MemoryHandle>(env, info[0], "handle");
  if (handle == nullptr) return env.Undefined();
  const auto interval = page_interval(info, handle->mapping());
  if (!interval) return env.Undefined();
  constexpr int kAll = PROT_READ | PROT_WRITE | PROT_EXEC;
  const auto protection = integer_argument(env, info[3], "protection", 0, kAll);
  if (!protection) return env.Undefined();
  const int bits = static_cast<int>(*protection);
  const bool viewable = (bits & PROT_READ) != 0 && (bits & PROT_WRITE) != 0;
  int result = viewable ? 0 : handle->drop_view(env, info[0]);
  if (result == 0) result = handle->mapping().protect(interval->offset, interval->length, bits);
  return Napi::Number::New(env, result);
}

Napi::Value discard_memory(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  MemoryHandle* const handle = handle_argument<MemoryHandle>(env, info[0], "handle");
  if (handle == nullptr) return env.Undefined();
  const auto interval = page_interval(info, handle->mapping());
  if (!interval) return env.Undefined();
  return Napi::Number::New(env, handle->mapping().discard(interval->offset, interval->length));
}

Napi::Value lock_memory(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  MemoryHandle* const handle = handle_argument<MemoryHandle>(env, info[0], "handle");
  if (handle == nullptr) return env.Undefined();
  const auto interval = page_interval(info, handle->mapping());
  if (!interval) return env.Undefined();
  const auto locked = integer_argument(env, info[3], "locked", 0, 1);
  if (!locked) return env.Undefined();
  return Napi::Number::New(env, handle->mapping().lock(interval->offset, interval->length, *locked == 1));
}

Napi::Value move_memory(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  MemoryHandle* const handle = handle_argument<MemoryHandle>(env, info[0], "handle");
  if (handle == nullptr) return env.Undefined();
  Mapping& mapping = handle->mapping();
  const auto interval = page_interval(info, mapping);
  if (!interval) return env.Undefined();
  MemoryHandle* const target_handle = handle_argument<MemoryHandle>(env, info[3], "target");
  if (target_handle == nullptr) return env.Undefined();
  Mapping& target = target_handle->mapping();
  const auto target_offset = integer_argument(env, info[4], "targetOffset", 0, target.size());
  if (!target_offset) return env.Undefined();
  const auto keep_old = integer_argument(env, info[5], "keepOld", 0, 1);
  if (!keep_old) return env.Undefined();
  if (*target_offset % page_size() != 0) {
    throw_range_error(env, "targetOffset: must be a multiple of the page size, " + std::to_string(page_size()));
    return env.Undefined();
  }
  if (interval->length > target.size() - *target_offset) {
    throw_range_error(env, "targetOffset: the pages must lie inside the target of " + std::to_string(target.size()) + " bytes");
    return env.Undefined();
  }
  // As for an unmapping: no ArrayBuffer shows pages that go, or that may come with another protection.
  int result = handle->drop_view(env, info[0]);
  if (result == 0) result = target_handle->drop_view(env, info[3]);
  if (result == 0) {
    result = mapping.move_to(interval->offset, interval->length, target, static_cast<size_t>(*target_offset), *keep_old == 1);
  }
  return Napi::Number::New(env, result);
}

Napi::Value read_memory(const Napi::CallbackInfo& info) {
  return transfer(info, "target", [](pid_t process, const iovec* ours, const iovec* mapped) {
    return process_vm_readv(process, ours, 1, mapped, 1, 0);
  });
}

Napi::Value write_memory(const Napi::CallbackInfo& info) {
  return transfer(info, "source", [](pid_t process, const iovec* ours, const iovec* mapped) {
    return process_vm_writev(process, ours, 1, mapped, 1, 0);
  });
}

}  // namespace amdgpu_svm
