// Sole owner of one file descriptor.
#ifndef AMDGPU_SVM_FILE_DESCRIPTOR_H
#define AMDGPU_SVM_FILE_DESCRIPTOR_H

#include <unistd.h>

#include <cerrno>
#include <utility>

namespace amdgpu_svm {

class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int number) : number_(number) {}
  FileDescriptor(FileDescriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    if (this != &other) {
      close();
      number_ = std::exchange(other.number_, -1);
    }
    return *this;
  }
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  ~FileDescriptor() { close(); }

  int number() const { return number_; }

  // 0 or a negative errno. Linux frees the number even when close(2) reports
  // EINTR, so it is never tried twice.
  int close() {
    const int number = std::exchange(number_, -1);
    if (number < 0 || ::close(number) == 0) return 0;
    return -errno;
  }

 private:
  int number_ = -1;
};

}  // namespace amdgpu_svm

#endif
