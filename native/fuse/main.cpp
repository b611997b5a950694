// amdgpu-svm-fuse: the FUSE half of `amdgpu-svm serve`.
//
//   amdgpu-svm-fuse MOUNTPOINT NODES SVM [kfd=NAME] [allow_other]
//
// Mounts a directory of NODES render nodes whose SVM ioctl has the number SVM, with a file kfd if that is said, whose
// sessions hear of touched doorbells over the abstract socket NAME, and asks the process at stdin/stdout
// (messages.h) for every open and ioctl. A process of its own, so that the mount
// goes away cleanly when either of the two ends, however it ends: this one unmounts
// at the end of stdin, Node unmounts when this one has died.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "filesystem.h"
#include "listeners.h"
#include "messages.h"

namespace amdgpu_svm::fuse {
namespace {

volatile sig_atomic_t terminated = 0;

// The session and its mount; unmounted when it goes out of scope.
class Mount {
 public:
  Mount(Filesystem& filesystem, const char* mountpoint, bool allow_other) {
    std::string options = "-ofsname=amdgpu-svm,default_permissions";
    if (allow_other) options += ",allow_other";
    char name[] = "amdgpu-svm-fuse";
    char* argv[] = {name, options.data(), nullptr};
    fuse_args args = FUSE_ARGS_INIT(2, argv);
    session_ = fuse_session_new(&args, &Filesystem::operations(), sizeof(fuse_lowlevel_ops), &filesystem);
    fuse_opt_free_args(&args);
    mounted_ = session_ != nullptr && fuse_session_mount(session_, mountpoint) == 0;
  }
  ~Mount() {
    if (mounted_) fuse_session_unmount(session_);
    if (session_ != nullptr) fuse_session_destroy(session_);
    std::free(buffer_.mem);
  }
  Mount(const Mount&) = delete;
  Mount& operator=(const Mount&) = delete;

  bool mounted() const { return mounted_; }
  int descriptor() const { return fuse_session_fd(session_); }

  // Handles one request of the kernel; false when the mount is gone.
  bool serve_one() {
    const int size = fuse_session_receive_buf(session_, &buffer_);
    // The request may have been taken back since poll(2) saw it: then there is nothing.
    if (size == -EINTR || size == -EAGAIN) return true;
    if (size <= 0) return false;
    fuse_session_process_buf(session_, &buffer_);
    return fuse_session_exited(session_) == 0;
  }

 private:
  fuse_session* session_ = nullptr;
  bool mounted_ = false;
  fuse_buf buffer_ = {};
};

void make_nonblocking(int descriptor) { ::fcntl(descriptor, F_SETFL, ::fcntl(descriptor, F_GETFL) | O_NONBLOCK); }

// Waits and serves until Node, the mount or a signal ends it. The exit code.
int serve(Mount& mount, Filesystem& filesystem, Listeners& listeners, Inbox& inbox, Outbox& outbox,
          const sigset_t& waiting_mask) {
  for (;;) {
    std::vector<pollfd> events = {{mount.descriptor(), POLLIN, 0},
                                  {STDIN_FILENO, POLLIN, 0},
                                  {outbox.empty() ? -1 : STDOUT_FILENO, POLLOUT, 0}};
    for (const int question : filesystem.questions()) events.push_back({question, POLLIN, 0});
    const size_t questions = events.size();
    for (const int socket : listeners.descriptors()) events.push_back({socket, POLLIN, 0});
    if (::ppoll(events.data(), events.size(), nullptr, &waiting_mask) < 0) {
      if (errno != EINTR) return 1;
      for (pollfd& event : events) event.revents = 0;
    }
    if (terminated) return 0;
    for (size_t index = 3; index < events.size(); ++index) {
      if (events[index].revents == 0) continue;
      if (index < questions) {
        filesystem.ask_node(events[index].fd);
      } else {
        listeners.handle(events[index].fd);
      }
    }
    if (events[1].revents != 0) {
      const bool more = inbox.fill();
      while (const auto frame = inbox.next()) {
        if (!filesystem.handle(*frame)) std::fprintf(stderr, "an answer that nobody waits for was dropped\n");
      }
      if (inbox.broken()) {
        std::fprintf(stderr, "stdin does not speak the protocol of this program\n");
        return 2;
      }
      if (!more) return 0;
    }
    if (!outbox.flush()) return 0;
    if (events[0].revents != 0 && !mount.serve_one()) {
      std::fprintf(stderr, "the directory was unmounted by somebody else\n");
      return 3;
    }
  }
}

int run(const char* mountpoint, unsigned nodes, unsigned svm_number, const std::optional<std::string>& kfd,
        bool allow_other) {
  // Ctrl-C reaches the whole group; Node decides when its clients are told.
  signal(SIGINT, SIG_IGN);
  signal(SIGHUP, SIG_IGN);
  signal(SIGPIPE, SIG_IGN);
  sigset_t blocked;
  sigset_t waiting_mask;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGTERM);
  sigprocmask(SIG_BLOCK, &blocked, &waiting_mask);
  sigdelset(&waiting_mask, SIGTERM);
  struct sigaction action = {};
  action.sa_handler = [](int) { terminated = 1; };
  sigaction(SIGTERM, &action, nullptr);

  Outbox outbox(STDOUT_FILENO);
  Inbox inbox(STDIN_FILENO);
  Listeners listeners;
  if (const int error = kfd ? listeners.open(*kfd) : 0; error != 0) {
    std::fprintf(stderr, "the socket for touched doorbells cannot be made: %s\n", std::strerror(error));
    return 5;
  }
  Filesystem filesystem(nodes, svm_number, kfd ? &listeners : nullptr, outbox);
  Mount mount(filesystem, mountpoint, allow_other);
  if (!mount.mounted()) return 4;  // libfuse has said why
  make_nonblocking(mount.descriptor());
  make_nonblocking(STDIN_FILENO);
  make_nonblocking(STDOUT_FILENO);
  outbox.send(Frame(Kind::Ready, 0));
  const int code = serve(mount, filesystem, listeners, inbox, outbox, waiting_mask);
  filesystem.fail_pending(ENODEV);
  return code;
}

}  // namespace
}  // namespace amdgpu_svm::fuse

int main(int count, char** arguments) {
  const int nodes = count >= 3 ? std::atoi(arguments[2]) : 0;
  const int svm_number = count >= 4 ? std::atoi(arguments[3]) : 0;
  if (nodes < 1 || nodes > 64 || svm_number < 1 || svm_number > 255) {
    std::fprintf(stderr, "usage: amdgpu-svm-fuse MOUNTPOINT NODES SVM [kfd=NAME] [allow_other]; started by amdgpu-svm serve\n");
    return 2;
  }
  std::optional<std::string> kfd;
  bool allow_other = false;
  for (int index = 4; index < count; ++index) {
    const std::string option = arguments[index];
    if (option.starts_with("kfd=")) kfd = option.substr(4);
    allow_other |= option == "allow_other";
  }
  return amdgpu_svm::fuse::run(arguments[1], static_cast<unsigned>(nodes), static_cast<unsigned>(svm_number), kfd,
                               allow_other);
}
