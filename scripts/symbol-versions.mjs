#!/usr/bin/env node
/**
 * The oldest system that a built addon runs on: the newest versions of glibc and libstdc++ symbols that
 * it asks for, held against the floor of docs/packaging.md.
 *
 *   node scripts/symbol-versions.mjs FILE...
 */
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { isMain, runMain, ScriptError } from './support.mjs';

/** What the official binaries of Node 20 need themselves (RHEL 8, Debian 10): asking for less would help nobody. */
export const floor = { GLIBC: '2.28', GLIBCXX: '3.4.25', CXXABI: '1.3.11', GCC: '8.0.0' };

/** @param {string} a @param {string} b */
function compareVersions(a, b) {
  const left = a.split('.').map(Number);
  const right = b.split('.').map(Number);
  for (let index = 0; index < Math.max(left.length, right.length); index++) {
    const difference = (left[index] ?? 0) - (right[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** What readelf shows of a file. @param {string} option @param {string} file */
function readelf(option, file) {
  const result = spawnSync('readelf', [option, '--wide', file], { encoding: 'utf8' });
  if (result.status !== 0) throw new ScriptError(`readelf ${file}: ${result.error?.message ?? result.stderr.trim()}`);
  return result.stdout;
}

/**
 * The newest version of each library that the file asks for; names without a number, like
 * GLIBC_ABI_DT_RELR, with an empty one.
 * @param {string} file
 * @returns {Record<string, string>}
 */
export function newestVersions(file) {
  /** @type {Record<string, string>} */
  const newest = {};
  for (const [, name = ''] of readelf('--version-info', file).matchAll(/Name: (\S+)  Flags: .*  Version: /g)) {
    const [, library = name, version = ''] = /^([A-Z]+)_(\d[\d.]*)$/.exec(name) ?? [];
    if (newest[library] === undefined || compareVersions(version, newest[library]) > 0) newest[library] = version;
  }
  return Object.fromEntries(Object.entries(newest).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/**
 * One line for people; throws when the file needs a newer system than the floor.
 * @param {string} file
 */
export function checkSymbolVersions(file) {
  const newest = newestVersions(file);
  const line =
    Object.entries(newest)
      .map(([library, version]) => `${library} ${version}`.trim())
      .join(', ') || 'no versioned symbols';
  const above = Object.entries(newest).filter(([library, version]) => {
    const limit = floor[/** @type {keyof typeof floor} */ (library)];
    return limit === undefined || compareVersions(version, limit) > 0;
  });
  if (above.length > 0) {
    const limits = Object.entries(floor)
      .map(([library, version]) => `${library} ${version}`)
      .join(', ');
    throw new ScriptError(
      `${file} needs ${line}; at most ${limits} is meant: build it on an older system (docs/packaging.md)`,
    );
  }
  return line;
}

/** What a binary for musl may ask for: musl under either name, and what Alpine's Node brings along. */
const MUSL_LIBRARIES = /^(libc\.so|libc\.musl-\w+\.so\.1|libstdc\+\+\.so\.6|libgcc_s\.so\.1)$/;

/**
 * One line for people; throws when the file asks for more than a system with musl and Node has. Musl's symbols have no versions.
 * @param {string} file
 */
export function checkMuslBinary(file) {
  const libraries = [...readelf('--dynamic', file).matchAll(/\(NEEDED\).*\[(.*)\]/g)].map(([, name = '']) => name);
  const others = libraries.filter((name) => !MUSL_LIBRARIES.test(name));
  const versions = Object.keys(newestVersions(file)).filter((library) => library.startsWith('GLIBC'));
  if (others.length > 0 || versions.includes('GLIBC'))
    throw new ScriptError(`${file} is no binary for musl: it needs ${[...others, ...versions].join(', ')}`);
  // What is left undefined would be looked for in a libstdc++ with other names, or in none.
  const undefinedNames = readelf('--dyn-syms', file).match(/(?<= UND )(?:_Z|__cxa)\w+/g) ?? [];
  if (undefinedNames.length > 0 && !libraries.some((name) => name.startsWith('libstdc++')))
    throw new ScriptError(
      `${file} lacks parts of libc++: ${undefinedNames.join(', ')}; scripts/zig.mjs lists the sources it is linked with`,
    );
  return `musl (${libraries.join(', ')})`;
}

if (isMain(import.meta.url)) {
  await runMain(() => {
    for (const file of process.argv.slice(2)) {
      const line = path.basename(file).includes('.musl.') ? checkMuslBinary(file) : checkSymbolVersions(file);
      process.stdout.write(`${file}: ${line}\n`);
    }
  });
}
