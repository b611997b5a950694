/**
 * Evaluates modules that Vite has transformed, many times in one thread. They are compiled once; for each mutant they
 * are evaluated again, with one of them exchanged, so that no mutant sees what another one left.
 */
import path from 'node:path';
import { pathToFileURL } from 'node:url';

/** @typedef {{ url: string, file: string, code: string }} Module as Vite transforms it for its module runner */
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

/** Compiles `modules`; the returned function evaluates `entry` and everything below it. @param {readonly Module[]} modules @param {string} entry */
export function moduleEvaluator(modules, entry) {
  const compiled = new Map(modules.map((module) => [module.url, compile(module)]));
  return (/** @type {Module | undefined} */ mutated) => {
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
  };
}
