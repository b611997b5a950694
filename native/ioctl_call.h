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
  static constexpr size_t kCount = 4;  // handle, request, arg, pointers
  // No structure of the DRM interface has more; a bound keeps the overlap check cheap.
  static constexpr size_t kMaximumPointers = 64;
  struct Pointer {
    size_t offset;  // of the 8-byte field in the argument
    napi_value data;
    Bytes bytes;
  };

  // Reads arguments 1 (request), 2 (arg) and 3 (pointers, may be undefined); false
  // with an exception pending. The bytes are valid until JavaScript runs again.
  bool read(napi_env env, const napi_value* values);

  uint32_t request;
  napi_value argument;
  Bytes bytes;
  size_t pointer_count = 0;
  std::array<Pointer, kMaximumPointers> pointers;

 private:
  bool read_pointer_properties(napi_env env, napi_value list);
  bool check_pointer_fields(napi_env env);
};

class IoctlCall {
 public:
  explicit IoctlCall(std::shared_ptr<BlockPool> pool) : pool_(std::move(pool)) {}
  IoctlCall(const IoctlCall&) = delete;
  IoctlCall& operator=(const IoctlCall&) = delete;
  ~IoctlCall() { reset(); }

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
  // Ready for the next prepare(); the blocks go back to the pool.
  void reset();

 private:
  struct Copy {
    std::unique_ptr<GuardedBlock> block;
    size_t length;
    uint8_t* bytes() const { return block->tail(length); }
  };
  struct PointerField {
    size_t offset;
    std::array<uint8_t, 8> original;
  };

  // The bytes of the copy, or null when there is no memory.
  uint8_t* add_copy(Bytes bytes);

  std::shared_ptr<BlockPool> pool_;
  uint32_t request_ = 0;
  std::vector<Copy> copies_;  // the argument, then the data of the pointers
  std::vector<PointerField> fields_;
};

}  // namespace amdgpu_svm

#endif
