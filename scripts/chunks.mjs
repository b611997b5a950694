/**
 * Which files of dist/ the modules go into, and which of these files are read only once they are used. V8 looks at all of a file
 * before any of it runs, so what an import does not need at once is in files of its own.
 */
import fs from 'node:fs';
import path from 'node:path';
import { ModuleGraph } from './module-graph.mjs';

/**
 * Modules that are loaded when a function outside first uses one of their names, by what they are together. What an entry itself
 * exports is loaded with it. Loading has no effect of its own, so that only the time tells.
 * @type {Readonly<Record<string, readonly string[]>>}
 */
const LOADED_WHEN_USED = {
  // A program on a real GPU never makes one.
  'emulated machine': ['emulator/machine', 'emulator/drm/device', 'emulator/revision-options'],
  'later revisions': ['emulator/revisions/v7/index', 'emulator/revisions/v8/index', 'emulator/revisions/repaired'],
  // Only v8 migrates.
  VRAM: [
    'emulator/svm/device-memory',
    'emulator/svm/migrate-range',
    'emulator/gpusvm/page-map',
    'emulator/gpusvm/get-device-pages',
    'emulator/gpu/vram',
  ],
  // What few programs do.
  'fork, mremap, swapping': ['emulator/mm/forks', 'emulator/mm/reclaim', 'emulator/mm/remap'],
  'hazard rules': ['emulator/hazards/context-watch', 'emulator/hazards/migration-rules'],
  'hazard texts': ['emulator/hazards/catalogue'],
  traces: [
    'lib/trace/export/chrome-trace',
    'lib/trace/operations/index',
    'lib/trace/operations/parse',
    'lib/trace/operations/state',
    'lib/trace/record/emulated-session',
    'lib/trace/record/recorder',
    'lib/trace/replay/runner',
  ],
};

/** To find a file takes as long as to read this many bytes of another. */
export const SMALL = 16384;

/**
 * One chunk for all modules that the same programs load, with themselves or when they are used. The bundler would make one for each set
 * of all programs, thirty for an import. What a program does not load, it does not load now either, but for a few bytes.
 */
export class SharedChunks {
  #graph;
  /** @type {readonly string[]} */
  #light;
  /** @type {{ readonly name: string, readonly users: ReadonlySet<string>, readonly ids: string[] }[]} */
  #sets = [];
  /** @type {Map<string, string>} */
  #chunkOf = new Map();
  /** @type {Map<string, ReadonlySet<string>>} */
  #usersOf = new Map();

  /**
   * @param {string} output
   * @param {readonly string[]} entries whose modules have shared chunks; others stay the bundler's
   * @param {readonly string[]} light programs that are to load little
   * @param {readonly string[]} files all that have a file of their own
   * @param {Readonly<Record<string, readonly string[]>>} loadedWhenUsed modules by what they are together
   */
  constructor(output, entries, light, files, loadedWhenUsed = LOADED_WHEN_USED) {
    this.#light = light;
    this.#graph = new ModuleGraph(output, [...entries, ...light], loadedWhenUsed);
    for (const program of [...entries, ...light]) this.#usersOf.set(program, new Set([program]));
    const own = new Set(files.map((name) => path.join(output, `${name}.js`)));
    for (const [id, all] of this.#graph.users) {
      if (own.has(id) || [...all].every((user) => light.includes(user))) continue;
      // Who finds it loaded is no reason for a chunk of its own.
      const users = new Set(
        [...all].filter((user) => !this.#isLoaded(user, new Set([...all].filter((other) => other !== user)))),
      );
      let set = this.#sets.find((each) => isSubset(users, each.users) && isSubset(each.users, users));
      if (set === undefined) this.#sets.push((set = { name: `shared${this.#sets.length + 1}`, users, ids: [] }));
      set.ids.push(id);
      this.#put(id, set);
    }
    this.#joinSmall();
  }

  /**
   * @param {string} id
   * @param {{ readonly name: string, readonly users: ReadonlySet<string> }} set
   */
  #put(id, { name, users }) {
    this.#chunkOf.set(id, name);
    this.#usersOf.set(name, users);
  }

