#!/usr/bin/env node
/** `npm test`: everything. `npm test -- lib/uapi -t name`: those tests only, without lint and typecheck. */
import { check } from './check.mjs';
import { setup } from './setup.mjs';
import { dependency, root, runMain, runNode } from './support.mjs';

await runMain(async () => {
  process.chdir(root);
  const selection = process.argv.slice(2);
  setup({ tolerant: selection.length > 0 });
  if (selection.length === 0) {
    await check('lint');
    await check('typecheck');
  }
  return runNode([dependency('vitest/vitest.mjs'), 'run', ...selection]);
});
