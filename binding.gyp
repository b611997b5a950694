{
  # Developers' build of the addon (`npx node-gyp rebuild`). This file must stay
  # out of the published tarball: npm would take it for an install script.
  "targets": [
    {
      "target_name": "amdgpu_svm",
      "conditions": [
        [
          "OS=='linux'",
          {
            "sources": [
              "native/addon.cpp",
              "native/arguments.cpp",
              "native/device.cpp",
              "native/device_functions.cpp",
              "native/driver_version.cpp",
              "native/guarded_block.cpp",
              "native/ioctl_call.cpp",
              "native/layout.cpp",
              "native/mapping.cpp",
              "native/memory_functions.cpp",
              "native/memory_handle.cpp"
            ],
            "defines": [
              "NAPI_VERSION=9",
              "NAPI_DISABLE_CPP_EXCEPTIONS",
              "_FILE_OFFSET_BITS=64"
            ],
            "include_dirs": ["<!(node -p \"require('node-addon-api').include_dir\")"],
            "cflags": [
              "-Wall",
              "-Wextra",
              "-Werror",
              "-fvisibility=hidden"
            ],
            "cflags_cc!": ["-std=gnu++17", "-std=gnu++20", "-fexceptions"],
            "cflags_cc": ["-std=c++20", "-fno-exceptions", "-fvisibility-inlines-hidden"],
            "ldflags": ["-Wl,-z,relro,-z,now"]
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
