#include "mapping.h"

#include <sys/mman.h>

#include <cerrno>

namespace amdgpu_svm {

std::shared_ptr<Mapping> Mapping::create(size_t size, int& error) {
  void* base = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (base == MAP_FAILED) {
    error = -errno;
    return nullptr;
  }
  error = 0;
  return std::shared_ptr<Mapping>(new Mapping(static_cast<uint8_t*>(base), size));
}

Mapping::Mapping(uint8_t* base, size_t size) : base_(base), size_(size) {
  runs_.set(0, size, PROT_READ | PROT_WRITE);
}

Mapping::~Mapping() { unmap(0, size_); }

bool Mapping::viewable() const {
  const auto shown = [](int protection) {
    return protection != kUnknown && (protection & PROT_READ) != 0 && (protection & PROT_WRITE) != 0;
  };
  return runs_.all(shown) && live(0, size_);
}

int Mapping::unmap(size_t offset, size_t length) {
  const size_t limit = offset + length;
  while (const auto part = runs_.first_covered(offset, limit)) {
    // Fails only when the process has too many mappings to split one; nothing is unmapped then.
    if (munmap(base_ + part->begin, part->end - part->begin) != 0) return -errno;
    runs_.cut(part->begin, part->end);
  }
  return 0;
}

int Mapping::protect(size_t offset, size_t length, int protection) {
  if (!live(offset, length)) return -ENOMEM;
  if (length == 0) return 0;
  const int result = mprotect(base_ + offset, length, protection) == 0 ? 0 : -errno;
  // mprotect(2) may have changed a part before it failed.
  runs_.set(offset, offset + length, result == 0 ? protection : kUnknown);
  return result;
}

int Mapping::discard(size_t offset, size_t length) {
  if (!live(offset, length)) return -ENOMEM;
  if (length == 0 || madvise(base_ + offset, length, MADV_DONTNEED) == 0) return 0;
  return -errno;
}

}  // namespace amdgpu_svm
