#!/usr/bin/env node
/**
 * Compiles the package into dist/: the ES modules with their declarations, the inspector's page, and
 * under dist/cjs the CommonJS entries. Those only `require` the ES modules (Node >= 20.19 can), so that there is one
 * copy of the code and of its state, whichever way it is loaded.
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
  const configuration = ['package.json', 'tsconfig.json', 'tsconfig.build.json', 'scripts/build.mjs', 'scripts/build-inspector.mjs'];
  const tools = ['typescript', 'node-addon-api'].map((name) => `${readJson(dependency(`${name}/package.json`)).version}`);
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
    copyDeclarations(output);
    writeDeclarations(output);
    writeEntries(output);
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

/** The CommonJS entries, and the command. @param {string} output */
function writeEntries(output) {
  const { bin, exports } = readJson(path.join(root, 'package.json'));
  const inOutput = (/** @type {string} */ file) => path.join(output, path.relative('dist', file));
  for (const entry of Object.values(exports)) {
    if (typeof entry === 'string') continue;
    const from = inOutput(entry.require.default);
    const to = inOutput(entry.import.default);
    if (!fs.existsSync(to)) continue; // An entry that is planned; the test of the packed package insists on it.
    const specifier = path.relative(path.dirname(from), to).replaceAll('\\', '/');
    fs.mkdirSync(path.dirname(from), { recursive: true });
    fs.writeFileSync(from, `'use strict';\nmodule.exports = require('${specifier}');\n`);
  }
  for (const file of Object.values(bin).map(inOutput)) if (fs.existsSync(file)) fs.chmodSync(file, 0o755);
}

/**
 * The compiler keeps './x.ts' in declarations, which it doesn't ship; and it takes a .d.ts of a
 * "type": "module" package for an ES module, so that CommonJS consumers need .d.cts copies.
 * @param {string} output
 */
function writeDeclarations(output) {
  const declarations = fs.readdirSync(output, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.d.ts'));
  for (const name of declarations) {
    const file = path.join(output, name);
    const text = fs.readFileSync(file, 'utf8');
    const copy = path.join(output, 'cjs', name.replace(/\.d\.ts$/, '.d.cts'));
    fs.mkdirSync(path.dirname(copy), { recursive: true });
    fs.writeFileSync(file, withSpecifiers(text, 'js'));
    fs.writeFileSync(copy, withSpecifiers(text, 'cjs'));
  }
}

/** Gives the relative specifiers of a declaration file another extension. @param {string} text @param {'js' | 'cjs'} extension */
function withSpecifiers(text, extension) {
  return text.replace(
    /(\bfrom\s*|\bimport\s*\(\s*|\bimport\s+|\bdeclare\s+module\s+)(['"])(\.\.?\/[^'"]*?)(?:\.d)?\.[jt]s\2/g,
    (_, before, quote, name) => `${before}${quote}${name}.${extension}${quote}`,
  );
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
