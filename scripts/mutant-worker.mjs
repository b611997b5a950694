/**
 * Runs the conformance suite and the cases of test/model on a mutated emulator, many times in one thread. The modules
 * are compiled once; for each mutant they are evaluated again, with one of them exchanged, so that no mutant sees what
 * another one left.
 */
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { parentPort, workerData } from 'node:worker_threads';

/** @typedef {{ url: string, file: string, code: string }} Module as Vite transforms it for its module runner */
/** @typedef {{ modules: readonly Module[], entry: string }} Suite `entry` is the URL of the module that has `runBothSuites` */
/** @typedef {{ mutated: Module | undefined, revision: import('./mutants.mjs').Revision, queries: readonly (readonly string[])[] }} Job queries are asked until one notices */
/** @typedef {Record<string, unknown>} Exports */

const AsyncFunction = /** @type {FunctionConstructor} */ ((async () => {}).constructor);

// The names that the transformed code has for what is outside of it.
const PARAMETERS = [
  '__vite_ssr_exports__',
  '__vite_ssr_import_meta__',
  '__vite_ssr_import__',
  '__vite_ssr_dynamic_import__',
  '__vite_ssr_exportAll__',
  '__vite_ssr_exportName__',
];

/** @param {Module} module */
function compile({ url, file, code }) {
  const run = new AsyncFunction(...PARAMETERS, `'use strict';${code}\n//# sourceURL=${file}`);
  return { url, meta: { url: pathToFileURL(file).href, filename: file, dirname: path.dirname(file) }, run };
}

/** @param {Exports} exports @param {string} name @param {() => unknown} get */
function define(exports, name, get) {
  Object.defineProperty(exports, name, { enumerable: true, configurable: true, get });
}

const { modules, entry } = /** @type {Suite} */ (workerData);
const compiled = new Map(modules.map((module) => [module.url, compile(module)]));

/** Evaluates the suite and everything below it. @param {Module | undefined} mutated @returns {Promise<Exports>} */
function evaluate(mutated) {
  const other = mutated && compile(mutated);
  /** @type {Map<string, Promise<Exports>>} */
  const evaluated = new Map();
  const load = (/** @type {string} */ url) => {
    let done = evaluated.get(url);
    if (done !== undefined) return done;
    const module = other?.url === url ? other : compiled.get(url);
    if (module === undefined) return /** @type {Promise<Exports>} */ (import(url));
    /** @type {Exports} */
    const exports = Object.create(null);
    const exportAll = (/** @type {Exports} */ from) => {
      for (const name of Object.keys(from)) if (!(name in exports)) define(exports, name, () => from[name]);
    };
    const exportName = (/** @type {string} */ name, /** @type {() => unknown} */ get) => define(exports, name, get);
    done = module.run(exports, module.meta, load, load, exportAll, exportName).then(() => exports);
    evaluated.set(url, /** @type {Promise<Exports>} */ (done));
    return /** @type {Promise<Exports>} */ (done);
  };
  return load(entry);
}

/** @param {Job} job @returns {Promise<string | undefined>} what noticed the mutant */
async function noticedBy({ mutated, revision, queries }) {
  try {
    const { runBothSuites } = /** @type {typeof import('../test/model/both-suites.ts')} */ (
      /** @type {unknown} */ (await evaluate(mutated))
    );
    for (const each of queries) {
      const { cases } = await runBothSuites({
        queries: each,
        target: { backend: 'emulated', profile: revision, ...(revision === 'v7-xnack-off' ? { xnackOff: true } : {}) },
        expectQuirks: true,
        untilFail: true,
        repeat: 1,
        timeout: 10_000,
      });
      const bad = cases.find(({ expected }) => !expected);
      if (bad !== undefined) return `${bad.id}: ${bad.reason}`;
    }
    return undefined;
  } catch (error) {
    return `the suite ends with ${error instanceof Error ? error.message : String(error)}`;
  }
}

parentPort?.on('message', async (/** @type {Job} */ job) => parentPort?.postMessage(await noticedBy(job)));
