#!/usr/bin/env node
/** `npm run bench`: compiles bench/ into dist-bench/ (Node 20 can't run TypeScript) and runs it. */
import fs from 'node:fs';
import path from 'node:path';
import { setCertificatesAside } from './certificates.mjs';
import { setup } from './setup.mjs';
import { dependency, root, runLogged, runMain, runNode, ScriptError } from './support.mjs';

await runMain(() => {
  setup();
  fs.rmSync(path.join(root, 'dist-bench'), { recursive: true, force: true });
  const compiler = runLogged('build-bench', process.execPath, [
    dependency('typescript/bin/tsc'),
    '-p',
    'tsconfig.bench.json',
  ]);
  if (!compiler.ok) throw new ScriptError(`bench/ doesn't compile:\n${compiler.output.trimEnd()}`);
  // They would hide a part of what a start takes.
  setCertificatesAside();
  return runNode(['--expose-gc', path.join(root, 'dist-bench/bench/main.js'), ...process.argv.slice(2)]);
});
