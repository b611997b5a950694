// One ioctl on copies: JavaScript's bytes are copied into guarded blocks, the
// pointer fields are patched to point at them, the kernel is called, the bytes
// are copied back. Only the middle step may run on another thread.
#ifndef AMDGPU_SVM_IOCTL_CALL_H
#define AMDGPU_SVM_IOCTL_CALL_H

#include <napi.h>

#include <array>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "arguments.h"
#include "guarded_block.h"

namespace amdgpu_svm {

// The checked arguments of JavaScript's ioctl(), still JavaScript values. Made on
// the stack for every call: nothing in it is initialised before read() does it.
struct IoctlArguments {
  // No structure of the DRM interface has more; a bound keeps the overlap check cheap.
  static constexpr size_t kMaximumPointers = 64;
  struct Pointer {
    size_t offset;  // of the 8-byte field in the argument
    napi_value data;
    Bytes bytes;
  };

  // Null or undefined `list`: no pointers. False with an exception pending. The
  // bytes are valid until JavaScript runs again.
  bool read(napi_env env, napi_value number, napi_value bytes_value, napi_value list);

  uint32_t request;
  napi_value argument;
  Bytes bytes;
  size_t pointer_count = 0;
  std::array<Pointer, kMaximumPointers> pointers;

 private:
  bool read_pointer_properties(napi_env env, napi_value list);
  bool check_pointer_fields(napi_env env);
  bool refuse_short_argument(napi_env env, size_t encoded) const;
};

class IoctlCall {
 public:
  explicit IoctlCall(std::shared_ptr<BlockPool> pool) : pool_(std::move(pool)) {}
  IoctlCall(const IoctlCall&) = delete;
  IoctlCall& operator=(const IoctlCall&) = delete;
  ~IoctlCall();

  // 0 or -ENOMEM.
  int prepare(const IoctlArguments& arguments);
  // The ioctl(2) itself, restarted as restart.h says: >= 0 or a negative errno. Any thread.
  int run(int file_descriptor);
  // Gives the pointer fields the caller's bytes back: addresses of our blocks mean
  // nothing to JavaScript and would make recordings differ from run to run.
  void restore_pointer_fields();
  // Copies what the kernel left into a JavaScript buffer; 0 is the argument, the data of
  // the pointers follows. Left out when the buffer has another length than it had.
  void copy_back(size_t index, Bytes target);
  // Ready for the next prepare().
  void reset();

 private:
  struct Copy {
    std::unique_ptr<GuardedBlock> block;
    size_t length = 0;
    uint8_t* bytes() const { return block->tail(length); }
  };
  struct PointerField {
    size_t offset;
    std::array<uint8_t, 8> original;
  };

  // The bytes of the copy, or null when there is no memory.
  uint8_t* make_copy(Copy& copy, Bytes bytes);
  bool add_pointer(const IoctlArguments::Pointer& pointer);

  std::shared_ptr<BlockPool> pool_;
  uint32_t request_ = 0;
  Copy argument_;           // its block stays for the next call
  std::vector<Copy> data_;  // of the pointers
  std::vector<PointerField> fields_;
};

}  // namespace amdgpu_svm

#endif
