/** `amdgpu-svm build`: compiles the addon on machines that none of the shipped binaries fits. */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, realpathSync, renameSync, copyFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { findNativeAddon } from '../backend/native-addon.ts';
import { packageRoot } from '../backend/package-root.ts';
import { buildFuseHelper } from './build-fuse.ts';
import { ExitCode } from './command.ts';
import type { build } from './commands/machines.ts';
import type { InputOf } from './definition.ts';
import { complain, print } from './output.ts';
import { firstError, firstInPath } from './programs.ts';

export function runBuild({ values }: InputOf<typeof build>): number {
  const { verbose, fuse, force } = values;
  const root = packageRoot();
  if (root !== undefined && fuse) return buildFuseHelper(root, verbose);
  const shipped = root === undefined || force ? undefined : findNativeAddon({ root, environment: {} }).support.path;
  if (shipped?.startsWith(join(root!, 'prebuilds')) === true) {
    print(`amdgpu-svm build: nothing to do: ${shipped} serves this machine (--force compiles the addon all the same)`);
    return ExitCode.ok;
  }
  const reason = root === undefined ? 'the folder of the package was not found' : whyNot(root);
  if (root === undefined || reason !== undefined) {
    complain(`amdgpu-svm build: ${reason}`);
    return ExitCode.infrastructure;
  }
  const nodeGyp = findNodeGyp(root);
  if (nodeGyp === undefined) {
    complain('amdgpu-svm build: node-gyp was not found: install npm, or node-gyp (npm install --no-save node-gyp), or set NODE_GYP to its bin/node-gyp.js');
    return ExitCode.infrastructure;
  }
  // In a folder of its own: only the finished binary goes into the package.
  const work = mkdtempSync(join(tmpdir(), 'amdgpu-svm-build-'));
  try {
    cpSync(join(root, 'native'), join(work, 'native'), { recursive: true });
    cpSync(join(root, 'dist', 'include'), join(work, 'dist', 'include'), { recursive: true });
    const problem = compile(nodeGyp, join(work, 'native'), verbose);
    if (problem !== undefined) {
      complain(`amdgpu-svm build: ${problem}`);
      return ExitCode.failure;
    }
    return install(join(work, 'native', 'build', 'Release', 'amdgpu_svm.node'), root);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** Why this machine or this package can't, in one sentence. */
function whyNot(root: string): string | undefined {
  if (process.platform !== 'linux') return `the addon is for Linux, this is ${process.platform}; the emulated device needs no addon`;
  for (const file of ['native/binding.gyp', 'dist/include/node-addon-api/napi.h']) {
    if (!existsSync(join(root, file))) return `${join(root, file)} is missing: the package is not complete`;
  }
  const missing = [
    firstInPath(process.env['CXX'], 'g++', 'c++', 'clang++') === undefined ? 'a C++ compiler (g++ or clang++)' : '',
    firstInPath(process.env['MAKE'], 'make') === undefined ? 'make' : '',
    firstInPath(process.env['PYTHON'], 'python3', 'python') === undefined ? 'python3' : '',
  ].filter((name) => name !== '');
  if (missing.length === 0) return undefined;
  return `${missing.join(', ')} not found; on Debian: apt-get install g++ make python3, on Alpine: apk add g++ make python3`;
}

/** Path of node-gyp's program: named, installed next to the package or the project, npm's own, or in the PATH. */
function findNodeGyp(root: string): string | undefined {
  const inside = join('node_modules', 'node-gyp', 'bin', 'node-gyp.js');
  const npmCommand = firstInPath('npm');
  const npmFolders = [
    // npm and npx say where they are.
    process.env['npm_execpath'] === undefined ? undefined : resolve(process.env['npm_execpath'], '..', '..'),
    npmCommand === undefined ? undefined : resolve(realpathSync(npmCommand), '..', '..'),
    join(dirname(dirname(realpathSync(process.execPath))), 'lib', 'node_modules', 'npm'),
  ];
  const candidates = [
    process.env['NODE_GYP'],
    ...[root, process.cwd()].map((folder) => resolvable('node-gyp/bin/node-gyp.js', folder)),
    process.env['npm_config_node_gyp'],
    ...npmFolders.map((folder) => (folder === undefined ? undefined : join(folder, inside))),
    firstInPath('node-gyp'),
  ];
  return candidates.find((file) => file !== undefined && file !== '' && existsSync(file));
}

function resolvable(file: string, folder: string): string | undefined {
  try {
    return createRequire(join(folder, 'package.json')).resolve(file);
  } catch {
    return undefined;
  }
}

/** Why the compilation failed, or undefined. */
function compile(nodeGyp: string, folder: string, verbose: boolean): string | undefined {
  const prefix = dirname(dirname(realpathSync(process.execPath)));
  const headers = existsSync(join(prefix, 'include', 'node', 'node_api.h')) ? [`--nodedir=${prefix}`] : [];
  print(`amdgpu-svm build: compiling with ${nodeGyp}`);
  const result = spawnSync(process.execPath, [realpathSync(nodeGyp), 'rebuild', '--release', '-C', folder, ...headers], {
    encoding: 'utf8',
    stdio: verbose ? 'inherit' : 'pipe',
    maxBuffer: 1 << 28,
  });
  if (result.status === 0) return undefined;
  if (verbose) return 'the compilation failed';
  const output = `${result.stdout}${result.stderr}`;
  const line = firstError(output) ?? result.error?.message ?? 'node-gyp failed';
  return `the compilation failed: ${line} (--verbose shows everything)`;
}

/** Puts the binary where the loader looks, and says whether it loads. */
function install(built: string, root: string): number {
  const target = join(root, 'build', 'Release', 'amdgpu_svm.node');
  try {
    mkdirSync(dirname(target), { recursive: true });
    // A running program keeps the file that it has loaded: it is replaced, not overwritten.
    copyFileSync(built, `${target}.new`);
    renameSync(`${target}.new`, target);
  } catch (error) {
    complain(`amdgpu-svm build: ${target} can't be written: ${(error as Error).message}`);
    return ExitCode.infrastructure;
  }
  print(`amdgpu-svm build: made ${target}`);
  const { support } = findNativeAddon({ root });
  print(`amdgpu-svm build: ${support.reason}`);
  return support.available ? ExitCode.ok : ExitCode.failure;
}
