// The protocol between this process and the Node process that answers: frames
// over stdin and stdout, native byte order, packed. lib/serve/helper-protocol.ts
// is the other end.
//
//   header     u32 length of the whole frame, u32 kind, u64 id
//   to Node    Ready                      (id 0)
//              Open       u64 file, u32 thread, u32 node, u32 user, u32 group,
//                         u32 errno of opening the memory with these credentials, or 0
//              Ioctl      u64 file, u32 thread, u32 request, u32 records state,
//                         u32 argument bytes, u32 record bytes, argument, records: those of an SVM call,
//                         or u64 number of the file that an ACQUIRE_VM is about
//              Release    u64 file        (id 0)
//              WriteFault                 (id of the answer whose copy to the caller failed)
//              Interrupted                (id of an ioctl whose thread got a signal)
//   from Node  Opened     i32 result
//              Answer     i32 result, u32 argument bytes, u32 number of writes,
//                         argument, then for each write u64 address, u32 bytes, the bytes
//              Keep       u32 file in the directory, u64 offset, u64 length, u32 session: its bytes are kept (id 0);
//                         session: whose doorbells they are, from 1 on, 0 for other bytes
//              Forget     the same without a session: they are not kept any more (id 0)
#ifndef AMDGPU_SVM_FUSE_MESSAGES_H
#define AMDGPU_SVM_FUSE_MESSAGES_H

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <vector>

namespace amdgpu_svm::fuse {

enum class Kind : uint32_t {
  Ready = 1,
  Open = 2,
  Ioctl = 3,
  Release = 4,
  WriteFault = 5,
  Interrupted = 6,
  Opened = 16,
  Answer = 17,
  Keep = 18,
  Forget = 19
};

// What became of the records behind `attrs_ptr` when they were read in advance.
enum class Records : uint32_t { NotRead = 0, Read = 1, Fault = 2 };

inline constexpr size_t kHeaderBytes = 16;
inline constexpr size_t kLongestFrame = 1 << 20;

// Builds one frame.
class Frame {
 public:
  Frame(Kind kind, uint64_t id) { put<uint32_t>(0).put(kind).put(id); }

  template <typename T>
  Frame& put(T value) {
    return put_bytes({reinterpret_cast<const uint8_t*>(&value), sizeof(value)});
  }
  Frame& put_bytes(std::span<const uint8_t> bytes) {
    const size_t end = bytes_.size();
    bytes_.resize(end + bytes.size());
    if (!bytes.empty()) std::memcpy(bytes_.data() + end, bytes.data(), bytes.size());
    return *this;
  }
  // The finished bytes; the length is filled in now.
  std::span<const uint8_t> finish() {
    const auto length = static_cast<uint32_t>(bytes_.size());
    std::memcpy(bytes_.data(), &length, sizeof(length));
    return bytes_;
  }

 private:
  std::vector<uint8_t> bytes_;
};

// Takes a frame apart; after a read beyond its end `ok` is false and values are zero.
class Reader {
 public:
  explicit Reader(std::span<const uint8_t> bytes) : rest_(bytes) {}

  template <typename T>
  T take() {
    T value{};
    const auto bytes = take_bytes(sizeof(T));
    if (bytes.size() == sizeof(T)) std::memcpy(&value, bytes.data(), sizeof(T));
    return value;
  }
  std::span<const uint8_t> take_bytes(size_t length) {
    if (length > rest_.size()) {
      ok_ = false;
      rest_ = {};
      return {};
    }
    const auto bytes = rest_.first(length);
    rest_ = rest_.subspan(length);
    return bytes;
  }
  bool ok() const { return ok_; }

 private:
  std::span<const uint8_t> rest_;
  bool ok_ = true;
};

// Frames on their way to Node. Never blocks: this process has one thread, and
// while it waited for Node the answers of Node would wait for it.
class Outbox {
 public:
  explicit Outbox(int descriptor) : descriptor_(descriptor) {}
  void send(Frame frame);
  // Writes what the pipe takes; false when the other end is gone.
  bool flush();
  bool empty() const { return sent_ == bytes_.size(); }

 private:
  int descriptor_;
  std::vector<uint8_t> bytes_;
  size_t sent_ = 0;
  bool broken_ = false;
};

// Frames from Node.
class Inbox {
 public:
  explicit Inbox(int descriptor) : descriptor_(descriptor) {}
  // Reads what is there; false at the end of the stream.
  bool fill();
  // The next complete frame, header included, valid until the next call of `fill`.
  std::optional<std::span<const uint8_t>> next();
  // A length that no frame has: the other end is not ours.
  bool broken() const { return broken_; }

 private:
  int descriptor_;
  std::vector<uint8_t> bytes_;
  size_t taken_ = 0;
  bool broken_ = false;
};

}  // namespace amdgpu_svm::fuse

#endif
