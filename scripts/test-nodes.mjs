#!/usr/bin/env node
/**
 * `npm run test:nodes [-- VERSION...] [-- -- VITEST-ARGUMENT...]`: on other versions of Node, the tests that can end
 * differently there. The binaries come from npm into .cache/nodes. `npm test` does this in CI, with 22, 24 and 26; the
 * version that runs `npm test` runs the whole suite itself.
 */
import fs from 'node:fs';
import path from 'node:path';
import { findNpm } from './dependencies.mjs';
import { setup } from './setup.mjs';
import { cacheFolder, dependency, isMain, root, runLogged, runMain, runProgram, say, ScriptError } from './support.mjs';

export const otherNodes = ['22', '24', '26'];

/**
 * What meets Node itself: the addon in processes and threads, ffi, the choice of a backend, files and environment, the
 * command and the built package, and the conformance suite in one process. Everything else is plain JavaScript that one
 * engine runs as well as the next, or is about npm, compilers and Chromium.
 */
const selection = [
  'lib/backend/',
  'lib/device/',
  'test/native-',
  'test/node-contract.test.ts',
  'lib/conformance/cases/',
  'lib/conformance/framework/isolate.test.ts',
  'test/model/',
  'test/vectors.test.ts',
  'test/vectors-v7.test.ts',
  'test/vectors-v8.test.ts',
  'test/vectors-xnack-off.test.ts',
  'test/cli.test.ts',
  'test/cli-trace.test.ts',
  'test/examples.test.ts',
  'test/serve.test.ts',
];

/** Path of the Node binary, installed if it isn't there. @param {string} version a major version, or any that npm knows */
function provideNode(version) {
  const name = `node-${process.platform}-${process.arch}`;
  const folder = path.join(cacheFolder, 'nodes', version);
  const binary = path.join(folder, 'node_modules', name, 'bin', 'node');
  if (fs.existsSync(binary)) return binary;
  say(`test: installing ${name}@${version}`);
  fs.mkdirSync(folder, { recursive: true });
  // A package of its own: npm would take the one of the repository otherwise.
  fs.writeFileSync(path.join(folder, 'package.json'), '{ "private": true }\n');
  const npm = findNpm();
  const args = [
    ...npm.args,
    'install',
    '--prefix',
    folder,
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    '--no-package-lock',
    `${name}@${version}`,
  ];
  const result = runLogged(`node-${version}`, npm.command, args, { shell: npm.shell });
  if (!result.ok || !fs.existsSync(binary))
    throw new ScriptError(`${name}@${version} could not be installed, see ${result.log}`);
  return binary;
}

/** @param {string[]} versions @param {string[]} [args] arguments for vitest; default: the tests that can differ */
export async function testNodes(versions, args = selection) {
  for (const version of versions) {
    const node = provideNode(version);
    const started = Date.now();
    say(`test: Node ${version} (${node})`);
    // The plain run makes all 200,000 random calls.
    const code = await runProgram(node, [dependency('vitest/vitest.mjs'), 'run', ...args], {
      ...process.env,
      FUZZ_CALLS: process.env.FUZZ_CALLS ?? '50000',
    });
    if (code !== 0) throw new ScriptError(`the tests failed on Node ${version}`);
    say(`test: Node ${version} passed in ${Math.round((Date.now() - started) / 1000)} s`);
  }
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
