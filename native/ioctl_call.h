// One ioctl on copies: JavaScript's bytes are copied into guarded blocks, the
// pointer fields are patched to point at them, the kernel is called, the bytes
// are copied back. Only the middle step may run on another thread.
#ifndef AMDGPU_SVM_IOCTL_CALL_H
#define AMDGPU_SVM_IOCTL_CALL_H

#include <napi.h>

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "guarded_block.h"

namespace amdgpu_svm {

// The checked arguments of JavaScript's ioctl(), still JavaScript values.
struct IoctlArguments {
  struct Pointer {
    size_t offset;  // of the 8-byte field in the argument
    napi_value data;
    std::span<uint8_t> bytes;
  };
  uint32_t request;
  napi_value argument;
  std::span<uint8_t> bytes;
  std::vector<Pointer> pointers;
};

// Reads arguments 1 (request), 2 (arg) and 3 (pointers, optional); argument 0
// is the handle. Empty after an exception. The spans are valid until JavaScript
// runs again.
std::optional<IoctlArguments> read_ioctl_arguments(const Napi::CallbackInfo& info);

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
  // Copies what the kernel left there into the JavaScript buffers. `buffers` are the
  // argument and the data of the pointers, in order; one that was detached
  // meanwhile is left out.
  void copy_back(napi_env env, std::span<const napi_value> buffers);

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

  std::optional<Copy> copy_of(std::span<const uint8_t> bytes);

  std::shared_ptr<BlockPool> pool_;
  uint32_t request_ = 0;
  std::vector<Copy> copies_;  // the argument, then the data of the pointers
  std::vector<PointerField> fields_;
};

}  // namespace amdgpu_svm

#endif
