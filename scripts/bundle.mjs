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
  const build = await rolldown({
    input: Object.fromEntries(names.map((name) => [name, path.join(output, `${name}.js`)])),
    // Only what is Node's, and the optional peer.
    external: [/^node:/, 'ffi-rs'],
    platform: 'node',
    // Bundled again, into an ES module, a CommonJS one has no place.
    ...(kind === 'cjs' ? { transform: { define: placeOfCommonJs } } : {}),
    preserveEntrySignatures: 'strict',
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
      ...(kind === 'cjs' ? { codeSplitting: { groups: sharedChunks(output) } } : {}),
    });
    return files.flatMap((file) => (file.type === 'chunk' ? [file] : []));
  } finally {
    await build.close();
  }
}

/** Programs that load little; what one of them shares with an entry has a chunk of its own, as what two entries share. */
const lightPrograms = ['lib/cli/run-command', 'lib/cli/commands/index', 'lib/cli/gpu'];

/**
 * One chunk for all modules that the same entries and light programs load. The bundler would make one for each set of all programs,
 * thirty for an import, and to find a file takes as long as to read it. What an entry does not load, it does not load now
 * either, and no chunk needs one that needs it. Modules that no entry loads stay the bundler's.
 * @param {string} output
 * @returns {import('rolldown').CodeSplittingGroup[]}
 */
function sharedChunks(output) {
  const { exported } = entries();
  /** @type {Map<string, Set<string>>} */
  const users = new Map();
  for (const program of [...exported, ...lightPrograms].filter((name) => isThere(output, name)))
    noteUses(path.join(output, `${program}.js`), program, users);
  /** @type {Map<string, { readonly programs: number, readonly ids: string[] }>} */
  const groups = new Map();
  for (const [id, programs] of users) {
    if (!exported.some((name) => programs.has(name))) continue;
    const key = [...programs].join();
    const group = groups.get(key) ?? { programs: programs.size, ids: [] };
    group.ids.push(id.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
    groups.set(key, group);
  }
  return [...groups.values()].map(({ programs, ids }, index) => ({
    name: `shared${index + 1}`,
    test: new RegExp(`^(${ids.join('|')})$`),
    // A chunk takes what its modules import: what the most programs load comes first.
    priority: programs,
  }));
}

/** An import or export of a module by its path, as the compiler writes it. */
const STATIC_IMPORT = /^(?:import|export)\b[^'"]*['"](\.[^'"]+)['"];$/gm;

/**
 * Notes the program as a user of the module and of everything that it imports.
 * @param {string} id
 * @param {string} program
 * @param {Map<string, Set<string>>} users
 */
function noteUses(id, program, users) {
  const known = users.get(id) ?? new Set();
  if (known.has(program)) return;
  users.set(id, known.add(program));
  for (const [, name] of fs.readFileSync(id, 'utf8').matchAll(STATIC_IMPORT))
    noteUses(path.resolve(path.dirname(id), name ?? ''), program, users);
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
