#!/usr/bin/env node
/** `npm run demo`: the command's demonstration, from a fresh checkout. */
import path from 'node:path';
import { setup } from './setup.mjs';
import { root, runMain, runNode } from './support.mjs';

await runMain(() => {
  setup();
  return runNode([path.join(root, 'dist/lib/cli/main.cjs'), 'demo', ...process.argv.slice(2)]);
});
