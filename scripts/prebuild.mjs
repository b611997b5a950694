#!/usr/bin/env node
/**
 * `npm run build:prebuilds`: the addon as it is shipped, in prebuilds/<platform>-<arch>/. Part of a release,
 * on a machine with a compiler; installing and packing need none. (A script called "prebuild" would run before
 * every `npm run build`.)
 */
import fs from 'node:fs';
import path from 'node:path';
import { buildEnvironment, headersFolder, whyNotBuildable } from './build-addon.mjs';
import { setup } from './setup.mjs';
import { dependency, root, runLogged, runMain, say, ScriptError, withLock } from './support.mjs';

await runMain(() => {
  setup();
  const reason = whyNotBuildable();
  if (reason !== undefined) throw new ScriptError(`the addon can't be built: ${reason}`);
  withLock(() => {
    const headers = headersFolder();
    const env = { ...buildEnvironment(), PREBUILD_NODE_GYP: dependency('.bin/node-gyp'), ...(headers ? { npm_config_nodedir: headers } : {}) };
    const args = [dependency('prebuildify/bin.js'), '--napi', '--strip', '--tag-libc', '--target', process.versions.node];
    const build = runLogged('prebuild', process.execPath, args, { env });
    // prebuildify takes the addon out of build/, which is of no more use then.
    fs.rmSync(path.join(root, 'build'), { recursive: true, force: true });
    if (!build.ok) throw new ScriptError(`prebuildify failed, see ${build.log}`);
  });
  const folder = path.join('prebuilds', `${process.platform}-${process.arch}`);
  say(`${folder}: ${fs.readdirSync(path.join(root, folder)).join(', ')}`);
});
