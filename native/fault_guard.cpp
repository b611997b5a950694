#include "fault_guard.h"

#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <ucontext.h>

#include <atomic>
#include <cerrno>
#include <new>

namespace amdgpu_svm {

// What the handler sees of a guard. Slots are never freed, only used again: a handler may be looking at one.
struct FaultGuard::Slot {
  std::atomic<uintptr_t> begin{0};
  std::atomic<uintptr_t> end{0};  // 0: guards nothing
  std::atomic<bool> lifted{false};
  std::atomic<bool> taken{true};
  Slot* next = nullptr;
};

namespace {

using Slot = FaultGuard::Slot;

// Of the process, not of an environment: signals are the process's. The addon is linked with -z nodelete, so that the
// handler stays when the last worker that had loaded it ends.
std::atomic<Slot*> slots{nullptr};
std::atomic<int> handlers_under_way{0};
struct sigaction previous = {};

static_assert(std::atomic<uintptr_t>::is_always_lock_free && std::atomic<bool>::is_always_lock_free);

// Everything below is safe in a signal handler: atomics and system calls.
bool lift(uintptr_t address) {
  bool lifted = false;
  handlers_under_way.fetch_add(1);
  for (Slot* slot = slots.load(); slot != nullptr && !lifted; slot = slot->next) {
    const uintptr_t end = slot->end.load();
    const uintptr_t begin = slot->begin.load();
    if (end == 0 || address < begin || address >= end) continue;
    // Noted before, so that the owner never misses it, and after, as the owner may have looked in between.
    slot->lifted.store(true);
    lifted = ::mprotect(reinterpret_cast<void*>(begin), end - begin, PROT_READ | PROT_WRITE) == 0;
    slot->lifted.store(true);
  }
  handlers_under_way.fetch_sub(1);
  return lifted;
}

// A jump into pages without PROT_EXEC: nothing that readable pages would cure.
bool is_instruction_fetch([[maybe_unused]] const void* context, [[maybe_unused]] uintptr_t address) {
#if defined(__x86_64__)
  return static_cast<uintptr_t>(static_cast<const ucontext_t*>(context)->uc_mcontext.gregs[REG_RIP]) == address;
#elif defined(__aarch64__)
  return static_cast<const ucontext_t*>(context)->uc_mcontext.pc == address;
#else
  return false;
#endif
}

void pass_on(int signal, siginfo_t* info, void* context) {
  if ((previous.sa_flags & SA_SIGINFO) != 0) {
    previous.sa_sigaction(signal, info, context);
  } else if (previous.sa_handler != SIG_DFL && previous.sa_handler != SIG_IGN) {
    previous.sa_handler(signal);
  } else {
    // As if there were no handler: a fault is repeated and ends the process, a signal that was sent is sent again.
    ::sigaction(signal, &previous, nullptr);
    if (info->si_code <= 0) ::raise(signal);
  }
}

void on_fault(int signal, siginfo_t* info, void* context) {
  const int kept = errno;
  const auto address = reinterpret_cast<uintptr_t>(info->si_addr);
  const bool cured = info->si_code == SEGV_ACCERR && !is_instruction_fetch(context, address) && lift(address);
  errno = kept;
  if (!cured) pass_on(signal, info, context);
}

bool install() {
  if (::sigaction(SIGSEGV, nullptr, &previous) != 0) return false;
  struct sigaction action = {};
  action.sa_sigaction = on_fault;
  // Where and under which signals the handler before expects to run.
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | (previous.sa_flags & SA_NODEFER);
  action.sa_mask = previous.sa_mask;
  return ::sigaction(SIGSEGV, &action, nullptr) == 0;
}

// One that nobody has, or a new one; null without memory.
Slot* take_slot() {
  for (Slot* slot = slots.load(); slot != nullptr; slot = slot->next) {
    bool free = false;
    if (slot->taken.compare_exchange_strong(free, true)) return slot;
  }
  auto* const slot = new (std::nothrow) Slot;
  if (slot == nullptr) return nullptr;
  slot->next = slots.load();
  while (!slots.compare_exchange_weak(slot->next, slot)) {
  }
  return slot;
}

}  // namespace

void FaultGuard::arm(uint8_t* begin, size_t size) {
  if (slot_ != nullptr) return;
  static const bool installed = install();
  if (!installed) return;
  slot_ = take_slot();
  if (slot_ == nullptr) return;
  const auto start = reinterpret_cast<uintptr_t>(begin);
  slot_->lifted.store(false);
  slot_->begin.store(start);
  slot_->end.store(start + size);
}

void FaultGuard::disarm() {
  if (slot_ == nullptr) return;
  slot_->end.store(0);
  // One that has read the interval before may be about to change its protection.
  while (handlers_under_way.load() != 0) ::sched_yield();
  slot_->taken.store(false);
  slot_ = nullptr;
}

bool FaultGuard::take_lifted() { return slot_ != nullptr && slot_->lifted.exchange(false); }

}  // namespace amdgpu_svm
