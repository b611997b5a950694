#include "mapped_store.h"

#include <algorithm>
#include <cstring>
#include <iterator>

namespace amdgpu_svm::fuse {

namespace {

// The entry that holds `offset`, or end.
template <typename Extents>
auto extent_of(Extents& extents, uint64_t offset) {
  const auto after = extents.upper_bound(offset);
  if (after == extents.begin()) return extents.end();
  const auto found = std::prev(after);
  return offset - found->first < found->second.length ? found : extents.end();
}

}  // namespace

void MappedStore::write(uint64_t offset, std::span<const uint8_t> bytes) {
  for (size_t done = 0; done < bytes.size();) {
    const uint64_t at = offset + done;
    const size_t within = at % kPage;
    const size_t count = std::min(kPage - within, bytes.size() - done);
    const auto extent = extent_of(extents_, at);
    if (extent != extents_.end()) {
      auto& page = extent->second.pages[at - within];
      std::memcpy(page.data() + within, bytes.data() + done, count);
    }
    done += count;
  }
}

bool MappedStore::watch(uint64_t offset) {
  const auto extent = extent_of(extents_, offset);
  if (extent == extents_.end() || extent->second.session == 0) return false;
  extent->second.watched = true;
  return true;
}

uint32_t MappedStore::touched(uint64_t offset, uint64_t length) {
  auto extent = extent_of(extents_, offset);
  if (extent == extents_.end()) extent = extents_.lower_bound(offset);
  for (; extent != extents_.end() && extent->first < offset + length; ++extent) {
    if (!extent->second.watched) continue;
    extent->second.watched = false;
    return extent->second.session;
  }
  return 0;
}

void MappedStore::read(uint64_t offset, std::span<uint8_t> target) const {
  std::fill(target.begin(), target.end(), uint8_t{0});
  for (size_t done = 0; done < target.size();) {
    const uint64_t at = offset + done;
    const size_t within = at % kPage;
    const size_t count = std::min(kPage - within, target.size() - done);
    const auto extent = extent_of(extents_, at);
    if (extent != extents_.end()) {
      const auto page = extent->second.pages.find(at - within);
      if (page != extent->second.pages.end()) std::memcpy(target.data() + done, page->second.data() + within, count);
    }
    done += count;
  }
}

}  // namespace amdgpu_svm::fuse
