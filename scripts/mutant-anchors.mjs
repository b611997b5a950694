/**
 * Finds the places that the mutants of scripts/mutants.mjs change. A line `// mutant: ID` (or several, with commas) is
 * directly above a statement, class member, property or case: that node is found in the parsed module, never by its text.
 */
import fs from 'node:fs';
import path from 'node:path';
import { parseSync } from 'vite';
import { root, ScriptError } from './support.mjs';

/** @typedef {{ file: string, source: string, start: number, end: number }} Anchor `[start, end)` is the anchored node. */

const COMMENT = /^ mutant: (.*)$/;
const ANCHORABLE =
  /(Statement|Declaration)$|^(PropertyDefinition|MethodDefinition|AccessorProperty|Property|SwitchCase)$/;

/** The outermost node that can be anchored and starts at each offset. @param {unknown} node @param {Map<number, { start: number, end: number }>} found */
function collect(node, found) {
  if (node === null || typeof node !== 'object') return;
  if (Array.isArray(node)) {
    for (const each of node) collect(each, found);
    return;
  }
  const { type, start, end } = /** @type {{ type?: unknown, start: number, end: number }} */ (node);
  if (typeof type === 'string' && ANCHORABLE.test(type) && !found.has(start)) found.set(start, { start, end });
  for (const each of Object.values(node)) collect(each, found);
}

/** @param {string} file @param {string} source @returns {[id: string, Anchor][]} */
export function anchorsOf(file, source) {
  if (!source.includes('// mutant:')) return [];
  const { program, comments, errors } = parseSync(file, source);
  if (errors.length > 0) throw new ScriptError(`${file}: ${errors[0]?.message}`);
  /** @type {Map<number, { start: number, end: number }>} */
  const nodes = new Map();
  collect(program, nodes);
  return comments.flatMap((comment) => {
    const ids = COMMENT.exec(comment.value)?.[1]?.split(', ');
    if (ids === undefined) return [];
    const below = comment.end + (/^\s*/.exec(source.slice(comment.end))?.[0].length ?? 0);
    const node = nodes.get(below);
    if (node === undefined) {
      throw new ScriptError(`${file}: nothing that can be mutated is directly below "//${comment.value}"`);
    }
    return ids.map((id) => /** @type {[string, Anchor]} */ ([id, { file, source, ...node }]));
  });
}

/** Every anchor of the emulator by the mutant it names. @returns {Map<string, Anchor>} */
export function allAnchors() {
  /** @type {Map<string, Anchor>} */
  const anchors = new Map();
  for (const name of fs.readdirSync(path.join(root, 'emulator'), { recursive: true, encoding: 'utf8' }).sort()) {
    if (!name.endsWith('.ts') || name.endsWith('.test.ts')) continue;
    const file = path.posix.join('emulator', ...name.split(path.sep));
    for (const [id, anchor] of anchorsOf(file, fs.readFileSync(path.join(root, file), 'utf8'))) {
      const other = anchors.get(id);
      if (other !== undefined) throw new ScriptError(`mutant ${id} is anchored twice: ${other.file} and ${file}`);
      anchors.set(id, anchor);
    }
  }
  return anchors;
}

/**
 * Each mutant with the place that it changes.
 * @template {{ id: string }} T
 * @param {readonly T[]} mutants
 * @returns {(T & Anchor)[]}
 */
export function withAnchors(mutants) {
  const anchors = allAnchors();
  return mutants.map((mutant) => {
    const anchor = anchors.get(mutant.id);
    if (anchor === undefined) throw new ScriptError(`mutant ${mutant.id} has no anchor in emulator/`);
    return { ...anchor, ...mutant };
  });
}

/** The text of the module with the anchored node replaced. @param {Anchor} anchor @param {string} becomes */
export function mutate({ source, start, end }, becomes) {
  return source.slice(0, start) + becomes + source.slice(end);
}
