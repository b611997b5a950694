#!/usr/bin/env node
/**
 * Breaks one rule of the emulator at a time and asks the conformance suite and the cases of test/model: cases
 * that don't notice are worth nothing. Prints a line for each mutant; exits 1 if one survives that scripts/mutants.mjs does not explain.
 *
 *   node scripts/mutation-check.mjs [ID...] [--jobs N] [--json]
 */
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { createServer } from 'vite';
import { mutate, withAnchors } from './mutant-anchors.mjs';
import { complaintsAbout } from './mutant-types.mjs';
import { MUTANTS } from './mutants.mjs';
import { isMain, messageOf, root, runMain, ScriptError } from './support.mjs';

/** @typedef {import('./mutants.mjs').Mutant} Mutant */
/** @typedef {import('./evaluate-modules.mjs').Module} Module */
/** @typedef {import('./mutant-worker.mjs').Job} Job */
/** @typedef {import('./mutant-worker.mjs').Notice} Notice */
/** @typedef {import('./mutants.mjs').Revision} Revision */
/** @typedef {{ id: string, revision: Revision, rule: string, outcome: 'killed' | 'survived' | 'explained', by: string, asMeant: boolean }} Verdict `asMeant` unless all of `killedBy` passed */

// Far above what the whole suite takes: a mutant that loops is killed by it.
const LIMIT = 90_000;
const ENTRY = '/test/model/both-suites.ts';

/**
 * The modules that `entry` loads, and those of the mutants, transformed in memory.
 * @param {readonly { id: string, becomes: string }[]} mutants
 * @param {string} entry URL of a module in this repository
 * @returns {Promise<{ modules: Module[], mutated: Map<string, Module> }>}
 */
export async function transformAll(mutants, entry) {
  const mutations = new Map(
    withAnchors(mutants).map((mutant) => [
      mutant.id,
      { url: `/${mutant.file}`, source: mutate(mutant, mutant.becomes) },
    ]),
  );
  const server = await createServer({
    configFile: false,
    root,
    logLevel: 'silent',
    appType: 'custom',
    oxc: { target: 'es2022' },
    optimizeDeps: { noDiscovery: true },
    server: { middlewareMode: true, watch: null, ws: false, hmr: false },
    plugins: [
      {
        name: 'mutants',
        load: (id) => mutations.get(new URLSearchParams(id.split('?')[1]).get('mutant') ?? '')?.source,
      },
    ],
  });
  try {
    const transform = async (/** @type {string} */ url) => {
      // Helpers of the compiler have no file: Vite writes the zero byte before their names like this.
      const id = url.startsWith('/@id/__x00__') ? url.replace('/@id/__x00__', '\0') : url;
      const result = await server.environments.ssr.transformRequest(id);
      if (result === null) throw new ScriptError(`${url} cannot be transformed`);
      return result;
    };
    const moduleOf = (/** @type {string} */ url, /** @type {string} */ code) => {
      return { url, file: path.join(root, url), code };
    };
    /** @type {Map<string, Module>} */
    const modules = new Map();
    const open = [entry];
    for (let url = open.pop(); url !== undefined; url = open.pop()) {
      // What has another beginning is part of Node, or a package.
      if (modules.has(url) || !url.startsWith('/')) continue;
      const { code, deps = [], dynamicDeps = [] } = await transform(url);
      modules.set(url, moduleOf(url, code));
      open.push(...deps, ...dynamicDeps);
    }
    /** @type {Map<string, Module>} */
    const mutated = new Map();
    for (const [id, { url }] of mutations) {
      if (!modules.has(url)) throw new ScriptError(`mutant ${id}: ${entry} does not load ${url}`);
      mutated.set(id, moduleOf(url, (await transform(`${url}?mutant=${id}`)).code));
    }
    return { modules: [...modules.values()], mutated };
  } finally {
    await server.close();
  }
}

/** A thread that judges mutants; one that hangs or breaks is replaced. */
class Judge {
  #modules;
  /** @type {Worker | undefined} */
  #worker;

  /** @param {readonly Module[]} modules */
  constructor(modules) {
    this.#modules = modules;
  }

