// Memory of the process that issued an ioctl: what copy_from_user and
// copy_to_user are to a driver, with the protections that the caller has there.
#ifndef AMDGPU_SVM_FUSE_CALLER_MEMORY_H
#define AMDGPU_SVM_FUSE_CALLER_MEMORY_H

#include <sys/types.h>

#include <cstdint>
#include <span>

namespace amdgpu_svm::fuse {

// `thread` is any thread of the process. True when every byte was copied; else a
// prefix may have been.
bool copy_from_caller(pid_t thread, uint64_t address, std::span<uint8_t> target);
bool copy_to_caller(pid_t thread, uint64_t address, std::span<const uint8_t> source);

}  // namespace amdgpu_svm::fuse

#endif
