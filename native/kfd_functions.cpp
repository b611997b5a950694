#include "kfd_functions.h"

#include <fcntl.h>

#include <cerrno>
#include <memory>
#include <utility>

#include "addon_state.h"
#include "arguments.h"
#include "device_handle.h"
#include "guarded_block.h"
#include "handle.h"
#include "kfd.h"
#include "kfd_queue.h"
#include "lent_buffer.h"

namespace amdgpu_svm {

namespace {

constexpr size_t kSmallestRing = 4096;
constexpr size_t kLargestRing = 1 << 20;
constexpr size_t kLargestBuffer = 1 << 26;
// A thread that is being terminated waits for waits under way.
constexpr uint32_t kLongestWait = 100;

class KfdHandle {
 public:
  static constexpr napi_type_tag kTypeTag = {0x2d9a7c61b3e84f05, 0x9b1e5a0c7d3f4826};
  static constexpr const char* kTypeName = "a handle that kfdOpen() returned";
  explicit KfdHandle(std::shared_ptr<Kfd> file) : kfd(std::move(file)) {}
  std::shared_ptr<Kfd> kfd;  // null after close
};

// A buffer as long as JavaScript may reach its bytes.
struct Loan {
  std::shared_ptr<KfdBuffer> buffer;
};

// Both null before it is lent.
struct LentMemory {
  std::shared_ptr<Loan> loan;
  std::weak_ptr<LentBuffer> view;

  // Takes the bytes from JavaScript. Those that were moved to another ArrayBuffer keep their buffer object.
  void end() {
    const auto lent = view.lock();
    if (loan && (!lent || lent->detach())) loan->buffer.reset();
    loan.reset();
  }
};

class KfdQueueHandle {
 public:
  static constexpr napi_type_tag kTypeTag = {0x7e14c2d05a9b4f63, 0x8c6d1b2e0f7a4935};
  static constexpr const char* kTypeName = "a handle that kfdCreateQueue() returned";
  explicit KfdQueueHandle(std::shared_ptr<KfdQueue> made) : queue(std::move(made)) {}
  KfdQueueHandle(const KfdQueueHandle&) = delete;
  KfdQueueHandle& operator=(const KfdQueueHandle&) = delete;
  ~KfdQueueHandle() {
    if (queue) queue->stop();
    // The ArrayBuffers may outlive the handle; then they keep their memory.
  }
  std::shared_ptr<KfdQueue> queue;  // null after close
  LentMemory ring;
  LentMemory bounce;
};

Napi::Value refusal_object(Napi::Env env, const KfdRefusal& refusal) {
  Napi::Object answer = Napi::Object::New(env);
  answer.Set("call", refusal.call);
  answer.Set("errno", refusal.error);
  return answer;
}

// Of the ring or the bounce buffer, as bytes. False after a refusal or an exception.
bool lend(Napi::Env env, Napi::Object answer, const char* name, uint8_t* data, size_t length,
          const std::shared_ptr<KfdBuffer>& buffer, LentMemory& lent, KfdRefusal& refusal) {
  lent.loan = std::make_shared<Loan>(Loan{buffer});
  const LentBuffer::Made made = LentBuffer::make(env, data, length, lent.loan);
  if (made.status == napi_no_external_buffers_allowed) {
    refusal = {"ArrayBuffer over native memory", -ENOTSUP};
    return false;
  }
  if (made.status != napi_ok) {
    Napi::Error::New(env).ThrowAsJavaScriptException();
    return false;
  }
  lent.view = made.lent;
  answer.Set(name, Napi::Value(env, made.array_buffer));
  return true;
}

// Polls the fence on a thread of the pool.
class FenceWaiter : public Napi::AsyncWorker {
 public:
  FenceWaiter(Napi::Env env, std::shared_ptr<KfdQueue> queue, uint32_t value, uint32_t milliseconds,
              napi_deferred deferred)
      : Napi::AsyncWorker(env, "amdgpu_svm.kfdWait"),
        queue_(std::move(queue)),
        value_(value),
        milliseconds_(milliseconds),
        deferred_(deferred) {}

 protected:
  void Execute() override { done_ = queue_->wait(value_, milliseconds_); }
  void OnOK() override {
    napi_value result = nullptr;
    napi_get_boolean(Env(), done_, &result);
    // Fails while the environment is being torn down; nobody is left to tell.
    napi_resolve_deferred(Env(), deferred_, result);
  }

