#!/usr/bin/env node
/**
 * `npm run build:prebuilds`: the addon as it is shipped, in prebuilds/<platform>-<arch>/. Part of a release,
 * on a machine with a compiler; installing and packing need none. (A script called "prebuild" would run before
 * every `npm run build`.)
 *
 *   node scripts/prebuild.mjs [--out FOLDER] [--arch ARCH] [--libc glibc|musl]
 *
 * --out: FOLDER/prebuilds instead of prebuilds. --arch: for another processor; CC, CXX and STRIP
 * name the cross compiler's programs. --libc musl: for Alpine and the like, x64 or arm64, from any Linux on x64: the
 * compiler is Zig, from npm.
 */
import fs from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { buildEnvironment, headersFolder, whyNotBuildable } from './build-addon.mjs';
import { ensureDependencies } from './dependencies.mjs';
import { checkMuslBinary, checkSymbolVersions } from './symbol-versions.mjs';
import { cacheFolder, dependency, root, runLogged, runMain, say, ScriptError } from './support.mjs';
import { muslArchitectures, muslCompilers, muslLibrary } from './zig.mjs';

/**
 * Builds in a copy: build/ belongs to the developer.
 * @param {string} out
 * @param {string} arch
 * @param {string | undefined} libc
 */
async function prebuild(out, arch, libc) {
  fs.mkdirSync(cacheFolder, { recursive: true });
  const work = fs.mkdtempSync(path.join(cacheFolder, 'prebuild-'));
  try {
    const compilers = libc === 'musl' ? await zigEnvironment(arch, work) : {};
    for (const name of ['package.json', 'binding.gyp', 'native'])
      fs.cpSync(path.join(root, name), path.join(work, name), { recursive: true });
    fs.symlinkSync(path.join(root, 'node_modules'), path.join(work, 'node_modules'));
    const headers = headersFolder();
    const env = {
      ...buildEnvironment(),
      JOBS: 'max',
      PREBUILD_NODE_GYP: dependency('.bin/node-gyp'),
      ...(headers ? { npm_config_nodedir: headers } : {}),
      ...compilers,
    };
    if (process.env.STRIP) Object.assign(env, { PREBUILD_STRIP_BIN: process.env.STRIP });
    const args = [
      dependency('prebuildify/bin.js'),
      '--napi',
      // Zig has no program for this: its linker leaves the symbols out.
      ...('LDFLAGS' in compilers ? [] : ['--strip']),
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

/**
 * What the compiler for musl is told.
 * @param {string} arch
 * @param {string} folder for the objects of libc++
 * @returns {Promise<Record<string, string>>}
 */
async function zigEnvironment(arch, folder) {
  if (!muslArchitectures.includes(arch))
    throw new ScriptError(`--libc musl: expected --arch ${muslArchitectures.join(' or ')}, got ${arch}`);
  if (process.arch !== 'x64' && process.env.ZIG === undefined)
    throw new ScriptError('--libc musl: the Zig that npm has runs on x64; ZIG has to name one for this machine');
  const library = await muslLibrary(arch, folder);
  return { ...(await muslCompilers(arch)), LDFLAGS: ['-s', ...library].join(' '), PREBUILD_LIBC: 'musl' };
}

await runMain(async () => {
  const { values } = parseArgs({
    options: {
      out: { type: 'string', default: root },
      arch: { type: 'string', default: process.arch },
      libc: { type: 'string' },
    },
  });
  const { arch, libc } = values;
  if (libc !== undefined && libc !== 'glibc' && libc !== 'musl')
    throw new ScriptError(`--libc: expected glibc or musl, got ${libc}`);
  const named = Boolean(process.env.CC && process.env.CXX && process.env.STRIP);
  if (libc !== 'musl' && arch !== process.arch && !named) {
    throw new ScriptError(`for ${arch}, CC, CXX and STRIP have to name a cross compiler, as in docs/packaging.md`);
  }
  ensureDependencies();
  const reason = whyNotBuildable();
  if (reason !== undefined) throw new ScriptError(`the addon can't be built: ${reason}`);
  const out = path.resolve(values.out);
  await prebuild(out, arch, libc);
  const folder = path.join(out, 'prebuilds', `${process.platform}-${arch}`);
  for (const name of fs.readdirSync(folder)) {
    const file = path.join(folder, name);
    const floor = name.includes('musl') ? checkMuslBinary(file) : checkSymbolVersions(file);
    say(`${path.relative(process.cwd(), file)}: ${fs.statSync(file).size} bytes, needs ${floor}`);
  }
});
