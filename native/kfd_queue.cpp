#include "kfd_queue.h"

#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

#include "guarded_block.h"

namespace amdgpu_svm {

namespace {

// In the page of the pointers, each in a cache line of its own.
constexpr size_t kReadPointer = 0x80;
constexpr size_t kWritePointer = 0x40;
// Between two looks at the fence: a sixteenth of what was waited so far, so that no wait takes much longer than the work.
constexpr std::chrono::nanoseconds kShortestNap{20'000};
constexpr std::chrono::nanoseconds kLongestNap{500'000};
constexpr int kPartOfWait = 16;
// Between two questions for events, each a system call.
constexpr std::chrono::milliseconds kEventInterval{10};

uint64_t* word_at(const KfdBuffer& buffer, size_t offset) { return reinterpret_cast<uint64_t*>(buffer.base() + offset); }

// Lets timers of this thread end when they are due, while it exists: the kernel may make them 50 us late otherwise.
class ExactTimers {
 public:
  ExactTimers() : slack_(prctl(PR_GET_TIMERSLACK)) { prctl(PR_SET_TIMERSLACK, 1UL); }
  ~ExactTimers() {
    if (slack_ > 0) prctl(PR_SET_TIMERSLACK, static_cast<unsigned long>(slack_));
  }
  ExactTimers(const ExactTimers&) = delete;
  ExactTimers& operator=(const ExactTimers&) = delete;

 private:
  int slack_;
};

}  // namespace

int KfdEvent::create(const Kfd& kfd, uint32_t type) {
  KfdCreateEvent argument{};
  argument.event_type = type;
  // RESET_EVENT works on signals only: these reset themselves.
  argument.auto_reset = 1;
  const int result = kfd.call(kKfdCreateEvent, argument);
  if (result < 0) return result;
  kfd_ = &kfd;
  id_ = argument.event_id;
  return 0;
}

KfdEvent::~KfdEvent() {
  if (kfd_ == nullptr) return;
  KfdDestroyEvent argument{id_, 0};
  kfd_->call(kKfdDestroyEvent, argument);
}

std::shared_ptr<KfdQueue> KfdQueue::create(std::shared_ptr<Kfd> kfd, size_t ring_bytes, size_t buffer_bytes,
                                           KfdRefusal& refusal) {
  std::shared_ptr<KfdQueue> queue(new KfdQueue(std::move(kfd)));
  const Kfd& file = *queue->kfd_;
  int result = queue->memory_event_.create(file, kKfdEventMemory);
  if (result == 0) result = queue->reset_event_.create(file, kKfdEventReset);
  if (result < 0) {
    refusal = {"AMDKFD_IOC_CREATE_EVENT", result};
    return nullptr;
  }
  // Newer kernels want the ring as one buffer of exactly its size, and the pointers in one of exactly a page.
  queue->ring_ = KfdBuffer::create(queue->kfd_, ring_bytes, refusal);
  if (queue->ring_) queue->control_ = KfdBuffer::create(queue->kfd_, page_size(), refusal);
  if (queue->control_) queue->data_ = KfdBuffer::create(queue->kfd_, page_size() + buffer_bytes, refusal);
  if (!queue->data_) return nullptr;
  std::memset(queue->control_->base(), 0, page_size());
  std::memset(queue->data_->base(), 0, page_size());
  return queue->create_queue(refusal) == 0 ? queue : nullptr;
}

int KfdQueue::create_queue(KfdRefusal& refusal) {
  KfdCreateQueue argument{};
  argument.ring_base_address = ring_->address();
  argument.write_pointer_address = control_->address() + kWritePointer;
  argument.read_pointer_address = control_->address() + kReadPointer;
  argument.ring_size = static_cast<uint32_t>(ring_->size());
  argument.gpu_id = kfd_->gpu();
  argument.queue_type = kKfdQueueSdma;
  argument.queue_percentage = 100;
  argument.queue_priority = 7;
  const int result = kfd_->call(kKfdCreateQueue, argument);
  if (result < 0) {
    refusal = {"AMDKFD_IOC_CREATE_QUEUE", result};
    return result;
  }
  id_ = argument.queue_id;
  made_ = true;
  // 64 bits all the way: the real offset has bit 63 set.
  const uint64_t within = argument.doorbell_offset % kKfdDoorbellFrame;
  const auto frame = static_cast<off_t>(argument.doorbell_offset - within);
  void* const mapped = mmap(nullptr, kKfdDoorbellFrame, PROT_READ | PROT_WRITE, MAP_SHARED, kfd_->number(), frame);
  if (mapped == MAP_FAILED) {
    refusal = {"mmap of the doorbells", -errno};
    return -errno;
  }
  doorbells_ = static_cast<uint8_t*>(mapped);
  doorbell_ = reinterpret_cast<uint64_t*>(doorbells_ + within);
  return 0;
}

KfdQueue::~KfdQueue() {
  if (made_) {
    KfdDestroyQueue argument{id_, 0};
    // Also where it fails the queue is gone.
    kfd_->call(kKfdDestroyQueue, argument);
  }
  if (doorbells_ != nullptr) munmap(doorbells_, kKfdDoorbellFrame);
}

uint8_t* KfdQueue::bounce() const { return data_->base() + page_size(); }

size_t KfdQueue::bounce_bytes() const { return data_->size() - page_size(); }

uint64_t KfdQueue::fetched() const { return __atomic_load_n(word_at(*control_, kReadPointer), __ATOMIC_ACQUIRE); }

uint32_t KfdQueue::fenced() const {
  return __atomic_load_n(reinterpret_cast<uint32_t*>(data_->base()), __ATOMIC_ACQUIRE);
}

void KfdQueue::submit(uint64_t written) {
  // Packets before the pointer, the pointer before the doorbell, which is one aligned store.
  __atomic_store_n(word_at(*control_, kWritePointer), written, __ATOMIC_RELEASE);
  __atomic_thread_fence(__ATOMIC_RELEASE);
  __atomic_store_n(doorbell_, written, __ATOMIC_RELEASE);
}

bool KfdQueue::wait(uint32_t value, uint32_t milliseconds) {
  using Clock = std::chrono::steady_clock;
  const ExactTimers exact;
  const Clock::time_point begin = Clock::now();
  const Clock::time_point end = begin + std::chrono::milliseconds(milliseconds);
  Clock::time_point next_question = begin + kEventInterval;
  for (;;) {
    if (fenced() == value) return true;
    if (stopped_.load(std::memory_order_relaxed)) return false;
    const Clock::time_point now = Clock::now();
    const bool over = now >= end;
    if (over || now >= next_question) {
      // What was fenced before the event came is done all the same.
      if (incident_came()) return fenced() == value;
      next_question = now + kEventInterval;
    }
    if (over) return false;
    const auto nap = std::clamp<std::chrono::nanoseconds>((now - begin) / kPartOfWait, kShortestNap, kLongestNap);
    const timespec pause{0, static_cast<long>(nap.count())};
    nanosleep(&pause, nullptr);
  }
}

bool KfdQueue::incident_came() {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (happened_) return true;
  KfdEventData events[2] = {};
  events[0].event_id = memory_event_.id();
  events[1].event_id = reset_event_.id();
  KfdWaitEvents argument{reinterpret_cast<uintptr_t>(events), 2, 0, 0, 0};
  const int result = kfd_->call(kKfdWaitEvents, argument);
  if (result < 0) {
    KfdIncident failed;
    failed.kind = KfdIncident::Kind::Failed;
    failed.error = result;
    incident_ = failed;
  } else if (argument.result == kKfdWaitComplete && events[1].reset.gpu_id != 0) {
    KfdIncident reset;
    reset.kind = KfdIncident::Kind::Reset;
    reset.reset_type = events[1].reset.reset_type;
    reset.reset_cause = events[1].reset.reset_cause;
    reset.memory_lost = events[1].reset.memory_lost != 0;
    incident_ = reset;
  } else if (argument.result == kKfdWaitComplete && events[0].memory.gpu_id != 0) {
    KfdIncident memory;
    memory.address = events[0].memory.address;
    memory.read_only = events[0].memory.read_only != 0;
    incident_ = memory;
  }
  happened_ = incident_.has_value();
  return happened_;
}

std::optional<KfdIncident> KfdQueue::take_incident() {
  const std::lock_guard<std::mutex> lock(mutex_);
  return std::exchange(incident_, std::nullopt);
}

}  // namespace amdgpu_svm
