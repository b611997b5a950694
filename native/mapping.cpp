#include "mapping.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace amdgpu_svm {

class Mapping::Loan {
 public:
  explicit Loan(std::shared_ptr<Mapping> mapping) : mapping_(std::move(mapping)) { ++mapping_->loans_; }
  Loan(const Loan&) = delete;
  Loan& operator=(const Loan&) = delete;
  ~Loan() {
    if (--mapping_->loans_ == 0) mapping_->last_loan_ended();
  }

 private:
  std::shared_ptr<Mapping> mapping_;
};

namespace {

constexpr int kProtection = PROT_READ | PROT_WRITE;
// Younger than the headers of old systems; kernels before 4.17 take it for a hint.
constexpr int kFixedNoReplace = 0x100000;

// Addresses for `size` bytes that begin at a multiple of `alignment`, taken without memory; MAP_FAILED, errno.
void* reserve_aligned(size_t size, size_t alignment) {
  size_t whole = 0;
  if (__builtin_add_overflow(size, alignment, &whole)) {
    errno = ENOMEM;
    return MAP_FAILED;
  }
  void* const reserved = mmap(nullptr, whole, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (reserved == MAP_FAILED) return MAP_FAILED;
  auto* const first = static_cast<uint8_t*>(reserved);
  const size_t before = (alignment - reinterpret_cast<uintptr_t>(first) % alignment) % alignment;
  if (before > 0) munmap(first, before);
  munmap(first + before + size, whole - before - size);
  return first + before;
}

// -ENXIO: an access after the end of a file would end the process. Not by fstat(2), whose symbol is younger than the
// oldest C library that this runs on.
int check_file(const Mapping::Request& request) {
  const off_t before = lseek(request.descriptor, 0, SEEK_CUR);
  const off_t size = before < 0 ? before : lseek(request.descriptor, 0, SEEK_END);
  if (size < 0) return errno == ESPIPE ? -ENODEV : -errno;
  lseek(request.descriptor, before, SEEK_SET);
  const uint64_t end = static_cast<uint64_t>(request.offset) + request.size;
  return static_cast<uint64_t>(size) < end ? -ENXIO : 0;
}

}  // namespace

std::shared_ptr<Mapping> Mapping::create(const Request& request, int& error) {
  error = request.descriptor < 0 ? 0 : check_file(request);
  if (error != 0) return nullptr;
  int flags = request.shared ? MAP_SHARED : MAP_PRIVATE;
  if (request.descriptor < 0) flags |= MAP_ANONYMOUS;
  void* place = reinterpret_cast<void*>(static_cast<uintptr_t>(request.address));
  if (request.exactly) flags |= kFixedNoReplace;
  if (request.alignment > 0) {
    place = reserve_aligned(request.size, request.alignment);
    flags |= MAP_FIXED;
  }
  void* const base =
      place == MAP_FAILED ? place : mmap(place, request.size, kProtection, flags, request.descriptor, request.offset);
  if (base == MAP_FAILED) {
    error = -errno;
    if (request.alignment > 0 && place != MAP_FAILED) munmap(place, request.size);
    return nullptr;
  }
  if (request.exactly && base != place) error = -EEXIST;
  if (error == 0 && request.advice != 0 && madvise(base, request.size, request.advice) != 0) error = -errno;
  if (error != 0) {
    munmap(base, request.size);
    return nullptr;
  }
  return std::shared_ptr<Mapping>(new Mapping(static_cast<uint8_t*>(base), request.size));
}

Mapping::Mapping(uint8_t* base, size_t size) : base_(base), size_(size) {
  runs_.set(0, size, kProtection);
}

// Whether JavaScript may see pages of that protection.
bool Mapping::is_shown(int protection) {
  return protection != kUnknown && (protection & PROT_READ) != 0 && (protection & PROT_WRITE) != 0;
}

// There are no loans any more: each of them holds the mapping.
Mapping::~Mapping() {
  release_retired();
  unmap(0, size_);
}

std::shared_ptr<void> Mapping::lend(const std::shared_ptr<Mapping>& mapping) { return std::make_shared<Loan>(mapping); }

bool Mapping::viewable() const {
  return runs_.all(is_shown) && live(0, size_);
}

int Mapping::unmap(size_t offset, size_t length) {
  enforce();
  const size_t limit = offset + length;
  while (const auto part = runs_.first_covered(offset, limit)) {
    const int result = unmap_part(*part);
    if (result != 0) return result;
    runs_.cut(part->begin, part->end);
  }
  return 0;
}

// Fails only when the process has too many mappings to split one; nothing is unmapped then.
int Mapping::unmap_part(PageRuns::Interval part) {
  uint8_t* const start = base_ + part.begin;
  const size_t length = part.end - part.begin;
  if (loans_ == 0) return munmap(start, length) == 0 ? 0 : -errno;
  constexpr int kFlags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED;
  if (mmap(start, length, kProtection, kFlags, -1, 0) == MAP_FAILED) return -errno;
  retired_.set(part.begin, part.end, kProtection);
  return 0;
}

void Mapping::release_retired() {
  while (const auto part = retired_.first_covered(0, size_)) {
    // What can't be split off a larger mapping stays: an address too many does no harm.
    munmap(base_ + part->begin, part->end - part->begin);
    retired_.cut(part->begin, part->end);
  }
}

void Mapping::last_loan_ended() {
  const bool lifted = guard_.take_lifted();
  guard_.disarm();
  if (lifted) restore_protections();
  release_retired();
}

void Mapping::enforce() {
  if (guard_.take_lifted()) restore_protections();
}

void Mapping::restore_protections() {
  runs_.each([this](size_t begin, size_t end, int protection) {
    // It was the same pages' before, so that it can only fail for what would fail anyway.
    if (protection != kUnknown) mprotect(base_ + begin, end - begin, protection);
  });
}

int Mapping::protect(size_t offset, size_t length, int protection) {
  if (!live(offset, length)) return -ENOMEM;
  if (length == 0) return 0;
  enforce();
  if (loans_ > 0 && !is_shown(protection)) guard_.arm(base_, size_);
  const int result = mprotect(base_ + offset, length, protection) == 0 ? 0 : -errno;
  // mprotect(2) may have changed a part before it failed.
  runs_.set(offset, offset + length, result == 0 ? protection : kUnknown);
  return result;
}

int Mapping::discard(size_t offset, size_t length) {
  enforce();
  if (!live(offset, length)) return -ENOMEM;
  if (length == 0 || madvise(base_ + offset, length, MADV_DONTNEED) == 0) return 0;
  return -errno;
}

int Mapping::lock(size_t offset, size_t length, bool locked) {
  enforce();
  if (!live(offset, length)) return -ENOMEM;
  const int result = locked ? mlock(base_ + offset, length) : munlock(base_ + offset, length);
  return result == 0 ? 0 : -errno;
}

int Mapping::move_to(size_t offset, size_t length, Mapping& target, size_t target_offset, bool keep_old) {
  if (length == 0) return -EINVAL;
  if (!live(offset, length) || !target.live(target_offset, length)) return -EFAULT;
  enforce();
  target.enforce();
  PageRuns moved;
  runs_.each([&](size_t begin, size_t end, int protection) {
    const size_t from = std::max(begin, offset);
    const size_t to = std::min(end, offset + length);
    if (from < to) moved.set(from - offset + target_offset, to - offset + target_offset, protection);
  });
  if (target.loans_ > 0 && !moved.all(is_shown)) target.guard_.arm(target.base_, target.size_);
  // Addresses that a borrower has may not become somebody else's, not even for a moment: the old pages stay, and are
  // replaced by fresh ones as in an unmapping.
  const bool stays = keep_old || loans_ > 0;
  const int flags = MREMAP_MAYMOVE | MREMAP_FIXED | (stays ? MREMAP_DONTUNMAP : 0);
  // The kernel refuses places that overlap.
  if (mremap(base_ + offset, length, length, flags, target.base_ + target_offset) == MAP_FAILED) return -errno;
  moved.each([&](size_t begin, size_t end, int protection) { target.runs_.set(begin, end, protection); });
  if (keep_old) return 0;
  if (stays) return unmap(offset, length);
  runs_.cut(offset, offset + length);
  return 0;
}

}  // namespace amdgpu_svm