  /** Puts what is small into the chunk with the fewest more programs that has, or loads, all that it needs; half as much where one of them is to load little. */
  #joinSmall() {
    const byUsers = [...this.#sets].sort((one, other) => other.users.size - one.users.size);
    for (const set of byUsers) {
      const bytes = set.ids.reduce((sum, id) => sum + fs.statSync(id).size, 0);
      if (bytes > SMALL) continue;
      const needs = set.ids
        .flatMap((id) => [...this.#graph.loadedWith(id)])
        .map((id) => this.#chunkOf.get(id))
        .filter((name) => name !== set.name);
      const joined = byUsers.findLast(
        (other) =>
          other !== set &&
          other.ids.length > 0 &&
          (bytes <= SMALL / 2 || !this.#isMoreForLight(set.users, other.users)) &&
          this.#isWithin(set.users, other.users) &&
          needs.every(
            (name) => name !== undefined && this.#isWithin(other.users, this.#usersOf.get(name) ?? new Set()),
          ),
      );
      if (joined === undefined) continue;
      for (const id of set.ids.splice(0)) {
        joined.ids.push(id);
        this.#put(id, joined);
      }
    }
  }

  /**
   * Whether a program that is to load little would load what these users need with what those need.
   * @param {ReadonlySet<string>} users
   * @param {ReadonlySet<string>} others
   */
  #isMoreForLight(users, others) {
    return this.#light.some((program) => others.has(program) && !users.has(program));
  }

  /**
   * The name of the chunk that the module goes into; null: the bundler decides.
   * @param {string} id
   */
  chunkOf(id) {
    return this.#chunkOf.get(id) ?? null;
  }

  /**
   * Whether somebody who loads the one chunk does not load the other with it.
   * @param {string} chunk
   * @param {string} needed
   */
  isLate(chunk, needed) {
    const users = this.#usersOf.get(chunk);
    const usersOfNeeded = this.#usersOf.get(needed);
    return users !== undefined && usersOfNeeded !== undefined && !this.#isWithin(users, usersOfNeeded);
  }

  /**
   * Whether each of some has loaded what all of the others load.
   * @param {ReadonlySet<string>} some
   * @param {ReadonlySet<string>} all
   */
  #isWithin(some, all) {
    return [...some].every((user) => all.has(user) || this.#isLoaded(user, all));
  }

  /**
   * Whether what others load is there whenever these modules are used.
   * @param {string} user
   * @param {ReadonlySet<string>} others
   * @param {readonly string[]} asked
   * @returns {boolean}
   */
  #isLoaded(user, others, asked = []) {
    const before = this.#graph.before(user);
    return (
      before !== undefined &&
      !asked.includes(user) &&
      [...before].every((one) => others.has(one) || this.#isLoaded(one, others, [...asked, user]))
    );
  }
}

/**
 * @param {ReadonlySet<string>} some
 * @param {ReadonlySet<string>} all
 */
function isSubset(some, all) {
  return [...some].every((each) => all.has(each));
}

/** How the bundler writes that a chunk needs another one. */
const NEEDS = /^const (require_\w+) = require\("(\.[^"]+)"\);$/gm;

/** How the bundler writes what a chunk exports. */
const EXPORT =
  /Object\.defineProperty\(exports, "([\w$]+)", \{\s*enumerable: true,\s*get: function\(\) \{\s*return ([\w$]+);/g;

/**
 * The names that a chunk exports and never changes, which V8 takes for constants if they are declared so.
 * @param {string} code
 */
export function constantsOf(code) {
  const declared = new Set([...code.matchAll(/^const ([\w$]+) =/gm)].map(([, name]) => name));
  return new Set([...code.matchAll(EXPORT)].flatMap(([, name = '', local]) => (declared.has(local) ? [name] : [])));
}

/**
 * The code of a chunk with variables of its own for what it takes of others, where the bundler would ask the object of the other
 * chunk each time, and with a function around each chunk that is not to be loaded yet.
 * @param {string} code
 * @param {(file: string) => boolean} isLate
 * @param {(file: string) => ReadonlySet<string>} constants
 */
export function linked(code, isLate, constants) {
  /** @type {Map<string, Set<string>>} */
  const taken = new Map();
  const late = new Set();
  for (const [, variable = '', file = ''] of code.matchAll(NEEDS))
    if (isLate(file)) late.add(variable);
    else taken.set(variable, new Set());
  const body = code.replace(/\b(require_\w+)\b(?:\.([\w$]+))?/g, (all, variable, name) => {
    const names = taken.get(variable);
    if (name === undefined || (names === undefined && !late.has(variable))) return all;
    names?.add(name);
    return names === undefined ? `(${variable}().${name})` : `${variable}$${name}`;
  });
  return body.replace(NEEDS, (_, variable, file) => {
    if (late.has(variable))
      return `let loaded_${variable};\nconst ${variable} = () => (loaded_${variable} ??= require("${file}"));`;
    const fixed = constants(file);
    const declare = (/** @type {boolean} */ isConstant) => {
      const names = [...(taken.get(variable) ?? [])].filter((name) => fixed.has(name) === isConstant);
      return names.length === 0
        ? []
        : [
            `${isConstant ? 'const' : 'var'} { ${names.map((name) => `${name}: ${variable}$${name}`).join(', ')} } = require("${file}");`,
          ];
    };
    const lines = [...declare(true), ...declare(false)];
    return lines.length === 0 ? `require("${file}");` : lines.join('\n');
  });
}

/** How `linked` writes that a chunk needs another one from the start. */
const NEEDS_AT_ONCE = /^(?:(?:const|var) \{.*\} = )?require\("(\.[^"]+)"\);$/gm;

/**
 * Throws where chunks need each other from the start, so that one would find the other half made.
 * @param {ReadonlyMap<string, string>} code by the name of the file
 */
export function assertNoCircle(code) {
  /** @type {Set<string>} */
  const done = new Set();
  const visit = (/** @type {string} */ file, /** @type {readonly string[]} */ way) => {
    if (way.includes(file)) throw new Error(`chunks need each other: ${[...way, file].join(' -> ')}`);
    if (done.has(file)) return;
    for (const [, needed = ''] of (code.get(file) ?? '').matchAll(NEEDS_AT_ONCE))
      visit(path.posix.join(path.posix.dirname(file), needed), [...way, file]);
    done.add(file);
  };
  for (const file of code.keys()) visit(file, []);
}
