// Who hears of touched doorbells: the threads of sessions, each over a connection of its own. The way of the frames leads
// over the main thread of Node, which takes longer than all of a small piece of GPU work.
#ifndef AMDGPU_SVM_FUSE_LISTENERS_H
#define AMDGPU_SVM_FUSE_LISTENERS_H

#include <cstdint>
#include <list>
#include <set>
#include <string>
#include <vector>

#include "../file_descriptor.h"

namespace amdgpu_svm::fuse {

class Listeners {
 public:
  // Takes connections of the process that started this one at the abstract socket `name`; 0 or an errno.
  int open(const std::string& name);
  // What is readable when there is something to `handle`.
  std::vector<int> descriptors() const;
  void handle(int descriptor);
  // Wakes the session with a byte, at once or when it has connected.
  void tell(uint32_t session);

 private:
  struct Connection {
    FileDescriptor socket;
    uint32_t session;  // 0: it has not said its number
  };

  void accept();
  void wake(const Connection& connection);

  FileDescriptor server_;
  std::list<Connection> connections_;
  std::set<uint32_t> waiting_;  // sessions to wake when they have connected
};

}  // namespace amdgpu_svm::fuse

#endif
