#!/usr/bin/env node
/**
 * Compiles the package into dist/: declarations, bundles for `require` and `import`, and the inspector's page.
 *
 *   node scripts/build.mjs            always
 *   node scripts/build.mjs --if-stale only if a source is newer than dist/
 */
import fs from 'node:fs';
import path from 'node:path';
import { ensureDependencies } from './dependencies.mjs';
import { cacheFolder, dependency, fingerprint, isMain, listFiles, readIfThere, readJson, root, runLogged, runMain, ScriptError, withLock } from './support.mjs';

const dist = path.join(root, 'dist');
const stampName = '.stamp';
const sourceFolders = ['lib', 'emulator', 'native'];

function currentFingerprint() {
  const isSource = (/** @type {string} */ name) => /\.(ts|tsx|css|html)$/.test(name) && !name.endsWith('.test.ts');
  const configuration = ['package.json', 'tsconfig.json', 'tsconfig.build.json', 'scripts/build.mjs', 'scripts/bundle.mjs', 'scripts/chunks.mjs', 'scripts/module-graph.mjs', 'scripts/bundle-types.mjs', 'scripts/build-inspector.mjs'];
  const tools = ['typescript', 'rolldown', 'rolldown-plugin-dts', 'node-addon-api'].map((name) => `${readJson(dependency(`${name}/package.json`)).version}`);
  return fingerprint([...listFiles(sourceFolders, isSource), ...configuration], tools);
}

export function distIsStale() {
  return readIfThere(path.join(dist, stampName)) !== currentFingerprint();
}

/** Builds into a folder aside and swaps it in: a failed build leaves the old dist/, a good one no leftovers. Needs the lock. */
export function buildDist() {
  const stamp = currentFingerprint();
  const output = path.join(cacheFolder, 'dist');
  const old = path.join(cacheFolder, 'dist.old');
  fs.rmSync(output, { recursive: true, force: true }); // of a build that was killed
  fs.rmSync(old, { recursive: true, force: true });
  try {
    const compiler = runLogged('build', process.execPath, [dependency('typescript/bin/tsc'), '-p', 'tsconfig.build.json', '--outDir', output]);
    if (!compiler.ok) throw new ScriptError(`the sources don't compile:\n${compiler.output.trimEnd()}`);
    // A checkout that has no page (the set-up's own tests make some) has nothing to build there.
    const page = !fs.existsSync(path.join(root, 'lib/inspect/page/index.html')) ? { ok: true, output: '' } : runLogged('build-inspector', process.execPath, [path.join(root, 'scripts/build-inspector.mjs'), output]);
    if (!page.ok) throw new ScriptError(`the inspector's page can't be built:\n${page.output.trimEnd()}`);
    const bundle = runLogged('bundle', process.execPath, [path.join(root, 'scripts/bundle.mjs'), output]);
    if (!bundle.ok) throw new ScriptError(`the modules can't be bundled:\n${bundle.output.trimEnd()}`);
    copyDeclarations(output);
    const types = runLogged('bundle-types', process.execPath, [path.join(root, 'scripts/bundle-types.mjs'), output]);
    if (!types.ok) throw new ScriptError(`the declarations can't be rolled up:\n${types.output.trimEnd()}`);
    copyHeaders(output);
    fs.writeFileSync(path.join(output, stampName), stamp);
    if (fs.existsSync(dist)) fs.renameSync(dist, old);
    fs.renameSync(output, dist);
  } finally {
    fs.rmSync(output, { recursive: true, force: true });
    fs.rmSync(old, { recursive: true, force: true });
  }
}

/** The compiler doesn't emit declarations that were written by hand. @param {string} output */
function copyDeclarations(output) {
  for (const file of listFiles(sourceFolders, (name) => name.endsWith('.d.ts') && !name.startsWith('lib/inspect/page/'))) {
    fs.mkdirSync(path.dirname(path.join(output, file)), { recursive: true });
    fs.copyFileSync(path.join(root, file), path.join(output, file));
  }
}

/** What native/binding.gyp needs to build the addon from the installed package, which has no dependencies. @param {string} output */
function copyHeaders(output) {
  const from = dependency('node-addon-api');
  const to = path.join(output, 'include', 'node-addon-api');
  fs.mkdirSync(to, { recursive: true });
  for (const name of fs.readdirSync(from)) {
    if (/\.h$|^LICENSE/.test(name)) fs.copyFileSync(path.join(from, name), path.join(to, name));
  }
}

/** @returns {boolean} whether something was built */
export function ensureDist() {
  if (!distIsStale()) return false;
  buildDist();
  return true;
}

if (isMain(import.meta.url)) {
  await runMain(() => {
    ensureDependencies();
    if (process.argv.includes('--if-stale')) {
      if (distIsStale()) withLock(ensureDist);
    } else withLock(buildDist);
  });
}
