#!/usr/bin/env node
/**
 * The CMake build of everything native, through cmake-js:
 *
 *   node scripts/build-cmake.mjs              all of it, into build-cmake/plain
 *   node scripts/build-cmake.mjs clients      only the programs of the tests
 *   node scripts/build-cmake.mjs --sanitize   all of it with ASan and UBSan, into build-cmake/sanitize
 *
 * compile_commands.json is in the same folder.
 */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { ensureDependencies } from './dependencies.mjs';
import { dependency, isMain, readIfThere, root, runLogged, runMain, say, ScriptError, withLock } from './support.mjs';

/** Why this machine can't do it, or undefined. @returns {string | undefined} */
function whyNoCMake() {
  if (process.platform !== 'linux') return `it is for Linux, this is ${process.platform}`;
  if (spawnSync('cmake', ['--version']).status !== 0) return 'cmake not found';
  if (spawnSync('pkg-config', ['--exists', 'libdrm']).status !== 0) return 'libdrm-dev or pkg-config not found';
  return undefined;
}

/** @param {boolean} sanitize @returns {string} where the build goes */
export function cmakeFolder(sanitize) {
  return path.join(root, 'build-cmake', sanitize ? 'sanitize' : 'plain');
}

/** CMake goes on to build the sources of the old place after the repository was copied or moved. @param {string} folder */
function forgetOtherSources(folder) {
  const cache = readIfThere(path.join(folder, 'CMakeCache.txt'));
  const sources = /^CMAKE_HOME_DIRECTORY:INTERNAL=(.*)$/m.exec(cache ?? '')?.[1];
  if (sources !== undefined && sources !== path.join(root, 'native')) fs.rmSync(folder, { recursive: true });
}

/**
 * @param {{ target?: string, sanitize?: boolean }} options
 * @returns {string} the folder of the build; throws ScriptError when it fails
 */
function buildWithCMake({ target, sanitize = false }) {
  const folder = cmakeFolder(sanitize);
  forgetOtherSources(folder);
  const args = [dependency('cmake-js/bin/cmake-js'), 'build', '--directory', path.join(root, 'native'), '--out', folder];
  args.push('--parallel', String(os.availableParallelism()));
  args.push('--CDAMDGPU_SVM_SANITIZE=' + (sanitize ? 'ON' : 'OFF'));
  if (target !== undefined) args.push('--target', target);
  const build = runLogged('build-cmake', process.execPath, args);
  if (!build.ok) {
    const line = build.output.split('\n').find((text) => /\berror\b[: ]/i.test(text)) ?? 'cmake-js failed';
    throw new ScriptError(`the CMake build failed (${line.trim()}), see ${build.log}`);
  }
  return folder;
}

if (isMain(import.meta.url)) {
  await runMain(() => {
    ensureDependencies();
    const sanitize = process.argv.includes('--sanitize');
    const target = process.argv.slice(2).find((argument) => !argument.startsWith('-'));
    const reason = whyNoCMake();
    if (reason !== undefined) throw new ScriptError(`the CMake build is not possible: ${reason}`);
    const build = () => buildWithCMake({ sanitize, ...(target === undefined ? {} : { target }) });
    // The set-up reads nothing of it.
    const folder = withLock(build, 'lock-cmake');
    say(`built in ${path.relative(process.cwd(), folder)}`);
  });
}
