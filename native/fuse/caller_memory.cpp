#include "caller_memory.h"

#include <sys/uio.h>

#include <cerrno>
#include <cstdio>

namespace amdgpu_svm::fuse {

// The caller only sees EFAULT; who runs the server should learn the real reason.
static bool complete(ssize_t count, size_t wanted, pid_t thread) {
  if (count >= 0) return static_cast<size_t>(count) == wanted;
  if (errno == EPERM) {
    std::fprintf(stderr,
                 "the memory of process %d can't be reached: Operation not permitted (serve as root, or as the user "
                 "of the clients with kernel.yama.ptrace_scope = 0; a program that is not dumpable needs root)\n",
                 static_cast<int>(thread));
  }
  return false;
}

bool copy_from_caller(pid_t thread, uint64_t address, std::span<uint8_t> target) {
  const iovec local{target.data(), target.size()};
  const iovec remote{reinterpret_cast<void*>(address), target.size()};
  return complete(::process_vm_readv(thread, &local, 1, &remote, 1, 0), target.size(), thread);
}

bool copy_to_caller(pid_t thread, uint64_t address, std::span<const uint8_t> source) {
  const iovec local{const_cast<uint8_t*>(source.data()), source.size()};
  const iovec remote{reinterpret_cast<void*>(address), source.size()};
  return complete(::process_vm_writev(thread, &local, 1, &remote, 1, 0), source.size(), thread);
}

}  // namespace amdgpu_svm::fuse
