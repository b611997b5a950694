// Protected pages that somebody may still access.
//
// An asynchronous function of Node (crypto.randomFill) works on a thread of the pool with the address that it was given.
// When JavaScript protects those pages meanwhile, the next access there would end the process. What the kernel does for
// I/O on pinned pages is done here as well: what was begun goes on. The first fault inside a guarded interval makes it
// readable and writable, and the access is repeated; the owner of the interval puts the protection back later.
//
// That takes a handler of SIGSEGV, the one thing of this addon that belongs to the process. It is installed with the
// first guard, so only where pages are protected while an ArrayBuffer over them may be in use, and passes everything
// else on to the handler before it (WebAssembly's, a sanitizer's).
#ifndef AMDGPU_SVM_FAULT_GUARD_H
#define AMDGPU_SVM_FAULT_GUARD_H

#include <cstddef>
#include <cstdint>

namespace amdgpu_svm {

// The guard of one interval. Used on one thread; faults come from any.
class FaultGuard {
 public:
  FaultGuard() = default;
  FaultGuard(const FaultGuard&) = delete;
  FaultGuard& operator=(const FaultGuard&) = delete;
  ~FaultGuard() { disarm(); }

  // From now on a fault inside [begin, begin + size) makes all of it readable and writable. The whole interval has to
  // be the caller's until disarm(). Does nothing when it is armed.
  void arm(uint8_t* begin, size_t size);
  // The interval may be given away afterwards.
  void disarm();
  // Whether a protection was lifted since this was asked last, or may be just now.
  bool take_lifted();

  struct Slot;

 private:
  Slot* slot_ = nullptr;
};

}  // namespace amdgpu_svm

#endif
