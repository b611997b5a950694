#!/usr/bin/env node
/**
 * `npm run test:nodes [-- VERSION...] [-- -- VITEST-ARGUMENT...]`: the tests on other versions of Node,
 * whose binaries come from npm into .cache/nodes. `npm test` does this in CI, with 22, 24 and 26; the
 * version that runs `npm test` runs the whole suite itself.
 *
 * Left out are the tests of the scripts and of the packed package, and those in a browser: they are about
 * npm, compilers and Chromium, which are the same whatever Node starts them. So are the long runs of the built
 * conformance suite: each of its cases runs on every version in lib/conformance/cases/index.test.ts.
 */
import fs from 'node:fs';
import path from 'node:path';
import { findNpm } from './dependencies.mjs';
import { setup } from './setup.mjs';
import { cacheFolder, dependency, isMain, root, runLogged, runMain, runProgram, say, ScriptError } from './support.mjs';

export const otherNodes = ['22', '24', '26'];

const elsewhere = [
  'test/package-*',
  'test/*-page.test.ts',
  'test/cli-conformance.test.ts',
  'test/conformance-mutants.test.ts',
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

/** @param {string[]} versions @param {string[]} [selection] arguments for vitest */
export async function testNodes(versions, selection = []) {
  for (const version of versions) {
    const node = provideNode(version);
    const started = Date.now();
    say(`test: Node ${version} (${node})`);
    const args = [
      dependency('vitest/vitest.mjs'),
      'run',
      ...elsewhere.flatMap((pattern) => ['--exclude', pattern]),
      ...selection,
    ];
    // The plain run makes all 200,000 random calls.
    const code = await runProgram(node, args, { ...process.env, FUZZ_CALLS: process.env.FUZZ_CALLS ?? '50000' });
    if (code !== 0) throw new ScriptError(`the tests failed on Node ${version}`);
    say(`test: Node ${version} passed in ${Math.round((Date.now() - started) / 1000)} s`);
  }
}

if (isMain(import.meta.url)) {
  await runMain(async () => {
    process.chdir(root);
    setup();
    const [versions, selection] = split(process.argv.slice(2));
    await testNodes(versions.length > 0 ? versions : otherNodes, selection);
  });
}

/** @param {string[]} args @returns {[string[], string[]]} */
function split(args) {
  const at = args.indexOf('--');
  return at === -1 ? [args, []] : [args.slice(0, at), args.slice(at + 1)];
}
