/** Who loads which module of what the compiler has written: with itself, or when it is first used. */
import fs from 'node:fs';
import path from 'node:path';

/** An import or export by the path of a module, as the compiler writes it: of names, of everything or of nothing. */
const STATEMENT = /^(import|export)\s*(?:\*(?:\s*as\s+\w+)?|\{([^}]*)\})?\s*(?:from\s*)?['"](\.[^'"]+)['"];$/gm;
const COMMENT = /\/\*[^]*?\*\/|^\/\/.*$/gm;

/**
 * One statement that names another module.
 * @typedef {object} Statement
 * @property {boolean} exported
 * @property {ReadonlyMap<string, string> | undefined} names by the name here; undefined: all
 * @property {string} target
 */

/** Follows the imports of what the compiler has written to a folder. */
export class ModuleGraph {
  #output;
  #loadedWhenUsed;
  /** @type {Map<string, { readonly statements: readonly Statement[], readonly onlyNames: boolean, readonly text: string }>} */
  #modules = new Map();
  /** @type {Map<string, Set<string>>} */
  #users = new Map();
  /** @type {Map<string, Set<string>>} */
  #loaded = new Map();
  /** @type {Map<string, Set<string>>} */
  #before = new Map();

  /**
   * @param {string} output
   * @param {readonly string[]} programs names below the folder, without extension
   * @param {Readonly<Record<string, readonly string[]>>} loadedWhenUsed modules by what they are together
   */
  constructor(output, programs, loadedWhenUsed) {
    this.#output = output;
    this.#loadedWhenUsed = new Map(
      Object.entries(loadedWhenUsed).flatMap(([group, names]) => names.map((name) => [name, group])),
    );
    for (const program of programs) this.#walk(this.#fileOf(program), program, true);
  }

  /**
   * The programs and modules loaded when used that load each module with themselves, by its file.
   * @returns {ReadonlyMap<string, ReadonlySet<string>>}
   */
  get users() {
    return this.#users;
  }

  /**
   * The modules that are loaded with this one because of its own imports.
   * @param {string} id
   * @returns {ReadonlySet<string>}
   */
  loadedWith(id) {
    return this.#loaded.get(id) ?? new Set();
  }

  /**
   * Those of whom one is loaded before anybody uses these modules; nobody for a program.
   * @param {string} user
   * @returns {ReadonlySet<string> | undefined}
   */
  before(user) {
    return this.#before.get(user);
  }

  /** @param {string} name */
  #fileOf(name) {
    return path.join(this.#output, `${name}.js`);
  }

  /**
   * @param {string} id
   * @param {string} user
   * @param {boolean} isProgram
   */
  #walk(id, user, isProgram = false) {
    const known = this.#users.get(id) ?? new Set();
    if (known.has(user)) return;
    this.#users.set(id, known.add(user));
    const loaded = this.#loaded.get(id) ?? new Set();
    this.#loaded.set(id, loaded);
    for (const { target, exported } of this.#edges(id)) {
      const name = path.relative(this.#output, target).replace(/\.js$/, '');
      const later = isProgram && exported ? undefined : this.#loadedWhenUsed.get(name);
      if (later === undefined) loaded.add(target);
      else if (later !== user) this.#before.set(later, (this.#before.get(later) ?? new Set()).add(user));
      this.#walk(target, later ?? user);
    }
  }

  /**
   * The modules whose names are imported, whatever lists of names they pass through.
   * @param {string} id
   * @returns {Generator<{ readonly target: string, readonly exported: boolean }>}
   */
  *#edges(id) {
    for (const { target, names, exported } of this.#module(id).statements)
      if (names !== undefined)
        for (const name of names.values()) yield { target: this.#origin(target, name), exported };
      else if (this.#module(target).onlyNames) yield* this.#edges(target);
      else yield { target, exported };
  }

  /**
   * @param {string} id
   * @param {string} name
   * @returns {string}
   */
  #origin(id, name) {
    const { statements, onlyNames } = this.#module(id);
    if (!onlyNames) return id;
    for (const { target, names } of statements) {
      const there = names === undefined ? this.#exports(target, name) && name : names.get(name);
      if (there) return this.#origin(target, there);
    }
    throw new Error(`${id} does not export ${name}`);
  }

  /**
   * @param {string} id
   * @param {string} name
   * @returns {boolean}
   */
  #exports(id, name) {
    const { statements, text } = this.#module(id);
    return (
      new RegExp(`^export (?:async )?(?:class|const|function\\*?|let) ${name}\\b`, 'm').test(text) ||
      new RegExp(`^export \\{[^}]*\\b${name}\\b[^}]*\\};`, 'm').test(text) ||
      statements.some(({ target, names, exported }) => exported && (names?.has(name) ?? this.#exports(target, name)))
    );
  }

  /** @param {string} id */
  #module(id) {
    const known = this.#modules.get(id);
    if (known !== undefined) return known;
    const text = fs.readFileSync(id, 'utf8');
    const statements = [...text.matchAll(STATEMENT)].map(([, keyword, names, target = '']) => ({
      exported: keyword === 'export',
      names: names === undefined ? undefined : namesIn(names),
      target: path.resolve(path.dirname(id), target),
    }));
    const onlyNames =
      statements.every(({ exported }) => exported) && text.replace(STATEMENT, '').replace(COMMENT, '').trim() === '';
    const module = { statements, onlyNames, text };
    this.#modules.set(id, module);
    return module;
  }
}

/**
 * `a, b as c` by the name after "as".
 * @param {string} names
 */
function namesIn(names) {
  return new Map(
    names
      .split(',')
      .map((name) => name.trim().split(/\s+as\s+/))
      .flatMap(([there = '', here = there]) => (there === '' ? [] : [/** @type {const} */ ([here, there])])),
  );
}
