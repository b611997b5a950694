#!/usr/bin/env node
/**
 * Whether the binaries for musl load and work where there is no glibc: builds them with Zig, puts them next to this
 * machine's binary in a copy of the package, and lets a runtime that was built for musl load the package.
 *
 *   node scripts/try-musl.mjs [x64] [arm64]      x64 alone by default
 *
 * The runtime is Bun, the only one for musl in npm's registry; Debian's package `musl` has the dynamic loader. Bun
 * needs libstdc++, which nobody has for musl outside of Alpine: glibc's is taken, with scripts/musl-shim.c for what musl
 * lacks of it. The addon itself needs neither.
 *
 * arm64 needs qemu-user-static, libstdc++6-arm64-cross, and the loader in .cache/musl-arm64:
 *   dpkg --add-architecture arm64 && apt-get update && apt-get download musl:arm64
 *   dpkg-deb -x musl_*_arm64.deb .cache/musl-arm64
 */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { provideFromNpm } from './npm-programs.mjs';
import { cacheFolder, root, runMain, runSuccessfully, say, ScriptError } from './support.mjs';
import { muslCompilers } from './zig.mjs';

const BUN = '1.4.5';

/** What a machine has for each: the loader's file, a folder with glibc's libstdc++, the name under which that asks for its loader. */
const SYSTEMS = {
  x64: {
    bun: '@oven/bun-linux-x64-musl',
    loader: '/lib/ld-musl-x86_64.so.1',
    libraries: '/usr/lib/x86_64-linux-gnu',
    shim: 'ld-linux-x86-64.so.2',
    emulate: /** @type {string[]} */ ([]),
  },
  arm64: {
    bun: '@oven/bun-linux-aarch64-musl',
    loader: path.join(cacheFolder, 'musl-arm64', 'lib', 'ld-musl-aarch64.so.1'),
    libraries: '/usr/aarch64-linux-gnu/lib',
    shim: 'ld-linux-aarch64.so.1',
    emulate: ['qemu-aarch64-static', '-L', path.join(cacheFolder, 'musl-arm64')],
  },
};

/** Opens a file, asks it for a driver, also on threads, maps memory and writes to it: with the addon that the package chose. */
const PROBE = `
const { nativeSupport, SvmDevice } = require('amdgpu-svm');
const support = nativeSupport();
if (!support.available) throw new Error(support.reason);
const addon = require(support.path);
const file = addon.open('/dev/null');
const answer = addon.driverVersion(file);
const mapping = addon.mapMemory(8192);
const bytes = new Uint8Array(addon.viewMemory(mapping.handle));
bytes[8191] = 7;
const device = SvmDevice.open({ backend: 'emulated' });
let refused = '';
try {
  addon.mapMemory('much');
} catch (error) {
  refused = error.message;
}
// On threads, one after the other.
const ioctl = () => addon.ioctlAsync(file, 0xc0086400, new Uint8Array(8));
Promise.all([ioctl(), ioctl(), ioctl()]).then((results) => {
  const works =
    answer === -25 && results.every((result) => result === -25) && refused !== '' &&
    bytes.length === 8192 && bytes[8191] === 7 && device.memory.map(4096).size === 4096;
  console.log('RESULT ' + JSON.stringify({ path: support.path, works, answer, results, refused }));
});
`;

/** glibc's libstdc++ and what makes it load under musl. @param {keyof typeof SYSTEMS} arch @param {string} folder */
async function makeLibraries(arch, folder) {
  const { libraries, shim } = SYSTEMS[arch];
  fs.mkdirSync(folder);
  for (const name of ['libstdc++.so.6', 'libgcc_s.so.1'])
    fs.copyFileSync(path.join(libraries, name), path.join(folder, name));
  const { CC } = await muslCompilers(arch);
  const [zig = '', ...flags] = CC.split(' ');
  const source = path.join(root, 'scripts', 'musl-shim.c');
  await runSuccessfully(zig, [...flags, '-shared', '-fPIC', '-O1', source, '-o', path.join(folder, shim)]);
  return { LD_LIBRARY_PATH: folder, LD_PRELOAD: path.join(folder, shim) };
}

/** @param {keyof typeof SYSTEMS} arch */
async function tryArchitecture(arch) {
  const { bun, loader, emulate } = SYSTEMS[arch];
  if (!fs.existsSync(loader)) throw new ScriptError(`${loader} is missing: the loader of Debian's package musl`);
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'amdgpu-svm-musl-'));
  try {
    const installed = path.join(folder, 'node_modules', 'amdgpu-svm');
    for (const name of ['package.json', 'dist'])
      fs.cpSync(path.join(root, name), path.join(installed, name), { recursive: true });
    const build = [path.join(root, 'scripts', 'prebuild.mjs'), '--libc', 'musl', '--arch', arch, '--out', installed];
    say((await runSuccessfully(process.execPath, build)).trimEnd());
    // The other C library's binary is there as well, as in a release.
    const prebuilds = path.join(installed, 'prebuilds', `linux-${arch}`);
    fs.writeFileSync(path.join(prebuilds, 'amdgpu-svm.glibc.node'), 'not for this C library');
    fs.writeFileSync(path.join(folder, 'probe.cjs'), PROBE);
    const runtime = await provideFromNpm(`bun-${BUN}`, bun, BUN, 'bin/bun');
    const variables = await makeLibraries(arch, path.join(folder, 'libraries'));
    const guest = Object.entries(variables).flatMap(([name, value]) => ['-E', `${name}=${value}`]);
    const [command = '', ...args] = [
      ...emulate,
      ...(emulate.length > 0 ? guest : []),
      runtime,
      path.join(folder, 'probe.cjs'),
    ];
    const output = await runSuccessfully(command, args, { ...process.env, ...(emulate.length > 0 ? {} : variables) });
    const result = /^RESULT (.*)$/m.exec(output)?.[1];
    if (result === undefined) throw new ScriptError(`the probe printed no result: ${output.trimEnd()}`);
    const { path: loaded, works } = JSON.parse(result);
    if (!works || path.basename(loaded) !== 'amdgpu-svm.musl.node')
      throw new ScriptError(`the addon for musl does not work on ${arch}: ${result}`);
    process.stdout.write(`musl ${arch}: Bun ${BUN} loaded ${path.basename(loaded)}; open, ioctl and memory work\n`);
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

await runMain(async () => {
  const asked = process.argv.slice(2);
  const unknown = asked.find((name) => !(name in SYSTEMS));
  if (unknown !== undefined) throw new ScriptError(`expected ${Object.keys(SYSTEMS).join(' or ')}, got ${unknown}`);
  for (const arch of asked.length > 0 ? asked : ['x64'])
    await tryArchitecture(/** @type {keyof typeof SYSTEMS} */ (arch));
});
