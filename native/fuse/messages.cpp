#include "messages.h"

#include <unistd.h>

#include <cerrno>

namespace amdgpu_svm::fuse {

void Outbox::send(Frame frame) {
  const auto bytes = frame.finish();
  bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  flush();
}

bool Outbox::flush() {
  while (!broken_ && sent_ < bytes_.size()) {
    const ssize_t count = ::write(descriptor_, bytes_.data() + sent_, bytes_.size() - sent_);
    if (count >= 0) {
      sent_ += static_cast<size_t>(count);
    } else if (errno == EAGAIN) {
      break;
    } else if (errno != EINTR) {
      broken_ = true;
    }
  }
  if (sent_ == bytes_.size()) {
    bytes_.clear();
    sent_ = 0;
  }
  return !broken_;
}

bool Inbox::fill() {
  bytes_.erase(bytes_.begin(), bytes_.begin() + static_cast<ptrdiff_t>(taken_));
  taken_ = 0;
  uint8_t chunk[65536];
  for (;;) {
    const ssize_t count = ::read(descriptor_, chunk, sizeof(chunk));
    if (count > 0) {
      bytes_.insert(bytes_.end(), chunk, chunk + count);
      if (static_cast<size_t>(count) < sizeof(chunk)) return true;
    } else if (count == 0) {
      return false;
    } else if (errno != EINTR) {
      return errno == EAGAIN;
    }
  }
}

std::optional<std::span<const uint8_t>> Inbox::next() {
  const auto rest = std::span<const uint8_t>(bytes_).subspan(taken_);
  if (broken_ || rest.size() < kHeaderBytes) return std::nullopt;
  const auto length = Reader(rest).take<uint32_t>();
  if (length < kHeaderBytes || length > kLongestFrame) {
    broken_ = true;
    return std::nullopt;
  }
  if (rest.size() < length) return std::nullopt;
  taken_ += length;
  return rest.first(length);
}

}  // namespace amdgpu_svm::fuse
