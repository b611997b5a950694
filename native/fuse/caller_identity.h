// Whether the process that opens a node may be served: its memory will be read and
// written for it, so it must be memory that the caller itself could reach.
#ifndef AMDGPU_SVM_FUSE_CALLER_IDENTITY_H
#define AMDGPU_SVM_FUSE_CALLER_IDENTITY_H

#include <sys/types.h>

namespace amdgpu_svm::fuse {

// Opens /proc/THREAD/mem with the credentials of the caller (file system user and
// group, none of root's rights over files) and closes it again. 0 or an errno:
// EACCES for a program that the system protects from its own user.
int try_memory_as(pid_t thread, uid_t user, gid_t group);

}  // namespace amdgpu_svm::fuse

#endif
