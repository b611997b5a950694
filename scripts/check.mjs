#!/usr/bin/env node
/** The checks that read the sources without running them: `node scripts/check.mjs lint | typecheck`. */
import { ensureDependencies } from './dependencies.mjs';
import { dependency, root, runCollected, runMain, say, ScriptError } from './support.mjs';

/** @type {Record<string, string[][]>} */
const checks = {
  lint: [
    [dependency('oxfmt/bin/oxfmt'), '--check', '.'],
    [dependency('oxlint/bin/oxlint'), '--deny-warnings', '--format=unix'],
    // Exports that nobody imports.
    [dependency('knip/bin/knip.js'), '--no-progress'],
  ],
  typecheck: ['tsconfig.json', 'emulator/tsconfig.json', 'lib/inspect/page/tsconfig.json', 'scripts/tsconfig.json'].map(
    (project) => [dependency('typescript/bin/tsc'), '-p', project],
  ),
};

/** @param {string} name */
async function check(name) {
  const commands = checks[name];
  if (commands === undefined)
    throw new ScriptError(`no check is called ${name}; there are ${Object.keys(checks).join(', ')}`);
  for (const command of commands) {
    const { code, output } = await runCollected(process.execPath, command);
    if (code === 0) continue;
    say(output.trimEnd());
    throw new ScriptError(`${name} failed`);
  }
}

process.chdir(root);
await runMain(() => {
  ensureDependencies();
  return check(process.argv[2] ?? '');
});
