#!/usr/bin/env node
/**
 * `npm run test:nodes [-- VERSION...] [-- -- VITEST-ARGUMENT...]`: on other versions of Node, the tests that can end
 * differently there. The binaries come from npm into .cache/nodes. `npm test` does this in CI, with 22, 24 and 26; the
 * version that runs `npm test` runs the whole suite itself.
 */
import os from 'node:os';
import { provideFromNpm } from './npm-programs.mjs';
import { setup } from './setup.mjs';
import { dependency, isMain, root, runCollected, runMain, say, ScriptError } from './support.mjs';

export const otherNodes = ['22', '24', '26'];

/**
 * What meets Node's own C++ and its engine: the addon and the life of its memory in processes and threads, ffi; and the
 * recordings of one revision, for the engine. What is between the addon and the kernel alone is the same binary on each version.
 */
const engine = [
  'lib/backend/ffi-',
  'lib/backend/native-addon.test.ts',
  'test/native-lifetime.test.ts',
  'test/native-memory.test.ts',
  'test/native-threads.test.ts',
  'test/native-misuse.test.ts',
  'test/node-contract.test.ts',
  'test/vectors.test.ts',
];
/**
 * On the last version also what meets Node's modules: the choice of a backend, files and environment, the command and the
 * built package, a served node. Everything else is plain JavaScript that one engine runs as well as the next, or is about npm, compilers
 * and Chromium.
 */
const selection = [
  ...engine,
  'lib/backend/',
  'lib/device/',
  'lib/conformance/framework/isolate.test.ts',
  'test/cli.test.ts',
  'test/serve.test.ts',
];

const packageName = `node-${process.platform}-${process.arch}`;

/** Path of the Node binary, which is installed if it is not there. @param {string} version a major version, or any that npm knows */
const provideNode = (version) => provideFromNpm(`nodes/${version}`, packageName, version, 'bin/node');

/** Installs the Nodes that are not there, next to what else is done. @param {string[]} versions */
export async function provideNodes(versions) {
  await Promise.all(versions.map(provideNode));
}

/**
 * As many versions at once as there are processors, each with one worker: so all are busy to the end, and a version
 * finds transformed what those before it loaded. The last has most to do, and is first. What each prints comes when it is done.
 * @param {string[]} versions
 * @param {string[]} [args] arguments for vitest; default: the tests that can differ, of versions before the last only some of them
 */
export async function testNodes(versions, args) {
  await provideNodes(versions);
  const open = versions.toReversed();
  /** @type {string[]} */
  const failed = [];
  const work = async () => {
    for (let version = open.shift(); version !== undefined; version = open.shift()) {
      const own = otherNodes.slice(0, -1).includes(version) ? engine : selection;
      if ((await testNode(version, args ?? own)) !== 0) failed.push(version);
    }
  };
  await Promise.all(Array.from({ length: os.availableParallelism() }, work));
  if (failed.length > 0) throw new ScriptError(`the tests failed on Node ${failed.join(', ')}`);
}

/** @param {string} version @param {string[]} args */
async function testNode(version, args) {
  const binary = await provideNode(version);
  const started = Date.now();
  const arguments_ = [dependency('vitest/vitest.mjs'), 'run', '--maxWorkers=1', ...args];
  const { code, output } = await runCollected(binary, arguments_);
  const outcome = `${code === 0 ? 'passed' : 'failed'} in ${Math.round((Date.now() - started) / 1000)} s`;
  say(`test: Node ${version} (${binary})\n${output.trimEnd()}\ntest: Node ${version} ${outcome}`);
  return code;
}

if (isMain(import.meta.url)) {
  await runMain(async () => {
    process.chdir(root);
    setup();
    const [versions, args] = split(process.argv.slice(2));
    await testNodes(versions.length > 0 ? versions : otherNodes, args);
  });
}

/** @param {string[]} args @returns {[string[], string[] | undefined]} */
function split(args) {
  const at = args.indexOf('--');
  return at === -1 ? [args, undefined] : [args.slice(0, at), args.slice(at + 1)];
}
