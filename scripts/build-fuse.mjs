#!/usr/bin/env node
/**
 * Builds the FUSE helper of `amdgpu-svm serve` into build-fuse/, if it is stale and this machine can.
 * One compiler call: the helper is optional, and neither the addon nor a release depends on it.
 */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { findCompiler } from './build-addon.mjs';
import { ensureDependencies } from './dependencies.mjs';
import { fingerprint, isMain, listFiles, readIfThere, root, runLogged, runMain, say, ScriptError, withLock } from './support.mjs';

const folder = path.join(root, 'build-fuse');
const source = path.join(root, 'native', 'fuse', 'amdgpu_svm_fuse.cpp');
/** A file of arguments, which the compiler reads; so does `amdgpu-svm build --fuse`. */
const flags = `@${path.join(root, 'native', 'fuse', 'flags.txt')}`;
const program = path.join(folder, 'amdgpu-svm-fuse');
const stampFile = path.join(folder, '.stamp');

function currentFingerprint() {
  const sources = listFiles(['native/fuse', 'native/uapi_layout.h', 'scripts/build-fuse.mjs'], () => true);
  return fingerprint(sources, [process.platform, process.arch]);
}

export function fuseHelperIsStale() {
  return !fs.existsSync(program) || readIfThere(stampFile) !== currentFingerprint();
}

/** @param {string[]} args @returns {string[] | undefined} */
function packageConfig(args) {
  const result = spawnSync('pkg-config', args, { encoding: 'utf8' });
  return result.status === 0 ? result.stdout.trim().split(/\s+/).filter(Boolean) : undefined;
}

/** Why this machine can't build the helper, or undefined. @returns {string | undefined} */
export function whyNoFuseHelper() {
  if (process.platform !== 'linux') return `it is for Linux, this is ${process.platform}`;
  if (!fs.existsSync(path.join(root, 'native', 'fuse'))) return 'native/fuse is missing';
  if (findCompiler() === undefined) return 'a C++ compiler not found';
  if (spawnSync('pkg-config', ['--version']).status !== 0) return 'pkg-config not found';
  if (packageConfig(['--exists', 'fuse3']) === undefined) return 'libfuse3-dev not found';
  return undefined;
}

/** @returns {string | undefined} why there is no helper now, or undefined if there is one */
export function buildFuseHelper() {
  const reason = whyNoFuseHelper();
  if (reason !== undefined) return reason;
  const stamp = currentFingerprint();
  fs.mkdirSync(folder, { recursive: true });
  const warnings = ['-Wall', '-Wextra', '-Werror'];
  // A running server keeps the file it was started from: it is replaced, not overwritten.
  const output = `${program}.new`;
  const args = [flags, ...warnings, source, ...(packageConfig(['--cflags', '--libs', 'fuse3']) ?? []), '-o', output];
  const build = runLogged('build-fuse', /** @type {string} */ (findCompiler()), args);
  if (!build.ok) {
    const line = build.output.split('\n').find((text) => /\berror\b[: ]/i.test(text)) ?? 'the compiler failed';
    return `its build failed (${line.trim()}), see ${build.log}`;
  }
  fs.renameSync(output, program);
  fs.writeFileSync(stampFile, stamp);
  return undefined;
}

if (isMain(import.meta.url)) {
  await runMain(() => {
    ensureDependencies();
    const reason = withLock(buildFuseHelper);
    if (reason !== undefined) throw new ScriptError(`the FUSE helper can't be built: ${reason}`);
    say('the FUSE helper is in build-fuse');
  });
}
