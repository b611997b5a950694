// One open device file and the queue of its asynchronous ioctls.
#ifndef AMDGPU_SVM_DEVICE_H
#define AMDGPU_SVM_DEVICE_H

#include <napi.h>

#include <deque>
#include <memory>
#include <vector>

#include "file_descriptor.h"
#include "ioctl_call.h"

namespace amdgpu_svm {

class IoctlWorker;

// Used on the JavaScript thread; worker threads only get the number of the
// descriptor, which stays open as long as a worker is under way.
class Device : public std::enable_shared_from_this<Device> {
 public:
  explicit Device(FileDescriptor file) : file_(std::move(file)) {}
  ~Device();

  bool closed() const { return closed_; }
  int number() const { return file_.number(); }

  // No further call is accepted from here on. The descriptor itself is closed
  // when the asynchronous ioctls accepted before have ended. 0 or a negative errno.
  int close();

  // Starts the worker, or queues it behind the one under way: ioctls of one
  // device end in the order in which they were issued.
  void enqueue(std::unique_ptr<IoctlWorker> worker);

 private:
  friend class IoctlWorker;
  void start(std::unique_ptr<IoctlWorker> worker);
  // Called by the worker under way when it has reported. `usable` is false when
  // the environment no longer runs JavaScript: what is queued is then dropped,
  // so that terminating a worker thread doesn't wait for it.
  void ended(bool usable);

  FileDescriptor file_;
  bool closed_ = false;
  bool busy_ = false;
  std::deque<std::unique_ptr<IoctlWorker>> queue_;
};

// One asynchronous ioctl: owns the copies, keeps the caller's buffers alive.
class IoctlWorker : public Napi::AsyncWorker {
 public:
  // `deferred` is settled with the result of the ioctl.
  IoctlWorker(Napi::Env env, std::shared_ptr<Device> device, std::unique_ptr<IoctlCall> call,
              const IoctlArguments& arguments, napi_deferred deferred);

 protected:
  void Execute() override;
  void OnOK() override;

 private:
  std::shared_ptr<Device> device_;
  std::unique_ptr<IoctlCall> call_;
  std::vector<Napi::ObjectReference> buffers_;
  napi_deferred deferred_;
  int result_ = 0;
};

// The exported functions; native.d.ts documents them.
Napi::Value open(const Napi::CallbackInfo& info);
Napi::Value adopt(const Napi::CallbackInfo& info);
Napi::Value descriptor(const Napi::CallbackInfo& info);
Napi::Value close(const Napi::CallbackInfo& info);
Napi::Value ioctl_async(const Napi::CallbackInfo& info);
Napi::Value driver_version(const Napi::CallbackInfo& info);

}  // namespace amdgpu_svm

#endif
