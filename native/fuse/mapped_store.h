// What clients have written through mappings of a served file: buffer objects and doorbells.
//
// Their mappings share the kernel's page cache of the file, each buffer at an offset of its own. What the kernel
// writes back comes here, and is what it reads again should it have dropped the page meanwhile.
//
// Doorbells are watched: when Node has nothing to do it makes the kernel drop their pages, and whoever stores to one then
// makes the kernel read it first.
#ifndef AMDGPU_SVM_FUSE_MAPPED_STORE_H
#define AMDGPU_SVM_FUSE_MAPPED_STORE_H

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <unordered_map>

namespace amdgpu_svm::fuse {

class MappedStore {
 public:
  // Bytes are kept in [offset, offset + length) only; whole pages.
  // `session`: whose doorbells they are, or 0.
  void keep(uint64_t offset, uint64_t length, uint32_t session) { extents_[offset] = Extent{length, session, false, {}}; }
  void forget(uint64_t offset) { extents_.erase(offset); }

  void write(uint64_t offset, std::span<const uint8_t> bytes);
  // From now on the next read of these doorbells tells its session; false if `offset` is in none.
  bool watch(uint64_t offset);
  // The session that is to be told of a read, once; 0: nobody. A read for one page may begin many pages before it.
  uint32_t touched(uint64_t offset, uint64_t length);
  // Zeros where nothing was written.
  void read(uint64_t offset, std::span<uint8_t> target) const;

 private:
  static constexpr size_t kPage = 4096;
  struct Extent {
    uint64_t length = 0;
    uint32_t session = 0;
    bool watched = false;
    std::unordered_map<uint64_t, std::array<uint8_t, kPage>> pages;  // by their offsets
  };
  std::map<uint64_t, Extent> extents_;  // by their offsets
};

}  // namespace amdgpu_svm::fuse

#endif
