{
  # Build of the addon from an installed package, by `amdgpu-svm build`. It is in a
  # sub-folder because npm would build a package with a gyp file in its root.
  "variables": {
    # A copy that the package brings along, so that nothing has to be installed.
    "node_addon_api_headers": ["../dist/include/node-addon-api"]
  },
  "includes": ["addon.gypi"]
}
