#include "listeners.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <utility>

namespace amdgpu_svm::fuse {

int Listeners::open(const std::string& name) {
  sockaddr_un address = {};
  // An abstract name: a zero first, and nothing that would be left behind.
  if (name.size() + 1 > sizeof(address.sun_path)) return ENAMETOOLONG;
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path + 1, name.data(), name.size());
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  server_ = FileDescriptor(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (server_.number() < 0 || ::bind(server_.number(), reinterpret_cast<const sockaddr*>(&address), length) < 0 ||
      ::listen(server_.number(), SOMAXCONN) < 0) {
    return errno;
  }
  return 0;
}

std::vector<int> Listeners::descriptors() const {
  std::vector<int> all;
  if (server_.number() >= 0) all.push_back(server_.number());
  for (const Connection& each : connections_) all.push_back(each.socket.number());
  return all;
}

void Listeners::accept() {
  FileDescriptor socket(::accept4(server_.number(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (socket.number() < 0) return;
  ucred peer = {};
  socklen_t length = sizeof(peer);
  // Everybody may connect; nobody else is to learn when a client works.
  if (::getsockopt(socket.number(), SOL_SOCKET, SO_PEERCRED, &peer, &length) < 0 || peer.pid != ::getppid()) return;
  connections_.push_back({std::move(socket), 0});
}

void Listeners::handle(int descriptor) {
  if (descriptor == server_.number()) {
    accept();
    return;
  }
  const auto found = std::find_if(connections_.begin(), connections_.end(),
                                  [=](const Connection& each) { return each.socket.number() == descriptor; });
  if (found == connections_.end()) return;
  uint32_t session = 0;
  const ssize_t count = ::read(descriptor, &session, sizeof(session));
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (count != sizeof(session) || session == 0 || found->session != 0) {
    // Its thread has ended, or it speaks another protocol.
    connections_.erase(found);
    return;
  }
  // A thread that takes the number of one that has ended.
  connections_.remove_if([=](const Connection& each) { return each.session == session; });
  found->session = session;
  if (waiting_.erase(session) > 0) wake(*found);
}

void Listeners::tell(uint32_t session) {
  for (const Connection& each : connections_) {
    if (each.session != session) continue;
    wake(each);
    return;
  }
  waiting_.insert(session);
}

// Where the socket takes no more there are bytes enough to wake it.
void Listeners::wake(const Connection& connection) {
  const uint8_t byte = 1;
  [[maybe_unused]] const ssize_t sent = ::send(connection.socket.number(), &byte, sizeof(byte), MSG_NOSIGNAL);
}

}  // namespace amdgpu_svm::fuse
