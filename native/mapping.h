// One anonymous mapping and what has become of its pages.
//
// Pages are tracked because an address that was unmapped may belong to anybody
// a moment later (malloc, say): only live pages may be unmapped, protected or
// copied, and only pages that are known to be readable and writable may be
// shown to JavaScript as an ArrayBuffer.
//
// Somebody may have the address of pages that are unmapped: see lent_buffer.h. As
// long as that is so, munmap is not the end of an address. The pages are replaced by
// fresh ones, which is an unmapping for the kernel and for what mirrors the process,
// and nobody else's memory can come to lie there. As long as that is so, the protection
// of pages yields to whoever goes on with their address: see fault_guard.h. It is put
// back by every further call on the mapping, and when the last loan ends.
#ifndef AMDGPU_SVM_MAPPING_H
#define AMDGPU_SVM_MAPPING_H

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <memory>

#include "fault_guard.h"
#include "page_runs.h"

namespace amdgpu_svm {

// Offsets and lengths are bytes from the start of the mapping, multiples of the
// page, inside it; the callers check that. Results are 0 or a negative errno.
class Mapping {
 public:
  // What to map: anonymous memory, or a file that is open already.
  struct Request {
    size_t size = 0;
    size_t alignment = 0;   // a power of two; 0: the page
    uint64_t address = 0;   // 0: anywhere
    bool exactly = false;   // at `address` or -EEXIST, else there if it is free
    bool shared = false;
    int advice = 0;         // of madvise(2), 0: none
    int descriptor = -1;
    off_t offset = 0;       // in the file
  };

  // Readable and writable. On failure null, `error` is a negative errno: -ENXIO when the file ends before the mapping.
  static std::shared_ptr<Mapping> create(const Request& request, int& error);
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  ~Mapping();

  uint8_t* base() const { return base_; }
  size_t size() const { return size_; }

  // How many bytes from `offset` on are mapped before the first hole, `length` at most.
  size_t live_length(size_t offset, size_t length) const { return runs_.covered_length(offset, length); }
  // Every page of the interval is mapped.
  bool live(size_t offset, size_t length) const { return live_length(offset, length) == length; }
  // Every page of the whole mapping is mapped, readable and writable.
  bool viewable() const;

  // Somebody may use addresses of this mapping from now on, until the answer is let go.
  static std::shared_ptr<void> lend(const std::shared_ptr<Mapping>& mapping);

  // Pages that are gone already are not an error, as with munmap(2).
  int unmap(size_t offset, size_t length);
  // Puts the protection back that has yielded to a borrower.
  void enforce();
  // PROT_* bits. -ENOMEM when a page is gone.
  int protect(size_t offset, size_t length, int protection);
  // MADV_DONTNEED. -ENOMEM when a page is gone.
  int discard(size_t offset, size_t length);
  // mlock(2) or munlock(2). -ENOMEM when a page is gone.
  int lock(size_t offset, size_t length, bool locked);
  // mremap(2) with MREMAP_FIXED: the pages come to lie at `target_offset` of `target`, which may be this mapping, with
  // the protections that they had, and what is mapped there goes. `keep_old`: MREMAP_DONTUNMAP. -EFAULT when a page of
  // either place is gone, -EINVAL when the places overlap.
  int move_to(size_t offset, size_t length, Mapping& target, size_t target_offset, bool keep_old);

 private:
  // The protection of pages after a failed mprotect.
  static constexpr int kUnknown = -1;

  // One borrower.
  class Loan;

  Mapping(uint8_t* base, size_t size);
  static bool is_shown(int protection);
  int unmap_part(PageRuns::Interval part);
  void restore_protections();
  // Gives the addresses back that were only kept for borrowers.
  void release_retired();
  // Nobody has an address any more.
  void last_loan_ended();

  uint8_t* base_;
  size_t size_;
  PageRuns runs_;     // a hole is unmapped
  PageRuns retired_;  // unmapped pages with a fresh one in their place
  FaultGuard guard_;  // over everything, once pages were protected with loans
  size_t loans_ = 0;
};

}  // namespace amdgpu_svm

#endif