 private:
  std::shared_ptr<KfdQueue> queue_;
  uint32_t value_;
  uint32_t milliseconds_;
  napi_deferred deferred_;
  bool done_ = false;
};

KfdQueueHandle* queue_argument(const Napi::CallbackInfo& info) {
  return handle_argument<KfdQueueHandle>(info.Env(), info[0], "queue");
}

}  // namespace

Napi::Value kfd_open(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  const auto path = path_argument(env, info[0], "path");
  if (!path) return env.Undefined();
  int descriptor = -1;
  do {
    descriptor = ::open(path->c_str(), O_RDWR | O_CLOEXEC | O_NOCTTY);
  } while (descriptor == -1 && errno == EINTR);
  if (descriptor == -1) return refusal_object(env, {"open", -errno});
  auto kfd = std::make_shared<Kfd>(FileDescriptor(descriptor));
  KfdVersion version{};
  const int result = kfd->call(kKfdGetVersion, version);
  if (result < 0) return refusal_object(env, {"AMDKFD_IOC_GET_VERSION", result});
  napi_value handle = make_handle(env, std::make_unique<KfdHandle>(std::move(kfd)));
  if (handle == nullptr) return Napi::Value();
  Napi::Object answer = Napi::Object::New(env);
  answer.Set("handle", Napi::Value(env, handle));
  answer.Set("major", static_cast<double>(version.major));
  answer.Set("minor", static_cast<double>(version.minor));
  return answer;
}

Napi::Value kfd_acquire(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  KfdHandle* const handle = handle_argument<KfdHandle>(env, info[0], "kfd");
  if (handle == nullptr) return env.Undefined();
  DeviceHandle* const device = DeviceHandle::argument(env, *AddonState::of(env).handles(), info[1]);
  if (device == nullptr) return env.Undefined();
  const auto gpu = integer_argument(env, info[2], "gpu", 1, UINT32_MAX);
  if (!gpu) return env.Undefined();
  if (!handle->kfd || device->device()->closed()) return Napi::Number::New(env, -EBADF);
  return Napi::Number::New(env, handle->kfd->acquire(device->device(), static_cast<uint32_t>(*gpu)));
}

Napi::Value kfd_set_xnack(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  KfdHandle* const handle = handle_argument<KfdHandle>(env, info[0], "kfd");
  if (handle == nullptr) return env.Undefined();
  const auto enabled = integer_argument(env, info[1], "enabled", 0, 1);
  if (!enabled) return env.Undefined();
  if (!handle->kfd) return Napi::Number::New(env, -EBADF);
  KfdXnackMode mode{static_cast<int32_t>(*enabled)};
  return Napi::Number::New(env, handle->kfd->call(kKfdSetXnackMode, mode));
}

Napi::Value kfd_close(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  KfdHandle* const handle = handle_argument<KfdHandle>(env, info[0], "kfd");
  if (handle != nullptr) handle->kfd.reset();
  return env.Undefined();
}

Napi::Value kfd_create_queue(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  KfdHandle* const handle = handle_argument<KfdHandle>(env, info[0], "kfd");
  if (handle == nullptr) return env.Undefined();
  const auto ring_bytes = integer_argument(env, info[1], "ringBytes", kSmallestRing, kLargestRing);
  if (!ring_bytes) return env.Undefined();
  const auto buffer_bytes = integer_argument(env, info[2], "bufferBytes", page_size(), kLargestBuffer);
  if (!buffer_bytes) return env.Undefined();
  if ((*ring_bytes & (*ring_bytes - 1)) != 0 || *ring_bytes % page_size() != 0) {
    throw_range_error(env, "ringBytes: must be a power of two and a multiple of the page size");
    return env.Undefined();
  }
  if (*buffer_bytes % page_size() != 0) {
    throw_range_error(env, "bufferBytes: must be a multiple of the page size");
    return env.Undefined();
  }
  KfdRefusal refusal{"AMDKFD_IOC_ACQUIRE_VM", -EBADF};
  if (!handle->kfd || !handle->kfd->device() || handle->kfd->device()->closed()) return refusal_object(env, refusal);
  std::shared_ptr<KfdQueue> queue = KfdQueue::create(handle->kfd, static_cast<size_t>(*ring_bytes),
                                                     static_cast<size_t>(*buffer_bytes), refusal);
  if (!queue) return refusal_object(env, refusal);

  auto own = std::make_unique<KfdQueueHandle>(queue);
  Napi::Object answer = Napi::Object::New(env);
  if (!lend(env, answer, "ring", queue->ring()->base(), queue->ring()->size(), queue->ring(), own->ring, refusal) ||
      !lend(env, answer, "buffer", queue->bounce(), queue->bounce_bytes(), queue->data(), own->bounce, refusal)) {
    if (env.IsExceptionPending()) return Napi::Value();
    own->ring.end();
    return refusal_object(env, refusal);
  }
  napi_value made = make_handle(env, std::move(own));
  if (made == nullptr) return Napi::Value();
  answer.Set("handle", Napi::Value(env, made));
  answer.Set("bufferAddress", Napi::BigInt::New(env, static_cast<uint64_t>(reinterpret_cast<uintptr_t>(queue->bounce()))));
  answer.Set("fenceAddress", Napi::BigInt::New(env, queue->data()->address()));
  return answer;
}

Napi::Value kfd_fetched(const Napi::CallbackInfo& info) {
  KfdQueueHandle* const handle = queue_argument(info);
  if (handle == nullptr) return info.Env().Undefined();
  if (!handle->queue) return Napi::Number::New(info.Env(), -EBADF);
  return Napi::Number::New(info.Env(), static_cast<double>(handle->queue->fetched()));
}

Napi::Value kfd_fenced(const Napi::CallbackInfo& info) {
  KfdQueueHandle* const handle = queue_argument(info);
  if (handle == nullptr) return info.Env().Undefined();
  if (!handle->queue) return Napi::Number::New(info.Env(), -EBADF);
  return Napi::Number::New(info.Env(), handle->queue->fenced());
}

Napi::Value kfd_submit(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  KfdQueueHandle* const handle = queue_argument(info);
  if (handle == nullptr) return env.Undefined();
  const auto written = integer_argument(env, info[1], "written", 0, kMaximumSafeInteger);
  if (!written) return env.Undefined();
  if (*written % 4 != 0) {
    throw_range_error(env, "written: must be a multiple of 4");
    return env.Undefined();
  }
  if (!handle->queue) return Napi::Number::New(env, -EBADF);
  handle->queue->submit(*written);
  return Napi::Number::New(env, 0);
}

Napi::Value kfd_wait(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  KfdQueueHandle* const handle = queue_argument(info);
  if (handle == nullptr) return env.Undefined();
  const auto value = integer_argument(env, info[1], "value", 0, UINT32_MAX);
  if (!value) return env.Undefined();
  const auto milliseconds = integer_argument(env, info[2], "milliseconds", 0, kLongestWait);
  if (!milliseconds) return env.Undefined();
  napi_deferred deferred = nullptr;
  napi_value promise = nullptr;
  if (napi_create_promise(env, &deferred, &promise) != napi_ok) return Napi::Value();
  if (!handle->queue) {
    napi_resolve_deferred(env, deferred, Napi::Boolean::New(env, false));
    return Napi::Value(env, promise);
  }
  auto waiter = std::make_unique<FenceWaiter>(env, handle->queue, static_cast<uint32_t>(*value),
                                              static_cast<uint32_t>(*milliseconds), deferred);
  waiter.release()->Queue();  // deletes itself after OnOK
  return Napi::Value(env, promise);
}

Napi::Value kfd_event(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  KfdQueueHandle* const handle = queue_argument(info);
  if (handle == nullptr || !handle->queue) return env.Undefined();
  const auto incident = handle->queue->take_incident();
  if (!incident) return env.Undefined();
  Napi::Object answer = Napi::Object::New(env);
  switch (incident->kind) {
    case KfdIncident::Kind::Memory:
      answer.Set("kind", "memory");
      answer.Set("address", Napi::BigInt::New(env, incident->address));
      answer.Set("readOnly", incident->read_only);
      break;
    case KfdIncident::Kind::Reset:
      answer.Set("kind", "reset");
      answer.Set("type", static_cast<double>(incident->reset_type));
      answer.Set("cause", static_cast<double>(incident->reset_cause));
      answer.Set("memoryLost", incident->memory_lost);
      break;
    case KfdIncident::Kind::Failed:
      answer.Set("kind", "failed");
      answer.Set("errno", incident->error);
      break;
  }
  return answer;
}

Napi::Value kfd_close_queue(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  KfdQueueHandle* const handle = queue_argument(info);
  if (handle == nullptr || !handle->queue) return env.Undefined();
  handle->ring.end();
  handle->bounce.end();
  handle->queue->stop();
  handle->queue.reset();
  return env.Undefined();
}

}  // namespace amdgpu_svm
