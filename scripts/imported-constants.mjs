/**
 * A plugin of Vite for tests. What one module imports of another, Vite turns into a property that is asked for at each use, by way of
 * a getter, which V8 does not see through: the cases on all revisions took 1.6 times as long as with a constant for each
 * imported name. That needs modules that do not import each other in a circle, and exports that never change.
 */

/** An import of names from a file of the repository, as the compiler writes it: one line. */
const NAMES = /^import \{ ([^}]*) \} from ("\.[^"]+");$/gm;

/**
 * The code with a constant for each name that it imports from a file of the repository; the lines stay the lines.
 * @param {string} code
 */
export function withImportedConstants(code) {
  return code.replace(NAMES, (_, /** @type {string} */ names, /** @type {string} */ from) => {
    const pairs = names.split(', ').map((name) => {
      const [there = '', here = there] = name.split(' as ');
      return { there, here };
    });
    const imports = pairs.map(({ there, here }) => `${there} as imported_${here}`);
    const constants = pairs.map(({ here }) => `${here} = imported_${here}`);
    return `import { ${imports.join(', ')} } from ${from}; const ${constants.join(', ')};`;
  });
}

/** @type {import('vite').Plugin} */
export const importedConstants = {
  name: 'imported-constants',
  // What the compiler has written, before imports become properties.
  enforce: 'post',
  transform: (code, id) =>
    /\/(?:emulator|lib|test|bench)\/.*\.ts(?:\?|$)/.test(id)
      ? { code: withImportedConstants(code), map: null }
      : undefined,
};
