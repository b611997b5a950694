// KFD as one process has it open, for one GPU; and a buffer object made through it.
#ifndef AMDGPU_SVM_KFD_H
#define AMDGPU_SVM_KFD_H

#include <sys/ioctl.h>

#include <cstddef>
#include <cstdint>
#include <memory>

#include "device.h"
#include "file_descriptor.h"
#include "kfd_uapi.h"
#include "restart.h"

namespace amdgpu_svm {

// Which call the system refused.
struct KfdRefusal {
  const char* call = nullptr;
  int error = 0;  // negative errno
};

// Queues and buffers hold on to it: the file is closed after the last of them.
class Kfd {
 public:
  Kfd(FileDescriptor file) : file_(std::move(file)) {}

  int number() const { return file_.number(); }
  uint32_t gpu() const { return gpu_; }
  const std::shared_ptr<Device>& device() const { return device_; }

  // Makes the VM of the device's file a compute VM; the very file that the SVM ioctls go to. 0 or a negative errno.
  int acquire(std::shared_ptr<Device> device, uint32_t gpu);

  // >= 0 or a negative errno. Any thread.
  template <typename Argument>
  int call(uint32_t request, Argument& argument) const {
    return restarted([&] { return ::ioctl(file_.number(), static_cast<unsigned long>(request), &argument); });
  }

 private:
  FileDescriptor file_;
  std::shared_ptr<Device> device_;  // null before acquire()
  uint32_t gpu_ = 0;
};

// Memory of the kernel, mapped at one address for CPU and GPU. Gives everything back in the order that KFD wants:
// off the GPU, off the CPU, free.
class KfdBuffer {
 public:
  // Null after a refusal.
  static std::shared_ptr<KfdBuffer> create(std::shared_ptr<Kfd> kfd, size_t size, KfdRefusal& refusal);
  KfdBuffer(const KfdBuffer&) = delete;
  KfdBuffer& operator=(const KfdBuffer&) = delete;
  ~KfdBuffer();

  uint8_t* base() const { return base_; }
  uint64_t address() const { return reinterpret_cast<uintptr_t>(base_); }
  size_t size() const { return size_; }

 private:
  KfdBuffer(std::shared_ptr<Kfd> kfd, uint8_t* base, size_t size) : kfd_(std::move(kfd)), base_(base), size_(size) {}
  // 0 or a negative errno.
  int on_gpu(uint32_t request);

  std::shared_ptr<Kfd> kfd_;
  uint8_t* base_;
  size_t size_;
  uint64_t handle_ = 0;
  bool allocated_ = false;
  bool on_gpu_ = false;
};

}  // namespace amdgpu_svm

#endif
