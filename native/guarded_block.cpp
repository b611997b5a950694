#include "guarded_block.h"

#include <sys/mman.h>
#include <unistd.h>

#include <utility>

namespace amdgpu_svm {

namespace {
constexpr size_t kMaximumPooledBlocks = 16;
}

size_t page_size() {
  // A constant of the machine, asked once.
  static const auto size = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  return size;
}

std::unique_ptr<GuardedBlock> GuardedBlock::create(size_t capacity) {
  const size_t page = page_size();
  if (capacity > SIZE_MAX - 2 * page) return nullptr;
  const size_t rounded = capacity == 0 ? page : (capacity + page - 1) / page * page;
  void* base = mmap(nullptr, rounded + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (base == MAP_FAILED) return nullptr;
  std::unique_ptr<GuardedBlock> block(new GuardedBlock(static_cast<uint8_t*>(base), rounded));
  if (mprotect(block->base_ + rounded, page, PROT_NONE) != 0) return nullptr;
  return block;
}

GuardedBlock::~GuardedBlock() { munmap(base_, capacity_ + page_size()); }

std::unique_ptr<GuardedBlock> BlockPool::take(size_t length) {
  if (length <= page_size() && !free_.empty()) {
    std::unique_ptr<GuardedBlock> block = std::move(free_.back());
    free_.pop_back();
    return block;
  }
  return GuardedBlock::create(length);
}

void BlockPool::give_back(std::unique_ptr<GuardedBlock> block) {
  if (block && block->capacity() == page_size() && free_.size() < kMaximumPooledBlocks) {
    free_.push_back(std::move(block));
  }
}

}  // namespace amdgpu_svm
