/**
 * What the compiler says about mutants. One that names what is no longer there ends in a ReferenceError, or compares
 * with undefined; some case fails for that, and the rule counts as watched while nobody broke it.
 */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { mutate, withAnchors } from './mutant-anchors.mjs';
import { dependency, root, runCollected, ScriptError } from './support.mjs';

/** @typedef {import('./mutant-anchors.mjs').Anchor} Anchor */
/** @typedef {{ id: string, becomes: string }} Change */
/** @typedef {Anchor & Change} Placed */
/** @typedef {{ id: string, first: number, last: number }} Place lines, from 1, of what a mutant put there */

// A comparison that is always alike, a value that may be undefined, alone or as an argument: a mutant that answers
// always alike, or drops a check, is meant to leave that in the code below it.
const AS_MEANT = new Set(['TS2367', 'TS18048', 'TS2345']);
const COMPLAINT = /^(?<path>\S.*)\((?<line>\d+),\d+\): error (?<rule>TS\d+): (?<text>.*)$/gm;

/** The mutants in as few groups as have no two that change the same lines. @param {readonly Placed[]} mutants */
function layersOf(mutants) {
  /** @type {Placed[][]} */
  const layers = [];
  for (const mutant of mutants) {
    const meets = (/** @type {Placed} */ other) =>
      other.file === mutant.file && other.start < mutant.end && mutant.start < other.end;
    const layer = layers.find((each) => !each.some(meets));
    if (layer === undefined) layers.push([mutant]);
    else layer.push(mutant);
  }
  return layers;
}

/** A module with all of `mutants`, which are of one layer and file, and their places in it. @param {readonly Placed[]} mutants */
function mutateAll(mutants) {
  let text = mutants[0]?.source ?? '';
  let moved = 0;
  /** @type {Place[]} */
  const places = [];
  for (const { file, id, becomes, start, end } of mutants.toSorted((a, b) => a.start - b.start)) {
    text = mutate({ file, source: text, start: start + moved, end: end + moved }, becomes);
    const first = text.slice(0, start + moved).split('\n').length;
    places.push({ id, first, last: first + becomes.split('\n').length - 1 });
    moved += becomes.length - (end - start);
  }
  return { text, places };
}

/**
 * Compiles the emulator once for each layer. Its complaints, each with the mutant whose line it is about.
 * @param {readonly Change[]} mutants
 * @returns {Promise<string[]>}
 */
export async function complaintsAbout(mutants) {
  const folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'amdgpu-svm-mutants-')));
  try {
    fs.writeFileSync(path.join(folder, 'package.json'), '{ "type": "module" }');
    fs.copyFileSync(path.join(root, 'tsconfig.json'), path.join(folder, 'tsconfig.json'));
    fs.symlinkSync(path.join(root, 'lib'), path.join(folder, 'lib'));
    const complaints = [];
    for (const layer of layersOf(withAnchors(mutants))) complaints.push(...(await compile(folder, layer)));
    return complaints;
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

/** @param {string} folder @param {readonly Placed[]} layer @returns {Promise<string[]>} */
async function compile(folder, layer) {
  fs.cpSync(path.join(root, 'emulator'), path.join(folder, 'emulator'), { recursive: true });
  /** @type {Map<string, Place[]>} */
  const placesOf = new Map();
  for (const file of new Set(layer.map((mutant) => mutant.file))) {
    const { text, places } = mutateAll(layer.filter((mutant) => mutant.file === file));
    fs.writeFileSync(path.join(folder, file), text);
    placesOf.set(file, places);
  }
  const unusedIsRight = ['--noUnusedLocals', 'false', '--noUnusedParameters', 'false'];
  const args = ['-p', path.join(folder, 'emulator'), '--pretty', 'false', ...unusedIsRight];
  const { code, output } = await runCollected(process.execPath, [dependency('typescript/bin/tsc'), ...args]);
  const found = [...output.matchAll(COMPLAINT)].map(({ groups }) => /** @type {Record<string, string>} */ (groups));
  if (code !== 0 && found.length === 0) throw new ScriptError(`the compiler ends with ${code}: ${output.trimEnd()}`);
  return found.flatMap(({ path: name = '', line, rule = '', text }) => {
    if (AS_MEANT.has(rule)) return [];
    const file = path.relative(folder, path.resolve(root, name));
    const own = placesOf.get(file)?.find(({ first, last }) => first <= Number(line) && Number(line) <= last);
    return [`${own?.id ?? `${file}:${line}`}: ${text}`];
  });
}
