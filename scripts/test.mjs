#!/usr/bin/env node
/**
 * `npm test`: lint, types and all tests. With CI set also the native tests under sanitizers and the suite on
 * the other versions of Node. `npm test -- lib/uapi -t name`: those tests only, without lint and typecheck.
 */
import path from 'node:path';
import { ensureDependencies } from './dependencies.mjs';
import { setup } from './setup.mjs';
import { dependency, root, runCollected, runMain, runNode, say } from './support.mjs';
import { otherNodes, provideNodes, testNodes } from './test-nodes.mjs';
import { buildSanitized, testSanitized } from './test-sanitized.mjs';

/**
 * Work that goes on next to other work; a failure is told where it is awaited, not as an error that nobody handles.
 * @template T
 * @param {Promise<T>} work
 */
function awaitedLater(work) {
  work.catch(() => undefined);
  return work;
}

await runMain(async () => {
  process.chdir(root);
  const selection = process.argv.slice(2);
  const ci = selection.length === 0 && Boolean(process.env.CI);
  // The longest download, which only the tests on those Nodes wait for: it goes on next to all that comes before them.
  const nodes = ci ? awaitedLater(provideNodes(otherNodes)) : undefined;
  ensureDependencies();
  // They need nothing that the set-up makes, and what one of their threads waits for leaves a processor to the others.
  const checks = (selection.length > 0 ? [] : ['lint', 'typecheck']).map((name) =>
    runCollected(process.execPath, [path.join(root, 'scripts', 'check.mjs'), name]),
  );
  const sanitized = ci ? awaitedLater(buildSanitized()) : undefined;
  setup({ tolerant: selection.length > 0 });
  const failed = (await Promise.all(checks)).filter(({ code }) => code !== 0);
  if (failed.length > 0) {
    for (const { output } of failed) say(output.trimEnd());
    return 1;
  }
  // The whole suite on this Node comes last: its totals are what a reader looks for.
  if (ci) {
    await testSanitized(sanitized);
    await nodes;
    await testNodes(otherNodes);
  }
  return runNode([dependency('vitest/vitest.mjs'), 'run', ...selection]);
});
