// One SDMA user queue of KFD: its ring, pointers, doorbell, fence and events.
#ifndef AMDGPU_SVM_KFD_QUEUE_H
#define AMDGPU_SVM_KFD_QUEUE_H

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>

#include "kfd.h"

namespace amdgpu_svm {

// What an event told. `error` is set where asking for events failed: the GPU has gone.
struct KfdIncident {
  enum class Kind { Memory, Reset, Failed } kind = Kind::Memory;
  uint64_t address = 0;
  bool read_only = false;
  uint32_t reset_type = 0;
  uint32_t reset_cause = 0;
  bool memory_lost = false;
  int error = 0;
};

// An event that is destroyed at its end.
class KfdEvent {
 public:
  KfdEvent() = default;
  KfdEvent(const KfdEvent&) = delete;
  KfdEvent& operator=(const KfdEvent&) = delete;
  ~KfdEvent();
  // 0 or a negative errno.
  int create(const Kfd& kfd, uint32_t type);
  uint32_t id() const { return id_; }

 private:
  const Kfd* kfd_ = nullptr;  // outlives it
  uint32_t id_ = 0;
};

class KfdQueue {
 public:
  // `ring_bytes` is a power of two, both are multiples of the page size. Null after a refusal.
  static std::shared_ptr<KfdQueue> create(std::shared_ptr<Kfd> kfd, size_t ring_bytes, size_t buffer_bytes,
                                          KfdRefusal& refusal);
  KfdQueue(const KfdQueue&) = delete;
  KfdQueue& operator=(const KfdQueue&) = delete;
  ~KfdQueue();

  const std::shared_ptr<KfdBuffer>& ring() const { return ring_; }
  // The fence's page, then the bounce buffer.
  const std::shared_ptr<KfdBuffer>& data() const { return data_; }
  uint8_t* bounce() const;
  size_t bounce_bytes() const;

  // Bytes that the engine has fetched, and the last value that a fence wrote: acquire loads. Any thread.
  uint64_t fetched() const;
  uint32_t fenced() const;
  // Gives the ring up to the count of bytes `written` to the engine.
  void submit(uint64_t written);

  // Waits until fenced() is `value` (true); false when `milliseconds` have passed, something happened that
  // take_incident() tells, or stop() was called. Any thread, one at a time.
  bool wait(uint32_t value, uint32_t milliseconds);
  void stop() { stopped_.store(true, std::memory_order_relaxed); }
  std::optional<KfdIncident> take_incident();

 private:
  explicit KfdQueue(std::shared_ptr<Kfd> kfd) : kfd_(std::move(kfd)) {}
  int create_queue(KfdRefusal& refusal);
  // Asks for events, without waiting; whether there is an incident.
  bool incident_came();

  // Destroyed from the last to the first, after the queue itself.
  std::shared_ptr<Kfd> kfd_;
  KfdEvent memory_event_;
  KfdEvent reset_event_;
  std::shared_ptr<KfdBuffer> ring_;
  std::shared_ptr<KfdBuffer> control_;
  std::shared_ptr<KfdBuffer> data_;
  uint8_t* doorbells_ = nullptr;  // the frame
  uint64_t* doorbell_ = nullptr;
  uint32_t id_ = 0;
  bool made_ = false;
  std::atomic<bool> stopped_{false};
  std::mutex mutex_;  // of the rest
  bool happened_ = false;
  std::optional<KfdIncident> incident_;
};

}  // namespace amdgpu_svm

#endif
