// The EINTR/EAGAIN policy of every ioctl of the addon.
#ifndef AMDGPU_SVM_RESTART_H
#define AMDGPU_SVM_RESTART_H

#include <cerrno>

namespace amdgpu_svm {

// libdrm restarts forever. A device that keeps answering EAGAIN would then
// hang the JavaScript thread for good, so after this many restarts the errno is
// handed out instead.
inline constexpr int kMaximumRestarts = 1000;

// Calls `call` (which answers -1 and errno on failure, as system calls do) and
// calls it again as long as it is interrupted. The result or a negative errno.
template <typename Call>
int restarted(Call call) {
  for (int restarts = 0;; ++restarts) {
    const int result = call();
    if (result != -1) return result;
    const int error = errno;
    const bool interrupted = error == EINTR || error == EAGAIN;
    if (!interrupted || restarts == kMaximumRestarts) return -error;
  }
}

}  // namespace amdgpu_svm

#endif
