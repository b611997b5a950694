#include "kfd.h"

#include <sys/mman.h>

#include <cerrno>
#include <utility>

namespace amdgpu_svm {

int Kfd::acquire(std::shared_ptr<Device> device, uint32_t gpu) {
  KfdAcquireVm argument{static_cast<uint32_t>(device->number()), gpu};
  const int result = call(kKfdAcquireVm, argument);
  if (result < 0) return result;
  device_ = std::move(device);
  gpu_ = gpu;
  return 0;
}

std::shared_ptr<KfdBuffer> KfdBuffer::create(std::shared_ptr<Kfd> kfd, size_t size, KfdRefusal& refusal) {
  const auto refuse = [&](const char* call, int error) {
    refusal = {call, error};
    return nullptr;
  };
  // The address is chosen here: the GPU sees the buffer where the CPU does.
  void* const place = mmap(nullptr, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (place == MAP_FAILED) return refuse("mmap", -errno);
  const Kfd& file = *kfd;
  std::shared_ptr<KfdBuffer> buffer(new KfdBuffer(std::move(kfd), static_cast<uint8_t*>(place), size));
  KfdAllocMemory allocation{};
  allocation.va_addr = buffer->address();
  allocation.size = size;
  allocation.gpu_id = file.gpu();
  allocation.flags = kKfdGttFlags;
  int result = file.call(kKfdAllocMemory, allocation);
  if (result < 0) return refuse("AMDKFD_IOC_ALLOC_MEMORY_OF_GPU", result);
  buffer->handle_ = allocation.handle;
  buffer->allocated_ = true;
  const auto offset = static_cast<off_t>(allocation.mmap_offset);
  const int node = file.device()->number();
  if (mmap(place, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, node, offset) == MAP_FAILED) {
    return refuse("mmap of a buffer object", -errno);
  }
  result = buffer->on_gpu(kKfdMapMemory);
  if (result < 0) return refuse("AMDKFD_IOC_MAP_MEMORY_TO_GPU", result);
  buffer->on_gpu_ = true;
  return buffer;
}

int KfdBuffer::on_gpu(uint32_t request) {
  const uint32_t gpu = kfd_->gpu();
  KfdMapMemory argument{handle_, reinterpret_cast<uintptr_t>(&gpu), 1, 0};
  return kfd_->call(request, argument);
}

KfdBuffer::~KfdBuffer() {
  // What fails here stays until the process ends; nobody could do more about it.
  if (on_gpu_) on_gpu(kKfdUnmapMemory);
  munmap(base_, size_);
  if (!allocated_) return;
  KfdFreeMemory argument{handle_};
  kfd_->call(kKfdFreeMemory, argument);
}

}  // namespace amdgpu_svm
