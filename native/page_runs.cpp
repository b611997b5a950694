#include "page_runs.h"

namespace amdgpu_svm {

PageRuns::Runs::const_iterator PageRuns::at_or_after(size_t at) const {
  const auto after = runs_.upper_bound(at);
  if (after == runs_.begin()) return after;
  const auto before = std::prev(after);
  return before->second.end > at ? before : after;
}

void PageRuns::split(size_t at) {
  const auto after = runs_.lower_bound(at);
  if (after == runs_.begin()) return;
  Rest& before = std::prev(after)->second;
  if (before.end <= at) return;
  runs_.emplace_hint(after, at, Rest{before.end, before.protection});
  before.end = at;
}

void PageRuns::cut(size_t begin, size_t end) {
  if (begin >= end) return;
  split(begin);
  split(end);
  runs_.erase(runs_.lower_bound(begin), runs_.lower_bound(end));
}

void PageRuns::set(size_t begin, size_t end, int protection) {
  if (begin >= end) return;
  cut(begin, end);
  const auto after = runs_.lower_bound(end);
  if (after != runs_.end() && after->first == end && after->second.protection == protection) {
    end = after->second.end;
    runs_.erase(after);
  }
  const auto next = runs_.lower_bound(begin);
  if (next != runs_.begin()) {
    Rest& before = std::prev(next)->second;
    if (before.end == begin && before.protection == protection) {
      before.end = end;
      return;
    }
  }
  runs_.emplace_hint(next, begin, Rest{end, protection});
}

size_t PageRuns::covered_length(size_t offset, size_t length) const {
  const size_t limit = offset + length;
  size_t at = offset;
  for (auto run = at_or_after(offset); at < limit && run != runs_.end() && run->first <= at; ++run) at = run->second.end;
  return std::min(at - offset, length);
}

std::optional<PageRuns::Interval> PageRuns::first_covered(size_t begin, size_t end) const {
  const auto run = at_or_after(begin);
  if (run == runs_.end() || run->first >= end) return std::nullopt;
  const size_t from = std::max(begin, run->first);
  return Interval{from, from + covered_length(from, end - from)};
}

}  // namespace amdgpu_svm
