#include "mapping.h"

#include <sys/mman.h>

#include <algorithm>
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

Mapping::Mapping(uint8_t* base, size_t size) : base_(base), size_(size), runs_{{0, size, PROT_READ | PROT_WRITE}} {}

Mapping::~Mapping() { unmap(0, size_); }

size_t Mapping::live_length(size_t offset, size_t length) const {
  size_t at = offset;
  for (const Run& run : runs_) {
    if (run.begin <= at && at < run.end) at = run.end;
  }
  return std::min(at - offset, length);
}

bool Mapping::viewable() const {
  const auto shown = [](const Run& run) {
    return run.protection != kUnknown && (run.protection & PROT_READ) != 0 && (run.protection & PROT_WRITE) != 0;
  };
  return live(0, size_) && std::all_of(runs_.begin(), runs_.end(), shown);
}

void Mapping::cut(size_t begin, size_t end) {
  std::vector<Run> kept;
  kept.reserve(runs_.size() + 1);
  for (const Run& run : runs_) {
    if (run.begin < begin) kept.push_back({run.begin, std::min(run.end, begin), run.protection});
    if (run.end > end) kept.push_back({std::max(run.begin, end), run.end, run.protection});
  }
  runs_ = std::move(kept);
}

int Mapping::unmap(size_t offset, size_t length) {
  const size_t limit = offset + length;
  const std::vector<Run> before = runs_;
  for (const Run& run : before) {
    const size_t begin = std::max(run.begin, offset);
    const size_t end = std::min(run.end, limit);
    if (begin >= end) continue;
    // Fails only when the process has too many mappings to split one; nothing is unmapped then.
    if (munmap(base_ + begin, end - begin) != 0) return -errno;
    cut(begin, end);
  }
  return 0;
}

int Mapping::protect(size_t offset, size_t length, int protection) {
  if (!live(offset, length)) return -ENOMEM;
  if (length == 0) return 0;
  const int result = mprotect(base_ + offset, length, protection) == 0 ? 0 : -errno;
  // mprotect(2) may have changed a part before it failed.
  cut(offset, offset + length);
  runs_.push_back({offset, offset + length, result == 0 ? protection : kUnknown});
  std::sort(runs_.begin(), runs_.end(), [](const Run& a, const Run& b) { return a.begin < b.begin; });
  // Equal neighbours are joined, so that the runs stay as few as the kernel's.
  std::vector<Run> joined;
  for (const Run& run : runs_) {
    if (!joined.empty() && joined.back().end == run.begin && joined.back().protection == run.protection) {
      joined.back().end = run.end;
    } else {
      joined.push_back(run);
    }
  }
  runs_ = std::move(joined);
  return result;
}

int Mapping::discard(size_t offset, size_t length) {
  if (!live(offset, length)) return -ENOMEM;
  if (length == 0 || madvise(base_ + offset, length, MADV_DONTNEED) == 0) return 0;
  return -errno;
}

}  // namespace amdgpu_svm
