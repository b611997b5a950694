#include "file_question.h"

#include <linux/ioctl.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>

namespace amdgpu_svm::fuse {

// A type that no driver has.
const unsigned kWhichFile = _IOR(0xa5, 1, uint64_t);

namespace {

// glibc has them in later versions only.
int pidfd_open(pid_t process) { return static_cast<int>(::syscall(SYS_pidfd_open, process, 0)); }
int pidfd_getfd(int process, int descriptor) {
  return static_cast<int>(::syscall(SYS_pidfd_getfd, process, descriptor, 0));
}

// The process of a thread, 0 if it has gone.
pid_t process_of(pid_t thread) {
  const std::string path = "/proc/" + std::to_string(thread) + "/status";
  FILE* const status = std::fopen(path.c_str(), "re");
  if (status == nullptr) return 0;
  pid_t process = 0;
  char line[256];
  // A name has no line end of its own here: the kernel escapes it.
  while (process == 0 && std::fgets(line, sizeof(line), status) != nullptr) {
    if (std::sscanf(line, "Tgid: %d", &process) != 1) process = 0;
  }
  std::fclose(status);
  return process;
}

// Of the child, which only calls what may be called after fork.
[[noreturn]] void ask(int file) {
  ::dup2(file, 0);
  if (::syscall(SYS_close_range, 1u, ~0u, 0u) != 0) {
    for (int each = 1; each < 4096; ++each) ::close(each);
  }
  struct statfs system = {};
  uint64_t number = 0;
  // Any driver might take a number for one of its own; files of FUSE have none.
  if (::fstatfs(0, &system) == 0 && system.f_type == FUSE_SUPER_MAGIC) ::ioctl(0, kWhichFile, &number);
  ::_exit(0);
}

}  // namespace

FileQuestion::FileQuestion(pid_t thread, int descriptor) {
  const int process = pidfd_open(process_of(thread));
  if (process < 0) {
    error_ = errno;
    return;
  }
  const int file = pidfd_getfd(process, descriptor);
  error_ = file < 0 ? errno : 0;
  ::close(process);
  if (file < 0) return;
  child_ = ::fork();
  if (child_ == 0) ask(file);
  error_ = child_ < 0 ? errno : 0;
  ::close(file);
  if (child_ < 0) return;
  ended_ = pidfd_open(child_);
  if (ended_ < 0) error_ = errno;
}

FileQuestion::~FileQuestion() {
  if (child_ > 0) ::waitpid(child_, nullptr, 0);
  if (ended_ >= 0) ::close(ended_);
}

FileQuestion::FileQuestion(FileQuestion&& other) noexcept
    : error_(other.error_),
      child_(std::exchange(other.child_, -1)),
      ended_(std::exchange(other.ended_, -1)),
      file_(other.file_) {}

}  // namespace amdgpu_svm::fuse
