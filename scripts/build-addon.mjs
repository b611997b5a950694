#!/usr/bin/env node
/** Builds the addon into build/Release with node-gyp, if it is stale and this machine can. */
import fs from 'node:fs';
import path from 'node:path';
import { ensureDependencies } from './dependencies.mjs';
import { dependency, fingerprint, isMain, listFiles, readIfThere, root, runLogged, runMain, say, ScriptError, withLock } from './support.mjs';

const release = path.join(root, 'build', 'Release');
const stampFile = path.join(release, '.stamp');

function currentFingerprint() {
  // native/fuse and native/test are other programs.
  const sources = listFiles(['binding.gyp', 'native'], (name) => !/\.(ts|md)$|^native\/(fuse|test)\//.test(name));
  // Node-API keeps the binary good for every Node version, so only the platform counts.
  return fingerprint(sources, [process.platform, process.arch]);
}

export function addonIsStale() {
  const built = fs.existsSync(release) && fs.readdirSync(release).some((name) => name.endsWith('.node'));
  return !built || readIfThere(stampFile) !== currentFingerprint();
}

/** @param {string} program @returns {boolean} */
function isInPath(program) {
  if (path.isAbsolute(program)) return isExecutable(program);
  return (process.env.PATH ?? '').split(path.delimiter).some((folder) => folder !== '' && isExecutable(path.join(folder, program)));
}

/** @param {string} file */
function isExecutable(file) {
  try {
    fs.accessSync(file, fs.constants.X_OK);
    return fs.statSync(file).isFile();
  } catch {
    return false;
  }
}

/** @param {(string | undefined)[]} candidates @returns {string | undefined} the first that is installed */
function firstInPath(...candidates) {
  return candidates.find((name) => name !== undefined && name !== '' && isInPath(/** @type {string} */ (name.split(' ')[0])));
}

/** Why this machine can't build the addon, or undefined. @returns {string | undefined} */
export function whyNotBuildable() {
  if (process.platform !== 'linux') return `it is for Linux, this is ${process.platform}`;
  if (!fs.existsSync(path.join(root, 'binding.gyp'))) return 'binding.gyp is missing';
  const missing = [
    findCompiler() ? '' : 'a C++ compiler',
    firstInPath(process.env.MAKE, 'make') ? '' : 'make',
    firstInPath(process.env.PYTHON, 'python3', 'python') ? '' : 'python3',
  ].filter(Boolean);
  return missing.length > 0 ? `${missing.join(', ')} not found` : undefined;
}

export function findCompiler() {
  return firstInPath(process.env.CXX, 'g++', 'c++', 'clang++');
}

/** Folder of Node's own headers if they are installed next to it: then nothing is downloaded. @returns {string | undefined} */
export function headersFolder() {
  const prefix = path.dirname(path.dirname(fs.realpathSync(process.execPath)));
  return fs.existsSync(path.join(prefix, 'include', 'node', 'node_api.h')) ? prefix : undefined;
}

/** Environment for node-gyp; binding.gyp asks `node` for the path of a header, which has to be this one. */
export function buildEnvironment() {
  const searched = [path.dirname(process.execPath), process.env.PATH ?? ''].join(path.delimiter);
  return { ...process.env, CXX: findCompiler(), PATH: searched };
}

/** @returns {string | undefined} why there is no addon now, or undefined if there is one */
export function buildAddon() {
  const reason = whyNotBuildable();
  if (reason !== undefined) return reason;
  const stamp = currentFingerprint();
  const headers = headersFolder();
  const args = [dependency('node-gyp/bin/node-gyp.js'), 'rebuild', '--jobs=max', ...(headers ? [`--nodedir=${headers}`] : [])];
  const build = runLogged('build-addon', process.execPath, args, { env: buildEnvironment() });
  if (!build.ok) {
    const line = build.output.split('\n').find((text) => /\berror\b[: ]/i.test(text)) ?? 'node-gyp failed';
    return `its build failed (${line.replace(/^(gyp|npm) ERR! /, '').trim()}), see ${build.log}`;
  }
  fs.writeFileSync(stampFile, stamp);
  return undefined;
}

if (isMain(import.meta.url)) {
  await runMain(() => {
    ensureDependencies();
    const reason = withLock(buildAddon);
    if (reason !== undefined) throw new ScriptError(`the addon can't be built: ${reason}`);
    say('the addon is in build/Release');
  });
}
