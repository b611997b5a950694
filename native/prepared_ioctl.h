// One ioctl, made ready to be issued many times.
//
// The plain ioctl() checks and copies what it is given at every call, which costs
// more than the system call itself. Here everything is checked once; afterwards
// JavaScript writes straight into the guarded blocks that the kernel will see,
// and a call has no arguments at all.
#ifndef AMDGPU_SVM_PREPARED_IOCTL_H
#define AMDGPU_SVM_PREPARED_IOCTL_H

#include <napi.h>

#include <cstdint>
#include <memory>
#include <utility>

#include "device.h"
#include "guarded_block.h"

namespace amdgpu_svm {

class PreparedIoctl {
 public:
  // Blocks are shared with the ArrayBuffers over them, which may live longer.
  struct Buffer {
    std::shared_ptr<GuardedBlock> block;
    size_t length = 0;
    uint8_t* bytes() const { return block->tail(length); }
  };

  PreparedIoctl(std::shared_ptr<Device> device, uint32_t request, Buffer argument)
      : device_(std::move(device)), request_(request), argument_(std::move(argument)) {}

  // "At byte `offset` of the argument stands the address of `data`."
  void set_pointer(size_t offset, Buffer data) {
    offset_ = offset;
    data_ = std::move(data);
  }

  // >= 0 or a negative errno; -EBADF when the device is closed.
  int run();

 private:
  std::shared_ptr<Device> device_;
  uint32_t request_;
  Buffer argument_;
  size_t offset_ = 0;
  Buffer data_;  // without a block: no pointer
};

// The exported function prepareIoctl; native.d.ts documents it.
Napi::Value prepare_ioctl(const Napi::CallbackInfo& info);

}  // namespace amdgpu_svm

#endif