  /** @param {Job} job @returns {Promise<Notice | undefined>} what noticed */
  ask(job) {
    const worker = (this.#worker ??= new Worker(new URL('mutant-worker.mjs', import.meta.url), {
      workerData: { modules: this.#modules, entry: ENTRY },
      stdout: true,
    }));
    return new Promise((settle) => {
      const end = async (/** @type {Notice | undefined} */ notice, healthy = false) => {
        clearTimeout(timer);
        worker.off('message', answered).off('error', failed).off('exit', exited);
        if (!healthy) await this.close();
        settle(notice);
      };
      const answered = (/** @type {Notice | undefined} */ notice) => end(notice, true);
      const ended = (/** @type {string} */ how) => end({ by: `the suite ${how}`, query: 0 });
      const failed = (/** @type {unknown} */ error) => ended(`ends with ${messageOf(error)}`);
      const exited = (/** @type {number} */ code) => ended(`ends with exit code ${code}`);
      const timer = setTimeout(() => ended('hangs'), LIMIT);
      worker.once('message', answered).once('error', failed).once('exit', exited);
      worker.postMessage(job);
    });
  }

  async close() {
    await this.#worker?.terminate();
    this.#worker = undefined;
  }
}

/** Judges all mutants, `jobs` at a time. @param {readonly Mutant[]} mutants @param {number} jobs @param {(verdict: Verdict) => void} tell */
export async function judgeAll(mutants, jobs, tell) {
  const { modules, mutated } = await transformAll(mutants, ENTRY);
  const open = [...mutants];
  const unchanged = [...new Set(mutants.map(({ revision = 'v4' }) => revision))];
  const work = async () => {
    const judge = new Judge(modules);
    try {
      for (let revision = unchanged.shift(); revision !== undefined; revision = unchanged.shift()) {
        const own = mutants.filter((each) => (each.revision ?? 'v4') === revision);
        const queries = [own.flatMap(({ killedBy }) => killedBy ?? [])];
        const notice = await judge.ask({ mutated: undefined, revision, queries });
        if (notice !== undefined)
          throw new ScriptError(`without a mutant the suite must pass on ${revision}: ${notice.by}`);
      }
      for (let next = open.shift(); next !== undefined; next = open.shift()) {
        const { id, revision = 'v4', rule, killedBy, survives } = next;
        const queries = [...(killedBy === undefined ? [] : [[killedBy]]), []];
        const notice = await judge.ask({ mutated: mutated.get(id), revision, queries });
        const unnoticed = survives === undefined ? 'survived' : 'explained';
        tell({
          id,
          revision,
          rule,
          outcome: notice === undefined ? unnoticed : 'killed',
          by: notice?.by ?? survives ?? 'no case notices',
          asMeant: killedBy === undefined || notice?.query === 0,
        });
      }
    } finally {
      await judge.close();
    }
  };
  await Promise.all(Array.from({ length: jobs }, () => work()));
}

async function main() {
  const { values, positionals } = parseArgs({
    options: {
      jobs: { type: 'string', default: String(os.availableParallelism()) },
      json: { type: 'boolean', default: false },
    },
    allowPositionals: true,
  });
  const unknown = positionals.filter((name) => !MUTANTS.some(({ id }) => id === name));
  if (unknown.length > 0) throw new ScriptError(`no mutant is named ${unknown.join(', ')}`);
  const mutants = positionals.length === 0 ? MUTANTS : MUTANTS.filter(({ id }) => positionals.includes(id));
  const complaints = await complaintsAbout(mutants);
  if (complaints.length > 0) throw new ScriptError(`mutants that do not compile:\n${complaints.join('\n')}`);
  /** @type {Verdict[]} */
  const verdicts = [];
  await judgeAll(mutants, Number(values.jobs), (verdict) => {
    verdicts.push(verdict);
    if (!values.json)
      console.log(`${verdict.outcome.padEnd(9)} ${verdict.id} on ${verdict.revision} (${verdict.rule}): ${verdict.by}`);
  });
  if (values.json) console.log(JSON.stringify(verdicts));
  const count = (/** @type {string} */ outcome) => verdicts.filter((each) => each.outcome === outcome).length;
  if (!values.json)
    console.log(
      `${verdicts.length} mutants: ${count('killed')} killed, ${count('survived')} survived, ${count('explained')} explained`,
    );
  return count('survived') > 0 ? 1 : 0;
}

if (isMain(import.meta.url)) await runMain(main);
