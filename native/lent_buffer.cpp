#include "lent_buffer.h"

#include <utility>

#include "addon_state.h"

namespace amdgpu_svm {

// What a finalizer owns: one of the two parts in a buffer.
struct LentBuffer::Share {
  std::shared_ptr<LentBuffer> lent;
};

LentBuffer::Made LentBuffer::make(napi_env env, uint8_t* data, size_t length, std::shared_ptr<void> keeper) {
  const std::shared_ptr<LentBuffer> lent(new LentBuffer(env, std::move(keeper)));
  const auto bytes_finalizer = [](napi_env, void*, void* hint) {
    const std::unique_ptr<Share> share(static_cast<Share*>(hint));
    share->lent->bytes_ended();
  };
  const auto object_finalizer = [](napi_env, void* share, void*) { delete static_cast<Share*>(share); };
  napi_value array_buffer = nullptr;
  auto bytes_share = std::make_unique<Share>(Share{lent});
  napi_status status =
      napi_create_external_arraybuffer(env, data, length, bytes_finalizer, bytes_share.get(), &array_buffer);
  if (status == napi_no_external_buffers_allowed) return {status, nullptr, {}};
  // In every other case Node runs the finalizer, also after a failure.
  bytes_share.release();
  if (status != napi_ok) return {status, nullptr, {}};

  auto object_share = std::make_unique<Share>(Share{lent});
  status = napi_add_finalizer(env, array_buffer, object_share.get(), object_finalizer, nullptr, nullptr);
  if (status == napi_ok) {
    object_share.release();
    status = napi_create_reference(env, array_buffer, 0, &lent->object_);
  }
  if (status == napi_ok) status = lent->add_sentinel(data);
  if (status != napi_ok) {
    // Nobody has seen it yet.
    napi_detach_arraybuffer(env, array_buffer);
    lent->detached_ = true;
    return {status, nullptr, {}};
  }
  return {napi_ok, array_buffer, lent};
}

napi_status LentBuffer::add_sentinel(uint8_t* data) {
  auto observer = std::make_unique<std::weak_ptr<LentBuffer>>(weak_from_this());
  const auto finalizer = [](napi_env, void*, void* hint) {
    const std::unique_ptr<std::weak_ptr<LentBuffer>> own(static_cast<std::weak_ptr<LentBuffer>*>(hint));
    // Held strongly as long as the bytes exist: only the end of the environment comes before theirs.
    const auto lent = own->lock();
    if (lent && lent->bytes_exist_) lent->environment_ends();
  };
  napi_value sentinel = nullptr;
  const napi_status status = napi_create_external_arraybuffer(env_, data, 1, finalizer, observer.get(), &sentinel);
  observer.release();
  return status == napi_ok ? napi_create_reference(env_, sentinel, 1, &sentinel_) : status;
}

LentBuffer::~LentBuffer() {
  if (object_ != nullptr) napi_delete_reference(env_, object_);
}

napi_value LentBuffer::current() const {
  napi_value object = nullptr;
  if (napi_get_reference_value(env_, object_, &object) != napi_ok || object == nullptr) return nullptr;
  bool detached = true;
  napi_is_detached_arraybuffer(env_, object, &detached);
  return detached ? nullptr : object;
}

// A program may have forbidden it by worker_threads.markAsUntransferable: from Node 24 on
// that sets a key, without which napi_detach_arraybuffer ends the process. Where the engine
// has ArrayBuffer.prototype.transfer, that one throws instead.
static bool detach_array_buffer(Napi::Env env, napi_value object) {
  const Napi::FunctionReference& transfer = AddonState::of(env).transfer_array_buffer();
  if (transfer.IsEmpty()) return napi_detach_arraybuffer(env, object) == napi_ok;
  napi_value length = nullptr;
  napi_value moved = nullptr;
  if (napi_create_uint32(env, 0, &length) != napi_ok) return false;
  if (napi_call_function(env, object, transfer.Value(), 1, &length, &moved) != napi_ok) {
    napi_value refusal = nullptr;
    napi_get_and_clear_last_exception(env, &refusal);
  }
  bool detached = false;
  return napi_is_detached_arraybuffer(env, object, &detached) == napi_ok && detached;
}

bool LentBuffer::detach() {
  if (moved()) return false;
  if (napi_value object = current()) {
    if (!detach_array_buffer(env_, object)) return false;
  }
  detached_ = true;
  return true;
}

void LentBuffer::bytes_ended() {
  bytes_exist_ = false;
  if (sentinel_ != nullptr) napi_delete_reference(env_, sentinel_);
  sentinel_ = nullptr;
}

void LentBuffer::environment_ends() {
  const Napi::HandleScope scope(env_);
  if (!moved()) return;
  // Another thread may use the bytes for as long as the process lives, and nobody
  // will tell when it has ended: they are kept for good.
  new std::shared_ptr<void>(keeper_);
}

}  // namespace amdgpu_svm
