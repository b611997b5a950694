// Pages in runs of equal protection, sorted, with holes between them.
//
// A tree, not a list: programs protect single pages of large mappings (guard pages,
// write barriers), and each call may cost the logarithm of the runs at most.
#ifndef AMDGPU_SVM_PAGE_RUNS_H
#define AMDGPU_SVM_PAGE_RUNS_H

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <map>
#include <optional>

namespace amdgpu_svm {

// Intervals are bytes, half open.
class PageRuns {
 public:
  struct Interval {
    size_t begin;
    size_t end;
  };

  // Fills [begin, end), whatever was there. Equal neighbours are joined, so that the
  // runs stay as few as the kernel's.
  void set(size_t begin, size_t end, int protection);
  // Makes a hole of [begin, end).
  void cut(size_t begin, size_t end);

  // How many bytes from `offset` on there are before the first hole, `length` at most.
  size_t covered_length(size_t offset, size_t length) const;
  // The first part of [begin, end) without a hole in it, of any protections.
  std::optional<Interval> first_covered(size_t begin, size_t end) const;
  // Calls `visit(begin, end, protection)` for every run.
  template <typename Visit>
  void each(Visit visit) const {
    for (const auto& [begin, rest] : runs_) visit(begin, rest.end, rest.protection);
  }
  // Whether `accepts(protection)` holds for every run.
  template <typename Accepts>
  bool all(Accepts accepts) const {
    return std::all_of(runs_.begin(), runs_.end(), [&](const auto& entry) { return accepts(entry.second.protection); });
  }

 private:
  struct Rest {
    size_t end;
    int protection;
  };
  using Runs = std::map<size_t, Rest>;  // by the first byte

  // The run that contains `at`, else the first one after it.
  Runs::const_iterator at_or_after(size_t at) const;
  // Makes `at` a border of runs.
  void split(size_t at);

  Runs runs_;
};

}  // namespace amdgpu_svm

#endif
