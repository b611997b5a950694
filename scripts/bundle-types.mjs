#!/usr/bin/env node
/**
 * Rolls up the declarations that the compiler has written: one for each entry of the package, and what several of them
 * share in chunks, so that a class is one type wherever it is imported from. Written twice, as a .d.ts of a "type": "module"
 * package is that of an ES module.
 *
 *   node scripts/bundle-types.mjs OUTPUT   OUTPUT: the folder that becomes dist/
 */
import fs from 'node:fs';
import path from 'node:path';
import { rolldown } from 'rolldown';
import { dts } from 'rolldown-plugin-dts';
import { isMain, readJson, root, runMain } from './support.mjs';

/** Declarations of the entries below the output, without extension. */
function entries() {
  const { exports } = readJson(path.join(root, 'package.json'));
  return Object.values(exports).flatMap((entry) =>
    typeof entry === 'string' ? [] : [path.relative('dist', entry.node.types).replace(/\.d\.ts$/, '')],
  );
}

/** @param {string} output */
export async function bundleTypes(output) {
  // A checkout that has only some of them (the set-up's own tests make some) has those rolled up.
  const there = entries().filter((name) => fs.existsSync(path.join(output, `${name}.d.ts`)));
  const build = await rolldown({
    input: Object.fromEntries(there.map((name) => [name, path.join(output, `${name}.d.ts`)])),
    external: [/^node:/],
    // There is nothing to generate: declarations go in, and come out.
    plugins: [dts({ dtsInput: true, oxc: true, tsconfig: false })],
    // How long it takes is no complaint: on a busy machine everything does.
    checks: { pluginTimings: false },
    onwarn: (warning) => {
      throw new Error(`${warning.code}: ${warning.message}`);
    },
  });
  /** @type {{ fileName: string, code: string }[]} */
  let files;
  try {
    const { output: chunks } = await build.generate({ format: 'es', chunkFileNames: 'types/[name].d.ts' });
    files = chunks.flatMap((file) => (file.type === 'chunk' ? [{ fileName: file.fileName, code: file.code }] : []));
  } finally {
    await build.close();
  }
  for (const name of fs.readdirSync(output, { recursive: true, encoding: 'utf8' }))
    if (name.endsWith('.d.ts')) fs.rmSync(path.join(output, name));
  for (const { fileName, code: rolledUp } of files) {
    const file = path.join(output, fileName);
    // Which chunk is evaluated first is of no meaning here.
    const code = rolledUp.replace(/^import ["'][^"']*["'];\n/gm, '');
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, code);
    fs.writeFileSync(file.replace(/\.d\.ts$/, '.d.cts'), code.replace(/(\bfrom ["']\.[^"']*)\.js(?=["'])/g, '$1.cjs'));
  }
}

if (isMain(import.meta.url)) await runMain(() => bundleTypes(path.resolve(process.argv[2] ?? path.join(root, 'dist'))));
