{
  # Developers' build of the addon (`npx node-gyp rebuild`). This file must stay
  # out of the published tarball: npm would take it for an install script.
  "variables": {
    "node_addon_api_headers": ["<!(node -p \"require('node-addon-api').include_dir\")"]
  },
  "includes": ["native/addon.gypi"]
}
