// The exported function layout: the structures as this compiler laid them out,
// in the shape of STRUCT_LAYOUTS of lib/uapi/layout.ts.
#include "layout.h"

#include "guarded_block.h"
#include "uapi_layout.h"

namespace amdgpu_svm {

namespace {

class StructDescription {
 public:
  StructDescription(Napi::Env env, size_t size)
      : env_(env), layout_(Napi::Object::New(env)), fields_(Napi::Object::New(env)) {
    layout_.Set("size", static_cast<double>(size));
    layout_.Set("fields", fields_);
  }
  StructDescription& field(const char* name, size_t offset, size_t size) {
    Napi::Object field = Napi::Object::New(env_);
    field.Set("offset", static_cast<double>(offset));
    field.Set("size", static_cast<double>(size));
    fields_.Set(name, field);
    return *this;
  }
  Napi::Object value() const { return layout_; }

 private:
  Napi::Env env_;
  Napi::Object layout_;
  Napi::Object fields_;
};

#define FIELD(type, name) field(#name, offsetof(type, name), sizeof(type::name))

}  // namespace

Napi::Value layout(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  Napi::Object structs = Napi::Object::New(env);
  structs.Set("drm_amdgpu_gem_svm", StructDescription(env, sizeof(GemSvm))
                                        .FIELD(GemSvm, start_addr)
                                        .FIELD(GemSvm, size)
                                        .FIELD(GemSvm, operation)
                                        .FIELD(GemSvm, nattr)
                                        .FIELD(GemSvm, attrs_ptr)
                                        .value());
  structs.Set("drm_amdgpu_svm_attribute", StructDescription(env, sizeof(SvmAttribute))
                                              .FIELD(SvmAttribute, type)
                                              .FIELD(SvmAttribute, value)
                                              .value());
  structs.Set("drm_version", StructDescription(env, sizeof(DrmVersion))
                                 .FIELD(DrmVersion, version_major)
                                 .FIELD(DrmVersion, version_minor)
                                 .FIELD(DrmVersion, version_patchlevel)
                                 .FIELD(DrmVersion, name_len)
                                 .FIELD(DrmVersion, name)
                                 .FIELD(DrmVersion, date_len)
                                 .FIELD(DrmVersion, date)
                                 .FIELD(DrmVersion, desc_len)
                                 .FIELD(DrmVersion, desc)
                                 .value());
  Napi::Object requests = Napi::Object::New(env);
  requests.Set("DRM_IOCTL_VERSION", static_cast<double>(kRequestDrmVersion));

  Napi::Object answer = Napi::Object::New(env);
  answer.Set("structs", structs);
  answer.Set("requests", requests);
  answer.Set("pageSize", static_cast<double>(page_size()));
  return answer;
}

}  // namespace amdgpu_svm
