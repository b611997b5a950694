// What one environment (main thread or worker) keeps. There are no statics in
// the addon: every environment that loads it gets a state of its own.
#ifndef AMDGPU_SVM_ADDON_STATE_H
#define AMDGPU_SVM_ADDON_STATE_H

#include <napi.h>

#include <memory>

#include "guarded_block.h"

namespace amdgpu_svm {

class AddonState {
 public:
  explicit AddonState(Napi::Env env);
  static AddonState& of(Napi::Env env) { return *env.GetInstanceData<AddonState>(); }

  // Node-API has no question for this, so the original getter of
  // ArrayBuffer.prototype.resizable is kept: asking the object itself could run
  // somebody's JavaScript between the check and the use of a pointer.
  bool is_resizable(napi_env env, napi_value array_buffer) const;

  // Shared, because devices may outlive the instance data when the environment ends.
  const std::shared_ptr<BlockPool>& pool() const { return pool_; }

 private:
  Napi::FunctionReference resizable_getter_;
  std::shared_ptr<BlockPool> pool_ = std::make_shared<BlockPool>();
};

}  // namespace amdgpu_svm

#endif
