// Which open file a descriptor of a client is: the number that the file got when it was opened.
//
// No system call tells it, but an ioctl on a duplicate of the descriptor comes with the number. Who issues it waits for this
// process, which has one thread: so a child does. It closes the connection to the kernel first, so that it cannot keep
// the mount alive when this process is killed.
#ifndef AMDGPU_SVM_FUSE_FILE_QUESTION_H
#define AMDGPU_SVM_FUSE_FILE_QUESTION_H

#include <sys/types.h>

#include <cstdint>

namespace amdgpu_svm::fuse {

// The ioctl of the child; nobody else is answered.
extern const unsigned kWhichFile;

class FileQuestion {
 public:
  // Asks about `descriptor` of the process of `thread`. `error` is 0, EBADF where it is none, or what the system forbids.
  FileQuestion(pid_t thread, int descriptor);
  ~FileQuestion();
  FileQuestion(FileQuestion&& other) noexcept;
  FileQuestion& operator=(FileQuestion&&) = delete;
  FileQuestion(const FileQuestion&) = delete;
  FileQuestion& operator=(const FileQuestion&) = delete;

  int error() const { return error_; }
  pid_t child() const { return child_; }
  // Readable when the child has ended.
  int ended() const { return ended_; }
  // The ioctl of the child has come.
  void answer(uint64_t file) { file_ = file; }
  // 0: it is no file of this mount.
  uint64_t file() const { return file_; }

 private:
  int error_ = 0;
  pid_t child_ = -1;
  int ended_ = -1;
  uint64_t file_ = 0;
};

}  // namespace amdgpu_svm::fuse

#endif
