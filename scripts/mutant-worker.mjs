/** Runs the conformance suite and the cases of test/model on a mutated emulator, many times in one thread. */
import { parentPort, workerData } from 'node:worker_threads';
import { moduleEvaluator } from './evaluate-modules.mjs';

/** @typedef {import('./evaluate-modules.mjs').Module} Module */
/** @typedef {{ modules: readonly Module[], entry: string }} Suite `entry` is the URL of the module that has `runBothSuites` */
/** @typedef {{ mutated: Module | undefined, revision: import('./mutants.mjs').Revision, queries: readonly (readonly string[])[] }} Job queries are asked until one notices */
/** @typedef {{ by: string, query: number }} Notice what noticed the mutant, and the index of the query that it was asked with */

const { modules, entry } = /** @type {Suite} */ (workerData);
const evaluate = moduleEvaluator(modules, entry);

/** @param {Job} job @returns {Promise<Notice | undefined>} */
async function noticedBy({ mutated, revision, queries }) {
  let query = 0;
  try {
    const { runBothSuites } = /** @type {typeof import('../test/model/both-suites.ts')} */ (
      /** @type {unknown} */ (await evaluate(mutated))
    );
    for (; query < queries.length; query++) {
      const { cases } = await runBothSuites({
        queries: queries[query] ?? [],
        target: { backend: 'emulated', profile: revision, ...(revision === 'v7-xnack-off' ? { xnackOff: true } : {}) },
        expectQuirks: true,
        untilFail: true,
        repeat: 1,
        timeout: 10_000,
      });
      const bad = cases.find(({ expected }) => !expected);
      if (bad !== undefined) return { by: `${bad.id}: ${bad.reason}`, query };
    }
    return undefined;
  } catch (error) {
    return { by: `the suite ends with ${error instanceof Error ? error.message : String(error)}`, query };
  }
}

parentPort?.on('message', async (/** @type {Job} */ job) => parentPort?.postMessage(await noticedBy(job)));
