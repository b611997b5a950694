// Kernel-visible scratch memory that ends at an inaccessible page.
//
// The kernel decides by other fields how many bytes it reads and writes behind
// a pointer (`nattr`, say), and JavaScript can put any number there. Handing out
// heap addresses would let a wrong count overwrite the heap. A block ends exactly
// where the data ends, so a count that is too large gives EFAULT instead.
#ifndef AMDGPU_SVM_GUARDED_BLOCK_H
#define AMDGPU_SVM_GUARDED_BLOCK_H

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace amdgpu_svm {

// One anonymous mapping: readable and writable pages, then a guard page.
class GuardedBlock {
 public:
  // Room for `capacity` bytes (rounded up to pages); nullptr when there is no memory.
  static std::unique_ptr<GuardedBlock> create(size_t capacity);
  GuardedBlock(const GuardedBlock&) = delete;
  GuardedBlock& operator=(const GuardedBlock&) = delete;
  ~GuardedBlock();

  size_t capacity() const { return capacity_; }
  // The last `length` bytes before the guard page; `length` <= capacity().
  uint8_t* tail(size_t length) const { return base_ + capacity_ - length; }

 private:
  GuardedBlock(uint8_t* base, size_t capacity) : base_(base), capacity_(capacity) {}
  uint8_t* base_;
  size_t capacity_;
};

// Keeps a few one-page blocks, so that the ordinary ioctl (32 bytes and some
// records) costs no mmap: each one would take the mmap lock and send MMU
// notifications, in the very process whose address space the GPU mirrors.
// Used on the JavaScript thread of one environment only.
class BlockPool {
 public:
  std::unique_ptr<GuardedBlock> take(size_t length);
  void give_back(std::unique_ptr<GuardedBlock> block);

 private:
  std::vector<std::unique_ptr<GuardedBlock>> free_;
};

size_t page_size();

}  // namespace amdgpu_svm

#endif
