#include "caller_identity.h"

#include <fcntl.h>
#include <sys/fsuid.h>
#include <unistd.h>

#include <cerrno>
#include <string>

namespace amdgpu_svm::fuse {
namespace {

// Acts on files as somebody else until it goes out of scope. This process has one thread.
class FileCredentials {
 public:
  FileCredentials(uid_t user, gid_t group) {
    // The group first: with another user there may be no right left to change it.
    old_group_ = static_cast<gid_t>(::setfsgid(group));
    old_user_ = static_cast<uid_t>(::setfsuid(user));
    // Neither call says whether it worked; an impossible id only asks.
    taken_ = static_cast<uid_t>(::setfsuid(static_cast<uid_t>(-1))) == user &&
             static_cast<gid_t>(::setfsgid(static_cast<gid_t>(-1))) == group;
  }
  ~FileCredentials() {
    ::setfsuid(old_user_);
    ::setfsgid(old_group_);
  }
  FileCredentials(const FileCredentials&) = delete;
  FileCredentials& operator=(const FileCredentials&) = delete;

  bool taken() const { return taken_; }

 private:
  uid_t old_user_;
  gid_t old_group_;
  bool taken_;
};

}  // namespace

int try_memory_as(pid_t thread, uid_t user, gid_t group) {
  const std::string path = "/proc/" + std::to_string(thread) + "/mem";
  const FileCredentials credentials(user, group);
  if (!credentials.taken()) return EPERM;
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  if (descriptor < 0) return errno;
  ::close(descriptor);
  return 0;
}

}  // namespace amdgpu_svm::fuse
