/** Every entry of the package can record, whichever of them a program imports, and whatever a bundler leaves of it. */
import fs from 'node:fs';
import path from 'node:path';
import { build } from 'vite';
import { beforeAll, describe, expect, it } from 'vitest';
import { temporaryFolder } from './support/after-file.ts';
import { ensureDist, root, runNode } from './support/package-support.ts';

const PROGRAMS = {
  'amdgpu-svm': 'const device = entry.SvmDevice.open(); device.memory.map(4096); device.close();',
  'amdgpu-svm/hsa': 'const hsa = entry.HsaRuntime.open(); hsa.close();',
  'amdgpu-svm/hip': 'const hip = entry.HipRuntime.open(); hip.mallocManaged(4096); hip.close();',
};

beforeAll(ensureDist);

/** Operations of the recording that `args` of Node leave. */
async function recordedBy(args: (folder: string) => Promise<readonly string[]>): Promise<string[]> {
  const folder = temporaryFolder();
  const file = path.join(folder, 'recorded.jsonl');
  const env = { ...process.env, AMDGPU_SVM_BACKEND: 'emulated', AMDGPU_SVM_RECORD: file };
  const { code, output } = await runNode(await args(folder), { env });
  expect(output).toBe('');
  expect(code).toBe(0);
  const lines = fs.readFileSync(file, 'utf8').trim().split('\n');
  return lines.flatMap((line) => {
    const object = JSON.parse(line) as { in?: object };
    return Object.keys(object.in ?? object);
  });
}

describe.each(Object.entries(PROGRAMS))('a program that imports only %s', (entry, body) => {
  it.each([
    ['as an ES module', `import('${entry}').then((entry) => { ${body} })`],
    ['as CommonJS', `const entry = require('${entry}'); ${body}`],
  ])('can be recorded %s', async (_how, program) => {
    const operations = await recordedBy(async () => ['-e', program]);
    expect(operations[0]).toBe('config');
    expect(operations.at(-1)).toBe('fini');
  });
});

it('can be recorded out of a bundle that was cut down to what is used', async () => {
  const operations = await recordedBy(async (folder) => {
    const source = path.join(folder, 'program.mjs');
    fs.writeFileSync(source, `import * as entry from 'amdgpu-svm/hip';\n${PROGRAMS['amdgpu-svm/hip']}\n`);
    const output = path.join(folder, 'bundle');
    await build({
      root: folder,
      logLevel: 'error',
      configFile: false,
      resolve: { alias: { 'amdgpu-svm/hip': path.join(root, 'dist/esm/lib/hip/index.js') } },
      ssr: { noExternal: true },
      build: { ssr: source, outDir: output, minify: false },
    });
    return [path.join(output, 'program.mjs')];
  });
  expect(operations).toContain('mmap');
});
