import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { assertNoCircle, constantsOf, linked, SharedChunks, SMALL } from './chunks.mjs';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

function folderOf(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'chunks-'));
  folders.push(folder);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
}

/** More than is small. */
const LONG = `/* ${'x'.repeat(SMALL)} */\n`;

/** Two programs: one exports the engine, the other uses it in a function. Names pass through a list of names. */
const PROGRAMS = {
  'engine-entry.js': `export { Engine } from './engine.js';\nexport { pages } from './words.js';\n`,
  'device-entry.js': `export * from './device.js';\n`,
  'device.js': `${LONG}import { Engine, pages } from './engine-entry.js';\nimport * as all from './table.js';\nexport class Device {}\n`,
  'engine.js': `${LONG}import { pages } from './words.js';\nimport { only } from './only.js';\nexport class Engine {}\n`,
  'only.js': `${LONG}import { rules } from './rules.js';\nexport const only = 1;\n`,
  'rules.js': `${LONG}import { only } from './only.js';\nimport { ruleName } from './rule-name.js';\nexport function rules() {}\n`,
  'rule-name.js': `${LONG}export const ruleName = 1;\n`,
  'words.js': `${LONG}export function pages() {}\n`,
  'table.js': `export const table = 1;\n`,
};
const LATE = { engine: ['engine'], rules: ['rules'] };

function chunksOf(files: Readonly<Record<string, string>>): { of: (name: string) => string | null; all: SharedChunks } {
  const folder = folderOf(files);
  const programs = ['engine-entry', 'device-entry'];
  const all = new SharedChunks(folder, programs, [], programs, LATE);
  return { of: (name) => all.chunkOf(join(folder, `${name}.js`)), all };
}

it('puts modules together that the same programs load, with themselves or when they are used', () => {
  const { of } = chunksOf(PROGRAMS);
  expect(of('engine')).toBe(of('only'));
  expect(of('rules')).toBe(of('rule-name'));
  expect(of('rules')).not.toBe(of('engine'));
  expect(of('device')).not.toBe(of('engine'));
  // Both need it at once.
  expect(new Set([of('device'), of('engine'), of('rules')])).not.toContain(of('words'));
  // Small, and needed by one alone.
  expect(of('table')).toBe(of('device'));
  expect(of('device-entry')).toBeNull();
});

it('gives a program that is to load little only half as much of what others need', () => {
  const uses = (...names: string[]) => names.map((name) => `import { it as ${name} } from './${name}.js';\n`).join('');
  const folder = folderOf({
    'one.js': uses('words', 'middle', 'little'),
    'two.js': uses('words', 'middle', 'little'),
    'command.js': uses('words'),
    'words.js': `${LONG}export const it = 1;\n`,
    'middle.js': `/* ${'x'.repeat(SMALL * 0.75)} */ export const it = 1;\n`,
    'little.js': 'export const it = 1;\n',
  });
  const together = (entries: readonly string[], light: readonly string[]): string[] => {
    const all = new SharedChunks(folder, entries, light, [...entries, ...light], {});
    const of = (name: string): string | null => all.chunkOf(join(folder, `${name}.js`));
    return ['middle', 'little'].filter((name) => of(name) === of('words'));
  };
  // What the same two need is one set; it goes with the words where all three are entries.
  expect(together(['one', 'two', 'command'], [])).toEqual(['middle', 'little']);
  expect(together(['one', 'two'], ['command'])).toEqual([]);
});

it('finds late what somebody loads without it, and not what is there before', () => {
  const { of, all } = chunksOf(PROGRAMS);
  expect(all.isLate(of('device')!, of('engine')!)).toBe(true);
  expect(all.isLate(of('engine')!, of('rules')!)).toBe(true);
  expect(all.isLate('engine-entry', of('engine')!)).toBe(false);
  expect(all.isLate(of('device')!, of('words')!)).toBe(false);
  // Only the engine uses the rules.
  expect(all.isLate(of('rules')!, of('only')!)).toBe(false);
});

it('says which module lacks a name', () => {
  const files = { ...PROGRAMS, 'engine-entry.js': `export { Engine } from './engine.js';\n` };
  expect(() => chunksOf(files)).toThrow(/engine-entry\.js does not export pages/);
});

const NEEDED = `const LIMIT = 3;
function count() { return calls += 1; }
let calls = 0;
Object.defineProperty(exports, "LIMIT", {
	enumerable: true,
	get: function() {
		return LIMIT;
	}
});
Object.defineProperty(exports, "count", {
	enumerable: true,
	get: function() {
		return count;
	}
});
globalThis.chunkTest.push('needed');
`;
const USER = `const require_needed = require("./needed.cjs");
exports.twice = () => { require_needed.count(); return new Array(require_needed.count() + require_needed.LIMIT).length; };
globalThis.chunkTest.push('user');
`;

it('takes names of other chunks as variables of its own, constants as constants', () => {
  expect([...constantsOf(NEEDED)]).toEqual(['LIMIT']);
  const code = linked(
    USER,
    () => false,
    () => constantsOf(NEEDED),
  );
  expect(code).toContain('const { LIMIT: require_needed$LIMIT } = require("./needed.cjs");');
  expect(code).toContain('var { count: require_needed$count } = require("./needed.cjs");');
  expect(run(code)).toEqual({ loaded: ['needed', 'user'], twice: 5, after: ['needed', 'user'] });
});

it('loads a late chunk at its first use, once', () => {
  const code = linked(
    USER,
    () => true,
    () => new Set(),
  );
  expect(run(code)).toEqual({ loaded: ['user'], twice: 5, after: ['user', 'needed'] });
});

function run(code: string): { loaded: string[]; twice: unknown; after: string[] } {
  const folder = folderOf({ 'user.cjs': code, 'needed.cjs': NEEDED });
  const order: string[] = [];
  Object.assign(globalThis, { chunkTest: order });
  const { twice } = createRequire(join(folder, 'user.cjs'))('./user.cjs') as { twice: () => unknown };
  return { loaded: [...order], twice: twice(), after: order };
}

it('refuses chunks that need each other from the start', () => {
  const needs = (file: string): string => `var { a: require_a$a } = require("${file}");\n`;
  const late = (file: string): string => `let loaded;\nconst require_a = () => (loaded ??= require("${file}"));\n`;
  const chunks = (back: string): Map<string, string> =>
    new Map([
      ['entry.cjs', needs('./chunks/one.cjs')],
      ['chunks/one.cjs', needs('./two.cjs')],
      ['chunks/two.cjs', back],
    ]);
  expect(() => assertNoCircle(chunks(needs('./one.cjs')))).toThrow(
    'chunks/one.cjs -> chunks/two.cjs -> chunks/one.cjs',
  );
  assertNoCircle(chunks(late('./one.cjs')));
});
