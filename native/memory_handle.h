// The JavaScript side of a mapping: its handle and the ArrayBuffer that shows it.
#ifndef AMDGPU_SVM_MEMORY_HANDLE_H
#define AMDGPU_SVM_MEMORY_HANDLE_H

#include <napi.h>

#include <memory>

#include "lent_buffer.h"
#include "mapping.h"

namespace amdgpu_svm {

// The mapping lives as long as its handle or an ArrayBuffer over it does, unless
// it is unmapped before. At most one ArrayBuffer shows it at a time.
class MemoryHandle {
 public:
  static constexpr napi_type_tag kTypeTag = {0x51c3b0a7fe2d4c18, 0xa46e93d80b7f4d2e};
  static constexpr const char* kTypeName = "a handle that mapMemory() returned";

  explicit MemoryHandle(std::shared_ptr<Mapping> mapping) : mapping_(std::move(mapping)) {}

  Mapping& mapping() const { return *mapping_; }

  // The ArrayBuffer over all bytes, a new one when there is none. `handle` is the
  // JavaScript object of this MemoryHandle. A number when it can't be shown:
  // -EACCES, -EBUSY, -EFBIG, -ENOTSUP (see native.d.ts). Null after an exception.
  napi_value view(Napi::Env env, napi_value handle);

  // Detaches the ArrayBuffer, so that no JavaScript reaches the pages any more.
  // -EBUSY when that is not in our hands: ArrayBuffer.prototype.transfer moves the
  // bytes to another ArrayBuffer. As long as that one exists its pages must stay.
  // `handle` is the JavaScript object of this MemoryHandle.
  int drop_view(napi_env env, napi_value handle);

 private:
  std::shared_ptr<Mapping> mapping_;
  std::weak_ptr<LentBuffer> lent_;  // a property of the handle keeps the ArrayBuffer alive
};

// The exported functions; native.d.ts documents them.
Napi::Value map_memory(const Napi::CallbackInfo& info);
Napi::Value view_memory(const Napi::CallbackInfo& info);
Napi::Value unmap_memory(const Napi::CallbackInfo& info);
Napi::Value protect_memory(const Napi::CallbackInfo& info);
Napi::Value discard_memory(const Napi::CallbackInfo& info);
Napi::Value lock_memory(const Napi::CallbackInfo& info);
Napi::Value move_memory(const Napi::CallbackInfo& info);
Napi::Value read_memory(const Napi::CallbackInfo& info);
Napi::Value write_memory(const Napi::CallbackInfo& info);

}  // namespace amdgpu_svm

#endif
