#!/usr/bin/env node
/**
 * Breaks one rule of the emulator at a time and asks the conformance suite: a suite that doesn't notice is worth
 * nothing. Prints a line for each mutant; exits 1 if one survives that scripts/mutants.mjs does not explain.
 *
 *   node scripts/mutation-check.mjs [ID...] [--jobs N] [--json]
 */
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { transformWithOxc } from 'vite';
import { allAnchors, mutate } from './mutant-anchors.mjs';
import { MUTANTS } from './mutants.mjs';
import { isMain, root, runMain, ScriptError } from './support.mjs';

/** @typedef {import('./mutants.mjs').Mutant} Mutant */
/** @typedef {import('./mutant-anchors.mjs').Anchor} Anchor */
/** @typedef {{ id: string, rule: string, outcome: 'killed' | 'survived' | 'explained', by: string }} Verdict */

// Far above what the whole suite takes: a mutant that loops is killed by it.
const LIMIT = 90_000;
const MODULE = /(from\s+|import\s+)'(\.[^']*)\.ts'/g;

/** The mutated module as the build would emit it. @param {Anchor} anchor @param {string} becomes */
async function mutatedModule(anchor, becomes) {
  const { code } = await transformWithOxc(mutate(anchor, becomes), path.join(root, anchor.file), { sourcemap: false });
  return code
    .replaceAll(MODULE, (_all, keyword, name) => `${keyword}'${name}.js'`)
    .replaceAll(/(from\s+|import\s+)"(\.[^"]*)\.ts"/g, (_all, keyword, name) => `${keyword}"${name}.js"`);
}

/** Runs the suite of the copy in `folder` up to the first case that is not as expected. @param {string} folder @param {string[]} queries @returns {Promise<string | undefined>} what noticed */
function firstUnexpected(folder, queries) {
  const report = path.join(folder, 'report.json');
  fs.rmSync(report, { force: true });
  const args = [
    'conformance',
    '--backend',
    'emulated',
    '--expect-quirks',
    '--until-fail',
    '--repeat',
    '1',
    '--timeout',
    '10000',
    '--reporter',
    `json=${report}`,
    ...queries,
  ];
  return new Promise((settle, fail) => {
    const child = spawn(process.execPath, [path.join(folder, 'dist/lib/cli/main.js'), ...args], {
      stdio: ['ignore', 'ignore', 'pipe'],
      timeout: LIMIT,
      killSignal: 'SIGKILL',
    });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text) => (said += text));
    child.on('exit', (code, signal) => {
      if (code === 0) return settle(undefined);
      if (code === 2) return fail(new ScriptError(`the suite was asked wrongly: ${said.trim()}`));
      if (signal !== null) return settle(`the suite hangs (${signal})`);
      try {
        const { cases } = JSON.parse(fs.readFileSync(report, 'utf8'));
        const bad = cases.find((/** @type {{ expected: boolean }} */ each) => !each.expected);
        return settle(`${bad.id}: ${bad.reason}`);
      } catch {
        return settle(`the suite ends with ${code}: ${said.trim().split('\n')[0] ?? ''}`);
      }
    });
  });
}

/** @param {string} folder @param {Mutant} mutant @param {Anchor | undefined} anchor @returns {Promise<Verdict>} */
async function judge(folder, { id, rule, becomes, killedBy, survives }, anchor) {
  if (anchor === undefined) throw new ScriptError(`mutant ${id} has no anchor in emulator/`);
  const target = path.join(folder, 'dist', anchor.file.replace(/\.ts$/, '.js'));
  const original = fs.readFileSync(target);
  try {
    fs.writeFileSync(target, await mutatedModule(anchor, becomes));
    const by =
      (killedBy === undefined ? undefined : await firstUnexpected(folder, [killedBy])) ??
      (await firstUnexpected(folder, []));
    if (by !== undefined) return { id, rule, outcome: 'killed', by };
    return { id, rule, outcome: survives === undefined ? 'survived' : 'explained', by: survives ?? 'no case notices' };
  } finally {
    fs.writeFileSync(target, original);
  }
}

/** Judges all mutants, `jobs` at a time. @param {readonly Mutant[]} mutants @param {number} jobs @param {(verdict: Verdict) => void} tell */
export async function judgeAll(mutants, jobs, tell) {
  const anchors = allAnchors();
  const open = [...mutants];
  const work = async (/** @type {number} */ job) => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), `mutants-${job}-`));
    try {
      fs.cpSync(path.join(root, 'dist'), path.join(folder, 'dist'), { recursive: true });
      fs.copyFileSync(path.join(root, 'package.json'), path.join(folder, 'package.json'));
      const unchanged =
        job === 0
          ? await firstUnexpected(
              folder,
              mutants.flatMap(({ killedBy }) => killedBy ?? []),
            )
          : undefined;
      if (unchanged !== undefined) throw new ScriptError(`without a mutant the suite must pass: ${unchanged}`);
      for (let next = open.shift(); next !== undefined; next = open.shift()) {
        tell(await judge(folder, next, anchors.get(next.id)));
      }
    } finally {
      fs.rmSync(folder, { recursive: true, force: true });
    }
  };
  await Promise.all(Array.from({ length: jobs }, (_, job) => work(job)));
}

async function main() {
  const { values, positionals } = parseArgs({
    options: {
      jobs: { type: 'string', default: String(os.availableParallelism()) },
      json: { type: 'boolean', default: false },
    },
    allowPositionals: true,
  });
  const mutants = positionals.length === 0 ? MUTANTS : MUTANTS.filter(({ id }) => positionals.includes(id));
  if (mutants.length === 0) throw new ScriptError(`no mutant is named ${positionals.join(', ')}`);
  /** @type {Verdict[]} */
  const verdicts = [];
  await judgeAll(mutants, Number(values.jobs), (verdict) => {
    verdicts.push(verdict);
    if (!values.json) console.log(`${verdict.outcome.padEnd(9)} ${verdict.id} (${verdict.rule}): ${verdict.by}`);
  });
  if (values.json) console.log(JSON.stringify(verdicts));
  const count = (/** @type {string} */ outcome) => verdicts.filter((each) => each.outcome === outcome).length;
  if (!values.json)
    console.log(
      `${verdicts.length} mutants: ${count('killed')} killed, ${count('survived')} survived, ${count('explained')} explained`,
    );
  return count('survived') > 0 ? 1 : 0;
}

if (isMain(import.meta.url)) runMain(main);
