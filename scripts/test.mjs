#!/usr/bin/env node
/**
 * `npm test`: lint, types and all tests. With CI set also the native tests under sanitizers and the suite on
 * the other versions of Node. `npm test -- lib/uapi -t name`: those tests only, without lint and typecheck.
 */
import { check } from './check.mjs';
import { setup } from './setup.mjs';
import { dependency, root, runMain, runNode } from './support.mjs';
import { otherNodes, testNodes } from './test-nodes.mjs';
import { testSanitized } from './test-sanitized.mjs';

await runMain(async () => {
  process.chdir(root);
  const selection = process.argv.slice(2);
  setup({ tolerant: selection.length > 0 });
  if (selection.length === 0) {
    await check('lint');
    await check('typecheck');
    // The whole suite on this Node comes last: its totals are what a reader looks for.
    if (process.env.CI) {
      await testSanitized();
      await testNodes(otherNodes);
    }
  }
  return runNode([dependency('vitest/vitest.mjs'), 'run', ...selection]);
});
