// The mounted directory: renderD128, renderD129, ..., and kfd if it is served. Names and attributes are
// answered here; open and ioctl go to Node and are answered when it has.
#ifndef AMDGPU_SVM_FUSE_FILESYSTEM_H
#define AMDGPU_SVM_FUSE_FILESYSTEM_H

#define FUSE_USE_VERSION 35
#include <fuse_lowlevel.h>

#include <cstdint>
#include <list>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "file_question.h"
#include "listeners.h"
#include "mapped_store.h"
#include "messages.h"

namespace amdgpu_svm::fuse {

// "renderD128" for 0.
std::string node_name(unsigned index);

class Filesystem {
 public:
  // `svm_number`: the number byte of the SVM ioctl in the user ABI that is served.
  // `listeners`: a file kfd is served too, and all files can be mapped; null: no.
  Filesystem(unsigned nodes, unsigned svm_number, Listeners* listeners, Outbox& outbox);
  Filesystem(const Filesystem&) = delete;
  Filesystem& operator=(const Filesystem&) = delete;

  // Carries out what a frame from Node says; false for a frame that makes no sense.
  bool handle(std::span<const uint8_t> frame);
  // What is readable when a question of `ioctl` was answered; then `ask_node`.
  std::vector<int> questions() const;
  void ask_node(int question);
  // Every request that Node has not answered ends with this errno: there will be no answer.
  void fail_pending(int error);

  static const fuse_lowlevel_ops& operations();

 private:
  struct Pending {
    fuse_req_t request;
    fuse_file_info file;  // of an open
    bool is_open;
    uint32_t thread;  // of an ioctl
    size_t room;      // bytes of the argument that the kernel copies back
  };

  // An ioctl that waits for the answer to a question.
  struct Questioned {
    FileQuestion question;
    uint64_t id;
    uint64_t file;
    uint32_t thread;
    uint32_t command;
    std::vector<uint8_t> argument;
  };

  static Filesystem& of(fuse_req_t request);
  static void interrupted(fuse_req_t request, void* id);
  static void begin(void* self, fuse_conn_info* connection);
  static void lookup(fuse_req_t request, fuse_ino_t parent, const char* name);
  static void getattr(fuse_req_t request, fuse_ino_t inode, fuse_file_info* file);
  static void setattr(fuse_req_t request, fuse_ino_t inode, struct stat* attributes, int to_set, fuse_file_info* file);
  static void readdir(fuse_req_t request, fuse_ino_t inode, size_t size, off_t offset, fuse_file_info* file);
  static void open(fuse_req_t request, fuse_ino_t inode, fuse_file_info* file);
  static void release(fuse_req_t request, fuse_ino_t inode, fuse_file_info* file);
  static void read(fuse_req_t request, fuse_ino_t inode, size_t size, off_t offset, fuse_file_info* file);
  static void write(fuse_req_t request, fuse_ino_t inode, const char* bytes, size_t size, off_t offset,
                    fuse_file_info* file);
  static void ioctl(fuse_req_t request, fuse_ino_t inode, unsigned command, void* argument, fuse_file_info* file,
                    unsigned flags, const void* in, size_t in_size, size_t out_size);

  unsigned files() const { return nodes_ + (kfd_ ? 1 : 0); }
  std::string name_of(unsigned index) const { return index < nodes_ ? node_name(index) : "kfd"; }
  bool exists(fuse_ino_t inode) const { return inode == FUSE_ROOT_ID || inode < kFirstNode + files(); }
  struct stat attributes_of(fuse_ino_t inode) const;
  std::pair<Records, std::vector<uint8_t>> read_records(uint32_t command, std::span<const uint8_t> argument,
                                                        pid_t thread) const;
  bool answer_question(fuse_req_t request, unsigned command, uint64_t file);
  bool question_first(uint64_t id, uint64_t file, uint32_t thread, uint32_t command, std::span<const uint8_t> argument);
  void send_ioctl(uint64_t id, uint64_t file, uint32_t thread, uint32_t command, std::span<const uint8_t> argument,
                  Records state, std::span<const uint8_t> records);
  void finish_open(Pending pending, int result);
  void finish_ioctl(uint64_t id, const Pending& pending, Reader& reader);

  static constexpr fuse_ino_t kFirstNode = FUSE_ROOT_ID + 1;
  unsigned nodes_;
  unsigned svm_number_;
  Listeners* listeners_;
  bool kfd_;
  Outbox& outbox_;
  std::vector<MappedStore> stores_;  // of each file
  uint64_t next_id_ = 1;
  uint64_t next_file_ = 1;
  std::unordered_map<uint64_t, Pending> pending_;
  std::list<Questioned> questioned_;
};

}  // namespace amdgpu_svm::fuse

#endif
