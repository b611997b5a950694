#!/usr/bin/env node
/**
 * `npm run docs`: the reference of every export as Markdown, into docs/reference/ (ignored by git: 390 files that follow from the
 * sources). test/docs-exports.test.ts holds that it has no gaps.
 *
 * TypeDoc reads programs through the JavaScript interface of the compiler, which TypeScript 7 does not have. So it is
 * installed with a TypeScript 6 of its own, in .cache/, and reads the declarations of dist/, which both compilers understand.
 */
import fs from 'node:fs';
import path from 'node:path';
import { ensureDependencies } from './dependencies.mjs';
import { ensureDist } from './build.mjs';
import { cacheFolder, root, runLogged, runMain, say, ScriptError } from './support.mjs';

const VERSIONS = { typedoc: '0.28.20', 'typedoc-plugin-markdown': '4.14.1', typescript: '6.0.3' };
const ENTRIES = ['lib', 'emulator', 'lib/hsa', 'lib/hip', 'lib/conformance'].map((entry) =>
  path.join(root, 'dist', entry, 'index.d.ts'),
);

await runMain(() => {
  ensureDependencies();
  ensureDist();
  const folder = path.join(cacheFolder, 'reference');
  const list = `${JSON.stringify({ private: true, dependencies: VERSIONS }, undefined, 2)}\n`;
  const listFile = path.join(folder, 'package.json');
  if (!fs.existsSync(listFile) || fs.readFileSync(listFile, 'utf8') !== list) {
    fs.mkdirSync(folder, { recursive: true });
    fs.writeFileSync(listFile, list);
    const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
    const installed = runLogged('reference-install', npm, ['install', '--no-audit', '--no-fund', '--prefix', folder]);
    if (!installed.ok) {
      fs.rmSync(listFile);
      throw new ScriptError(`TypeDoc could not be installed:\n${installed.output.trimEnd()}`);
    }
  }
  const project = path.join(folder, 'tsconfig.json');
  fs.writeFileSync(
    project,
    JSON.stringify({
      compilerOptions: {
        ...{ module: 'nodenext', target: 'es2022', lib: ['es2023', 'esnext.disposable'], strict: true, noEmit: true },
        ...{ skipLibCheck: true, types: ['node'], typeRoots: [path.join(root, 'node_modules/@types')] },
      },
      files: ENTRIES,
    }),
  );
  const out = path.join(root, 'docs/reference');
  fs.rmSync(out, { recursive: true, force: true });
  const made = runLogged('reference', process.execPath, [
    path.join(folder, 'node_modules/typedoc/bin/typedoc'),
    ...['--plugin', 'typedoc-plugin-markdown', '--tsconfig', project, '--out', out, '--readme', 'none'],
    ...['--excludePrivate', '--excludeInternal', '--disableSources', '--name', 'amdgpu-svm'],
    // What a signature names and no entry exports is told with the signature.
    ...['--validation.notExported', 'false'],
    ...ENTRIES.flatMap((entry) => ['--entryPoints', entry]),
  ]);
  if (!made.ok) throw new ScriptError(`TypeDoc failed:\n${made.output.trimEnd()}`);
  say(`docs/reference/README.md, ${fs.readdirSync(out, { recursive: true }).length} files`);
});
