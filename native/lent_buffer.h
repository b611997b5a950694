// Native memory lent to JavaScript as an ArrayBuffer, and how long somebody may still
// have its address.
//
// Detaching the ArrayBuffer takes the bytes from JavaScript, but not from an
// asynchronous function that has their address already: fs.read and crypto.randomFill
// go on writing on another thread, and all they hold on to is the JavaScript object.
// ArrayBuffer.prototype.transfer, on the other hand, leaves that object and moves the
// bytes to another one, even of another thread. So the memory is kept until both are
// gone: the object, and the engine's store of the bytes.
#ifndef AMDGPU_SVM_LENT_BUFFER_H
#define AMDGPU_SVM_LENT_BUFFER_H

#include <napi.h>

#include <cstddef>
#include <cstdint>
#include <memory>

namespace amdgpu_svm {

// Used on the JavaScript thread of one environment only. It lives as long as its
// ArrayBuffer or the bytes do, and lets the keeper go at its end.
class LentBuffer : public std::enable_shared_from_this<LentBuffer> {
 public:
  // `keeper` keeps the memory. Answers the ArrayBuffer with `status` napi_ok; otherwise
  // nothing stays behind, and what `status` says is the caller's to report.
  struct Made;
  static Made make(napi_env env, uint8_t* data, size_t length, std::shared_ptr<void> keeper);
  LentBuffer(const LentBuffer&) = delete;
  LentBuffer& operator=(const LentBuffer&) = delete;
  ~LentBuffer();

  // The ArrayBuffer, or null when it is detached or collected.
  napi_value current() const;
  // The bytes are in another ArrayBuffer by now, which is out of our reach.
  bool moved() const { return bytes_exist_ && !detached_ && current() == nullptr; }
  // Detaches the ArrayBuffer, so that no JavaScript reaches the bytes any more. False
  // when they were moved, or when a program forbade it.
  bool detach();

 private:
  struct Share;

  LentBuffer(napi_env env, std::shared_ptr<void> keeper) : env_(env), keeper_(std::move(keeper)) {}
  // At its end an environment calls the finalizers of all external ArrayBuffers, also
  // of those whose bytes another thread has by now, in the opposite order of their
  // making. The one of the sentinel, which is made after the buffer, so comes just before.
  napi_status add_sentinel(uint8_t* data);
  void environment_ends();
  // The store of the bytes is gone, or the environment ends.
  void bytes_ended();

  napi_env env_;
  std::shared_ptr<void> keeper_;
  napi_ref object_ = nullptr;    // weak
  napi_ref sentinel_ = nullptr;  // strong, as long as the bytes exist
  bool bytes_exist_ = true;
  bool detached_ = false;
};

struct LentBuffer::Made {
  napi_status status;
  napi_value array_buffer;
  std::weak_ptr<LentBuffer> lent;  // weak: it is not to live longer because somebody asks it
};

}  // namespace amdgpu_svm

#endif
