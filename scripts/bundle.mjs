#!/usr/bin/env node
/**
 * Bundles what the compiler has written: 500 modules take Node half a second to load, a handful takes nothing. For Node
 * there is one copy of the code, as CommonJS, which `require` and `import` share with its state; the ES modules next to it
 * only name what it exports. For bundlers and browsers there are ES modules below dist/esm.
 *
 *   node scripts/bundle.mjs OUTPUT   OUTPUT: the folder that becomes dist/
 */
import fs from 'node:fs';
import path from 'node:path';
import { rolldown } from 'rolldown';
import { assertNoCircle, constantsOf, linked, SharedChunks } from './chunks.mjs';
import { isMain, readJson, root, runMain } from './support.mjs';

/** Programs for other threads and processes, and what the scripts and tests of the repository call. */
const programs = [
  'lib/cli/explore-worker',
  'lib/cli/fuzz-worker',
  'lib/cli/replay-worker',
  'lib/conformance/child',
  'lib/serve/session-worker',
];
const internal = ['lib/cli/run-command', 'lib/backend/native-addon'];

const placeOfCommonJs = {
  'import.meta.dirname': '(typeof __dirname === "string" ? __dirname : undefined)',
  'import.meta.filename': '(typeof __filename === "string" ? __filename : undefined)',
};

/** Names of modules below the output, without extension. */
function entries() {
  const { bin, exports } = readJson(path.join(root, 'package.json'));
  const named = (/** @type {string} */ file) => path.relative('dist', file).replace(/\.c?js$/, '');
  return {
    exported: Object.values(exports).flatMap((entry) => (typeof entry === 'string' ? [] : [named(entry.node.default)])),
    commands: Object.values(bin).map(named),
  };
}

/**
 * @param {string} output
 * @param {readonly string[]} names
 * @param {'cjs' | 'esm'} kind
 */
async function bundle(output, names, kind) {
  const extension = kind === 'cjs' ? 'cjs' : 'js';
  const shared = kind === 'cjs' ? sharedChunks(output, names) : undefined;
  const build = await rolldown({
    input: Object.fromEntries(names.map((name) => [name, path.join(output, `${name}.js`)])),
    // Only what is Node's, and the optional peer.
    external: [/^node:/, 'ffi-rs'],
    platform: 'node',
    // Bundled again, into an ES module, a CommonJS one has no place.
    ...(kind === 'cjs' ? { transform: { define: placeOfCommonJs } } : {}),
    preserveEntrySignatures: kind === 'cjs' ? 'allow-extension' : 'strict',
    onwarn: (warning) => {
      throw new Error(`${warning.code}: ${warning.message}`);
    },
  });
  try {
    const { output: files } = await build.generate({
      format: kind,
      exports: 'named',
      entryFileNames: `[name].${extension}`,
      chunkFileNames: `chunks/[name].${extension}`,
      // The declarations document the code; here it would be read at each start.
      comments: { legal: true, annotation: true, jsdoc: false },
      charset: 'ascii',
      ...(shared === undefined
        ? {}
        : {
            codeSplitting: {
              includeDependenciesRecursively: false,
              groups: [{ debugName: 'shared', name: (id) => shared.chunkOf(id) }],
            },
          }),
    });
    const chunks = files.flatMap((file) => (file.type === 'chunk' ? [file] : []));
    if (shared === undefined) return chunks;
    const constants = new Map(chunks.map(({ fileName, code }) => [fileName, constantsOf(code)]));
    const result = chunks.map(({ name, fileName, code, isEntry, exports }) => ({
      fileName,
      isEntry,
      exports,
      code: linked(
        code,
        (needed) => shared.isLate(name, path.basename(needed, '.cjs')),
        (needed) => constants.get(path.posix.join(path.posix.dirname(fileName), needed)) ?? new Set(),
      ),
    }));
    assertNoCircle(new Map(result.map(({ fileName, code }) => [fileName, code])));
    return result;
  } finally {
    await build.close();
  }
}

/** Programs that load little; what one of them shares with an entry has a chunk of its own, as what two entries share. */
const lightPrograms = ['lib/cli/run-command', 'lib/cli/commands/index', 'lib/cli/gpu'];

/**
 * Chunks for what entries share.
 * @param {string} output
 * @param {readonly string[]} names
 */
function sharedChunks(output, names) {
  const there = (/** @type {string} */ name) => isThere(output, name);
  return new SharedChunks(output, entries().exported.filter(there), lightPrograms.filter(there), names);
}

/**
 * A checkout that has only some of the programs (the set-up's own tests make some) has those bundled.
 * @param {string} output
 * @param {string} name
 */
function isThere(output, name) {
  return fs.existsSync(path.join(output, `${name}.js`));
}

/** @param {string} output */
async function bundleAll(output) {
  const there = (/** @type {string} */ name) => isThere(output, name);
  const { exported, commands } = entries();
  const forNode = [...exported, ...commands, ...programs, ...internal].filter(there);
  const cjs = await bundle(output, forNode, 'cjs');
  const esm = await bundle(output, exported.filter(there), 'esm');
  for (const name of fs.readdirSync(output, { recursive: true, encoding: 'utf8' }))
    if (name.endsWith('.js')) fs.rmSync(path.join(output, name));
  const write = (/** @type {string} */ name, /** @type {string} */ text) => {
    fs.mkdirSync(path.dirname(path.join(output, name)), { recursive: true });
    fs.writeFileSync(path.join(output, name), text);
  };
  for (const { fileName, code, isEntry, exports } of cjs) {
    write(fileName, code);
    if (isEntry) write(fileName.replace(/\.cjs$/, '.js'), moduleOf(path.basename(fileName), code, exports));
  }
  for (const { fileName, code } of esm) write(`esm/${fileName}`, code);
  for (const name of commands.filter(there))
    for (const kind of ['js', 'cjs']) fs.chmodSync(path.join(output, `${name}.${kind}`), 0o755);
}

/**
 * An ES module that is the CommonJS one of the same folder.
 * @param {string} file
 * @param {string} code
 * @param {readonly string[]} names
 */
function moduleOf(file, code, names) {
  const first = /^#!.*\n/.exec(code)?.[0] ?? '';
  if (names.length === 0) return `${first}import './${file}';\n`;
  return `${first}import all from './${file}';\n\nexport const {\n${names.map((name) => `  ${name},\n`).join('')}} = all;\n`;
}

if (isMain(import.meta.url)) await runMain(() => bundleAll(path.resolve(process.argv[2] ?? path.join(root, 'dist'))));
