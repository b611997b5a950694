#!/usr/bin/env node
/**
 * `npm run build:prebuilds`: the addon as it is shipped, in prebuilds/<platform>-<arch>/. Part of a release,
 * on a machine with a compiler; installing and packing need none. (A script called "prebuild" would run before
 * every `npm run build`.)
 *
 *   node scripts/prebuild.mjs [--out FOLDER] [--arch ARCH]
 *
 * --out: FOLDER/prebuilds instead of prebuilds. --arch: for another processor; CC, CXX and STRIP
 * name the cross compiler's programs.
 */
import fs from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { buildEnvironment, headersFolder, whyNotBuildable } from './build-addon.mjs';
import { ensureDependencies } from './dependencies.mjs';
import { checkSymbolVersions } from './symbol-versions.mjs';
import { cacheFolder, dependency, root, runLogged, runMain, say, ScriptError } from './support.mjs';

/** Builds in a copy: build/ belongs to the developer. @param {string} out @param {string} arch */
function prebuild(out, arch) {
  fs.mkdirSync(cacheFolder, { recursive: true });
  const work = fs.mkdtempSync(path.join(cacheFolder, 'prebuild-'));
  try {
    for (const name of ['package.json', 'binding.gyp', 'native'])
      fs.cpSync(path.join(root, name), path.join(work, name), { recursive: true });
    fs.symlinkSync(path.join(root, 'node_modules'), path.join(work, 'node_modules'));
    const headers = headersFolder();
    const env = {
      ...buildEnvironment(),
      JOBS: 'max',
      PREBUILD_NODE_GYP: dependency('.bin/node-gyp'),
      ...(headers ? { npm_config_nodedir: headers } : {}),
    };
    if (process.env.STRIP) Object.assign(env, { PREBUILD_STRIP_BIN: process.env.STRIP });
    const args = [
      dependency('prebuildify/bin.js'),
      '--napi',
      '--strip',
      '--tag-libc',
      '--arch',
      arch,
      '--target',
      process.versions.node,
      '--cwd',
      work,
      '--out',
      out,
    ];
    const build = runLogged('prebuild', process.execPath, args, { env });
    if (!build.ok) throw new ScriptError(`prebuildify failed, see ${build.log}`);
  } finally {
    fs.rmSync(work, { recursive: true, force: true });
  }
}

await runMain(() => {
  const { values } = parseArgs({
    options: { out: { type: 'string', default: root }, arch: { type: 'string', default: process.arch } },
  });
  if (values.arch !== process.arch && !(process.env.CC && process.env.CXX && process.env.STRIP)) {
    throw new ScriptError(
      `for ${values.arch}, CC, CXX and STRIP have to name a cross compiler, as in docs/packaging.md`,
    );
  }
  ensureDependencies();
  const reason = whyNotBuildable();
  if (reason !== undefined) throw new ScriptError(`the addon can't be built: ${reason}`);
  const out = path.resolve(values.out);
  prebuild(out, values.arch);
  const folder = path.join(out, 'prebuilds', `${process.platform}-${values.arch}`);
  for (const name of fs.readdirSync(folder)) {
    const file = path.join(folder, name);
    // musl's symbols have no versions.
    const floor = name.includes('musl') ? 'musl' : checkSymbolVersions(file);
    say(`${path.relative(process.cwd(), file)}: ${fs.statSync(file).size} bytes, needs ${floor}`);
  }
});
