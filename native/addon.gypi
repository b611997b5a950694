{
  # The addon, but for the place of node-addon-api's headers: what the two gyp files
  # share. binding.gyp in the root is the developers' one and not in the published
  # package; native/binding.gyp is in it, for `amdgpu-svm build`.
  "targets": [
    {
      "target_name": "amdgpu_svm",
      "conditions": [
        [
          "OS=='linux'",
          {
            "sources": ["amdgpu_svm.cpp", "old_systems.cpp"],
            "include_dirs": ["<@(node_addon_api_headers)"],
            "defines": [
              "NAPI_VERSION=9",
              "NAPI_DISABLE_CPP_EXCEPTIONS",
              # A worker that is being terminated takes no exception; that must not end the process.
              "NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS",
              "_FILE_OFFSET_BITS=64"
            ],
            "cflags": [
              "-Wall",
              "-Wextra",
              "-Werror",
              "-fvisibility=hidden"
            ],
            # With run-time type information shared_ptr needs no symbol newer than gcc 5.
            "cflags_cc!": ["-std=gnu++17", "-std=gnu++20", "-fexceptions", "-fno-rtti"],
            "cflags_cc": ["-std=c++20", "-fno-exceptions", "-fvisibility-inlines-hidden"],
            # nodelete: fault_guard.cpp has a signal handler, which must not go when a worker ends.
            "ldflags": ["-Wl,-z,relro,-z,now,-z,nodelete"]
          },
          {
            # The addon only means something on Linux; elsewhere the target is empty.
            "type": "none"
          }
        ]
      ]
    }
  ]
}
