// The exported function driverVersion: DRM_IOCTL_VERSION in its two calls, the
// first for the lengths of the strings, the second for the strings.
#include <sys/ioctl.h>

#include <algorithm>
#include <cerrno>
#include <string>

#include "addon_state.h"
#include "device.h"
#include "device_handle.h"
#include "restart.h"
#include "uapi_layout.h"

namespace amdgpu_svm {

namespace {

// Real names have tens of bytes; this only keeps a file that is no DRM node,
// and answers the request all the same, from making us allocate what it likes.
constexpr uint64_t kMaximumStringBytes = 4096;

int query(int file_descriptor, DrmVersion& version) {
  return restarted([&] { return ::ioctl(file_descriptor, static_cast<unsigned long>(kRequestDrmVersion), &version); });
}

uint64_t bounded(uint64_t length) { return std::min(length, kMaximumStringBytes); }

uint64_t address_of(std::string& text) { return text.empty() ? 0 : reinterpret_cast<uintptr_t>(text.data()); }

// The driver reports the full length even when it copied less.
Napi::String text_of(Napi::Env env, const std::string& text, uint64_t reported) {
  return Napi::String::New(env, text.data(), std::min<uint64_t>(reported, text.size()));
}

}  // namespace

Napi::Value driver_version(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  DeviceHandle* const handle = DeviceHandle::argument(env, *AddonState::of(env).handles(), info[0]);
  if (handle == nullptr) return env.Undefined();
  if (handle->device()->closed()) return Napi::Number::New(env, -EBADF);

  DrmVersion version{};
  int result = query(handle->device()->number(), version);
  if (result < 0) return Napi::Number::New(env, result);

  std::string name(bounded(version.name_len), '\0');
  std::string date(bounded(version.date_len), '\0');
  std::string description(bounded(version.desc_len), '\0');
  version = DrmVersion{};
  version.name_len = name.size();
  version.name = address_of(name);
  version.date_len = date.size();
  version.date = address_of(date);
  version.desc_len = description.size();
  version.desc = address_of(description);
  result = query(handle->device()->number(), version);
  if (result < 0) return Napi::Number::New(env, result);

  Napi::Object answer = Napi::Object::New(env);
  answer.Set("name", text_of(env, name, version.name_len));
  answer.Set("date", text_of(env, date, version.date_len));
  answer.Set("description", text_of(env, description, version.desc_len));
  answer.Set("major", Napi::Number::New(env, version.version_major));
  answer.Set("minor", Napi::Number::New(env, version.version_minor));
  answer.Set("patchlevel", Napi::Number::New(env, version.version_patchlevel));
  return answer;
}

}  // namespace amdgpu_svm
