#include "filesystem.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "../uapi_layout.h"
#include "caller_identity.h"
#include "caller_memory.h"

namespace amdgpu_svm::fuse {

// Nothing in the directory ever changes, so the kernel may keep what it knows.
static constexpr double kForever = 86400.0;

std::string node_name(unsigned index) { return "renderD" + std::to_string(128 + index); }

// Beyond every offset that a mapping may have: the size of a file bounds its mappings.
static constexpr off_t kMappableSize = 0x7fff'ffff'ffff'f000;
static constexpr unsigned kKfdType = 0x4b;
static constexpr unsigned kAcquireVm = 0x15;

// Whether `thread` is one of the process that started this one. It reads and drops the doorbells through files of its
// own, and must not wait for itself.
static bool is_server(pid_t thread) {
  const std::string path = "/proc/" + std::to_string(::getppid()) + "/task/" + std::to_string(thread);
  return ::access(path.c_str(), F_OK) == 0;
}

Filesystem::Filesystem(unsigned nodes, unsigned svm_number, Listeners* listeners, Outbox& outbox)
    : nodes_(nodes),
      svm_number_(svm_number),
      listeners_(listeners),
      kfd_(listeners != nullptr),
      outbox_(outbox),
      stores_(nodes + 1) {}

Filesystem& Filesystem::of(fuse_req_t request) { return *static_cast<Filesystem*>(fuse_req_userdata(request)); }

struct stat Filesystem::attributes_of(fuse_ino_t inode) const {
  struct stat attributes = {};
  attributes.st_ino = inode;
  attributes.st_uid = ::getuid();
  attributes.st_gid = ::getgid();
  if (inode == FUSE_ROOT_ID) {
    attributes.st_mode = S_IFDIR | 0555;
    attributes.st_nlink = 2;
  } else {
    // A character device would be opened past FUSE, by the driver of its number.
    attributes.st_mode = S_IFREG | 0666;
    attributes.st_nlink = 1;
    if (kfd_) attributes.st_size = kMappableSize;
  }
  return attributes;
}

// Sizes and times never change: no read has to ask for them first.
void Filesystem::begin(void*, fuse_conn_info* connection) { connection->want &= ~FUSE_CAP_AUTO_INVAL_DATA; }

void Filesystem::lookup(fuse_req_t request, fuse_ino_t parent, const char* name) {
  const Filesystem& self = of(request);
  for (unsigned index = 0; parent == FUSE_ROOT_ID && index < self.files(); ++index) {
    if (self.name_of(index) != name) continue;
    fuse_entry_param entry = {};
    entry.ino = kFirstNode + index;
    entry.attr = self.attributes_of(entry.ino);
    entry.attr_timeout = kForever;
    entry.entry_timeout = kForever;
    fuse_reply_entry(request, &entry);
    return;
  }
  fuse_reply_err(request, ENOENT);
}

void Filesystem::getattr(fuse_req_t request, fuse_ino_t inode, fuse_file_info*) {
  const Filesystem& self = of(request);
  if (!self.exists(inode)) {
    fuse_reply_err(request, ENOENT);
    return;
  }
  const struct stat attributes = self.attributes_of(inode);
  fuse_reply_attr(request, &attributes, kForever);
}

// O_TRUNC, chmod, utimes: accepted and without effect, as truncation is for a device file.
void Filesystem::setattr(fuse_req_t request, fuse_ino_t inode, struct stat*, int, fuse_file_info* file) {
  getattr(request, inode, file);
}

void Filesystem::readdir(fuse_req_t request, fuse_ino_t inode, size_t size, off_t offset, fuse_file_info*) {
  const Filesystem& self = of(request);
  if (inode != FUSE_ROOT_ID) {
    fuse_reply_err(request, ENOTDIR);
    return;
  }
  std::vector<std::pair<std::string, fuse_ino_t>> names = {{".", FUSE_ROOT_ID}, {"..", FUSE_ROOT_ID}};
  for (unsigned index = 0; index < self.files(); ++index) names.emplace_back(self.name_of(index), kFirstNode + index);
  std::vector<char> buffer(size);
  size_t used = 0;
  for (auto at = static_cast<size_t>(offset); at < names.size(); ++at) {
    const struct stat attributes = self.attributes_of(names[at].second);
    const size_t length = fuse_add_direntry(request, buffer.data() + used, size - used, names[at].first.c_str(),
                                            &attributes, static_cast<off_t>(at + 1));
    if (length > size - used) break;
    used += length;
  }
  fuse_reply_buf(request, buffer.data(), used);
}

void Filesystem::open(fuse_req_t request, fuse_ino_t inode, fuse_file_info* file) {
  Filesystem& self = of(request);
  if (inode == FUSE_ROOT_ID || !self.exists(inode)) {
    fuse_reply_err(request, inode == FUSE_ROOT_ID ? EISDIR : ENOENT);
    return;
  }
  const fuse_ctx& caller = *fuse_req_ctx(request);
  if (self.kfd_) {
    // Files that can be mapped go through the page cache, which has the only copy of what was stored through mappings.
    file->keep_cache = 1;
    file->noflush = 1;
    if (is_server(caller.pid)) {
      file->fh = 0;
      fuse_reply_open(request, file);
      return;
    }
  } else {
    file->direct_io = 1;
    file->nonseekable = 1;
  }
  file->fh = self.next_file_++;
  const auto thread = static_cast<uint32_t>(caller.pid);
  const int refused = try_memory_as(caller.pid, caller.uid, caller.gid);
  const uint64_t id = self.next_id_++;
  self.pending_.emplace(id, Pending{request, *file, true, thread, 0});
  Frame frame(Kind::Open, id);
  frame.put<uint64_t>(file->fh).put(thread).put(static_cast<uint32_t>(inode - kFirstNode));
  frame.put<uint32_t>(caller.uid).put<uint32_t>(caller.gid).put(static_cast<uint32_t>(refused));
  self.outbox_.send(std::move(frame));
}

void Filesystem::release(fuse_req_t request, fuse_ino_t, fuse_file_info* file) {
  if (file->fh != 0) of(request).outbox_.send(std::move(Frame(Kind::Release, 0).put<uint64_t>(file->fh)));
  fuse_reply_err(request, 0);
}

void Filesystem::read(fuse_req_t request, fuse_ino_t inode, size_t size, off_t offset, fuse_file_info* file) {
  Filesystem& self = of(request);
  if (!self.kfd_) {
    fuse_reply_err(request, EINVAL);
    return;
  }
  MappedStore& store = self.stores_[inode - kFirstNode];
  // Node looks at a doorbell before it has its page dropped again: that is nobody's touch. First of all, since it takes
  // Node longer to wake up than the client to store.
  if (file->fh != 0) {
    const uint32_t session = store.touched(static_cast<uint64_t>(offset), size);
    if (session != 0) self.listeners_->tell(session);
  }
  std::vector<uint8_t> bytes(size);
  store.read(static_cast<uint64_t>(offset), bytes);
  fuse_reply_buf(request, reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

void Filesystem::write(fuse_req_t request, fuse_ino_t inode, const char* bytes, size_t size, off_t offset,
                       fuse_file_info*) {
  Filesystem& self = of(request);
  if (!self.kfd_) {
    fuse_reply_err(request, EINVAL);
    return;
  }
  MappedStore& store = self.stores_[inode - kFirstNode];
  // Node writes to doorbells only so that the kernel drops their pages: what it writes means nothing.
  if (!is_server(fuse_req_ctx(request)->pid) || !store.watch(static_cast<uint64_t>(offset)))
    store.write(static_cast<uint64_t>(offset), {reinterpret_cast<const uint8_t*>(bytes), size});
  fuse_reply_write(request, size);
}

// The records behind `attrs_ptr`, read before Node is asked: one way to Node and
// back is then enough. Reading too early is not visible to the caller, who waits.
std::pair<Records, std::vector<uint8_t>> Filesystem::read_records(uint32_t command, std::span<const uint8_t> argument,
                                                                  pid_t thread) const {
  GemSvm call = {};
  const bool is_svm = _IOC_TYPE(command) == kDrmType && _IOC_NR(command) == svm_number_;
  if (!is_svm || argument.size() < sizeof(call)) return {Records::NotRead, {}};
  std::memcpy(&call, argument.data(), sizeof(call));
  if (call.attrs_ptr == 0 || call.nattr == 0 || call.nattr > kMaximumRecords) return {Records::NotRead, {}};
  std::vector<uint8_t> records(call.nattr * sizeof(SvmAttribute));
  if (!copy_from_caller(thread, call.attrs_ptr, records)) return {Records::Fault, {}};
  return {Records::Read, std::move(records)};
}

void Filesystem::ioctl(fuse_req_t request, fuse_ino_t, unsigned command, void*, fuse_file_info* file, unsigned,
                       const void* in, size_t in_size, size_t out_size) {
  Filesystem& self = of(request);
  if (command == kWhichFile && self.answer_question(request, command, file->fh)) return;
  const auto argument = std::span(static_cast<const uint8_t*>(in), in_size);
  const auto thread = static_cast<uint32_t>(fuse_req_ctx(request)->pid);
  const auto [state, records] = self.read_records(command, argument, static_cast<pid_t>(thread));
  const uint64_t id = self.next_id_++;
  self.pending_.emplace(id, Pending{request, {}, false, thread, out_size});
  // A call that waits for an event has to end when its thread gets a signal: Node answers it then.
  if (_IOC_TYPE(command) == kKfdType) fuse_req_interrupt_func(request, interrupted, reinterpret_cast<void*>(id));
  if (self.question_first(id, file->fh, thread, command, argument)) return;
  self.send_ioctl(id, file->fh, thread, command, argument, state, records);
}

void Filesystem::send_ioctl(uint64_t id, uint64_t file, uint32_t thread, uint32_t command,
                            std::span<const uint8_t> argument, Records state, std::span<const uint8_t> records) {
  Frame frame(Kind::Ioctl, id);
  frame.put(file).put(thread).put(command).put(state);
  frame.put(static_cast<uint32_t>(argument.size())).put(static_cast<uint32_t>(records.size()));
  outbox_.send(std::move(frame.put_bytes(argument).put_bytes(records)));
}

// ACQUIRE_VM names a file by its descriptor: Node gets the number of that file as the call's records. Where the system
// does not let us ask there are none, and Node goes by the order of the descriptors.
bool Filesystem::question_first(uint64_t id, uint64_t file, uint32_t thread, uint32_t command,
                                std::span<const uint8_t> argument) {
  int32_t descriptor = 0;
  if (_IOC_TYPE(command) != kKfdType || _IOC_NR(command) != kAcquireVm || argument.size() < sizeof(descriptor)) return false;
  std::memcpy(&descriptor, argument.data(), sizeof(descriptor));
  FileQuestion question(static_cast<pid_t>(thread), descriptor);
  if (question.error() == EBADF) {
    send_ioctl(id, file, thread, command, argument, Records::Fault, {});
    return true;
  }
  if (question.error() != 0) return false;
  questioned_.push_back({std::move(question), id, file, thread, command, {argument.begin(), argument.end()}});
  return true;
}

// The ioctl of a child of ours, on the file that is asked about.
bool Filesystem::answer_question(fuse_req_t request, unsigned command, uint64_t file) {
  for (Questioned& each : questioned_) {
    if (each.question.child() != fuse_req_ctx(request)->pid) continue;
    each.question.answer(file);
    const uint64_t nothing = 0;
    fuse_reply_ioctl(request, 0, &nothing, _IOC_SIZE(command));
    return true;
  }
  return false;
}

std::vector<int> Filesystem::questions() const {
  std::vector<int> descriptors;
  for (const Questioned& each : questioned_) descriptors.push_back(each.question.ended());
  return descriptors;
}

void Filesystem::ask_node(int question) {
  for (auto each = questioned_.begin(); each != questioned_.end(); ++each) {
    if (each->question.ended() != question) continue;
    const uint64_t file = each->question.file();
    const auto bytes = std::span(reinterpret_cast<const uint8_t*>(&file), file == 0 ? 0 : sizeof(file));
    send_ioctl(each->id, each->file, each->thread, each->command, each->argument,
               file == 0 ? Records::Fault : Records::Read, bytes);
    questioned_.erase(each);
    return;
  }
}

void Filesystem::interrupted(fuse_req_t request, void* id) {
  of(request).outbox_.send(Frame(Kind::Interrupted, reinterpret_cast<uintptr_t>(id)));
}

bool Filesystem::handle(std::span<const uint8_t> frame) {
  Reader reader(frame);
  reader.take<uint32_t>();  // length
  const auto kind = reader.take<Kind>();
  const auto id = reader.take<uint64_t>();
  if (kind == Kind::Keep || kind == Kind::Forget) {
    const auto file = reader.take<uint32_t>();
    const auto offset = reader.take<uint64_t>();
    const auto length = reader.take<uint64_t>();
    const auto session = kind == Kind::Keep ? reader.take<uint32_t>() : 0;
    if (!reader.ok() || file >= stores_.size()) return false;
    if (kind == Kind::Keep) {
      stores_[file].keep(offset, length, session);
    } else {
      stores_[file].forget(offset);
    }
    return true;
  }
  const auto found = pending_.find(id);
  if (found == pending_.end() || found->second.is_open != (kind == Kind::Opened)) return false;
  const Pending pending = found->second;
  pending_.erase(found);
  if (kind == Kind::Opened) {
    finish_open(pending, reader.take<int32_t>());
  } else {
    finish_ioctl(id, pending, reader);
  }
  return reader.ok();
}

void Filesystem::finish_open(Pending pending, int result) {
  if (result < 0) {
    fuse_reply_err(pending.request, -result);
    return;
  }
  // A caller that was killed meanwhile never gets the file, and nobody will release it.
  if (fuse_reply_open(pending.request, &pending.file) == -ENOENT) {
    outbox_.send(std::move(Frame(Kind::Release, 0).put<uint64_t>(pending.file.fh)));
  }
}

void Filesystem::finish_ioctl(uint64_t id, const Pending& pending, Reader& reader) {
  auto result = reader.take<int32_t>();
  const auto length = reader.take<uint32_t>();
  const auto writes = reader.take<uint32_t>();
  const auto argument = reader.take_bytes(length);
  for (uint32_t index = 0; index < writes && reader.ok(); ++index) {
    const auto address = reader.take<uint64_t>();
    const auto bytes = reader.take_bytes(reader.take<uint32_t>());
    if (copy_to_caller(static_cast<pid_t>(pending.thread), address, bytes)) continue;
    result = -EFAULT;
    outbox_.send(Frame(Kind::WriteFault, id));
    break;
  }
  if (!reader.ok()) result = -EIO;
  // The argument goes back whatever the result is, as the DRM core does it.
  fuse_reply_ioctl(pending.request, result, argument.data(), std::min(argument.size(), pending.room));
}

void Filesystem::fail_pending(int error) {
  for (const auto& [id, pending] : pending_) fuse_reply_err(pending.request, error);
  pending_.clear();
}

const fuse_lowlevel_ops& Filesystem::operations() {
  static const fuse_lowlevel_ops operations = [] {
    fuse_lowlevel_ops table = {};
    table.init = begin;
    table.lookup = lookup;
    table.getattr = getattr;
    table.setattr = setattr;
    table.readdir = readdir;
    table.open = open;
    table.release = release;
    table.read = read;
    table.write = write;
    table.ioctl = ioctl;
    return table;
  }();
  return operations;
}

}  // namespace amdgpu_svm::fuse
