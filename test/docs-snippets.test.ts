/** Programs in the documents compile under strict TypeScript, run as printed, and print what is written below them. */
import fs from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { parseTrace, replayTrace } from '../lib/index.ts';
import { temporaryFolder } from './support/after-file.ts';
import { ensureDist, root, runNode, tool, writeFiles } from './support/package-support.ts';
import { allSnippets } from './support/snippets.ts';
import type { Snippet } from './support/snippets.ts';

const isProgram = ({ language }: Snippet): boolean => language === 'js' || language === 'ts';
// Those with an output come first: a later one may listen to the whole process.
const programs = allSnippets
  .filter((each) => isProgram(each) && each.notRun === undefined)
  .sort((a, b) => Number(a.example === undefined) - Number(b.example === undefined));
const fileOf = ({ place }: Snippet): string => place.replace(/\W+/g, '-');

let folder: string;
beforeAll(async () => {
  await ensureDist();
  folder = temporaryFolder();
  fs.mkdirSync(path.join(folder, 'node_modules'));
  fs.symlinkSync(root, path.join(folder, 'node_modules/amdgpu-svm'));
  fs.symlinkSync(path.join(root, 'node_modules/@types'), path.join(folder, 'node_modules/@types'));
  writeFiles(folder, {
    'package.json': '{ "type": "module" }',
    'tsconfig.json': JSON.stringify({
      compilerOptions: {
        ...{ module: 'nodenext', target: 'es2022', lib: ['es2023', 'esnext.disposable'], types: ['node'] },
        ...{ strict: true, skipLibCheck: true, moduleDetection: 'force', rootDir: '.', outDir: 'out' },
      },
    }),
    ...Object.fromEntries(programs.map((each) => [`${fileOf(each)}.ts`, each.text])),
  });
}, 300_000);

describe('programs in the documents', () => {
  it('are all run but a few, which say why', () => {
    const left = allSnippets.filter((each) => each.notRun !== undefined);
    for (const { place, notRun } of left) console.log(`not run: ${place}: ${notRun}`);
    expect(left.filter(({ notRun }) => notRun!.length < 15).map(({ place }) => place)).toEqual([]);
    expect(left.length).toBeLessThanOrEqual(5);
    expect(programs.length).toBeGreaterThan(15);
  });

  it('compile under strict TypeScript, also those in JavaScript', async () => {
    const { output } = await runNode([tool('typescript/bin/tsc'), '-p', '.'], { cwd: folder });
    expect(output).toBe('');
  });

  it('run to their end, and print what is written below them', async () => {
    const files = programs.map((each) => `out/${fileOf(each)}.js`);
    const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('AMDGPU_SVM_')));
    const runner = path.join(root, 'test/support/run-snippets.mjs');
    // Not the device of this machine, should it have one: what is printed is the emulator's.
    const result = await runNode([runner, ...files], { cwd: folder, env: { ...env, AMDGPU_SVM_BACKEND: 'emulated' } });
    expect(result, result.output).toMatchObject({ code: 0, stderr: '' });
    const runs = result.stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as SnippetRun);
    expect(runs.length).toBe(programs.length);
    expect(runs.filter(({ error }) => error !== null)).toEqual([]);
    for (const { place, output, text } of allSnippets) {
      if (output === undefined) continue;
      const index = programs.findIndex(
        (each) => each.example === output && each.place.startsWith(place.split(':')[0]!),
      );
      expect(index, `${place}: no example of the name "${output}"`).toBeGreaterThanOrEqual(0);
      expect(runs[index]!.printed, place).toBe(text);
    }
  });
});

describe('data in the documents', () => {
  it('is JSON, and traces replay', () => {
    const json = allSnippets.filter(({ language }) => language === 'json');
    for (const { place, text } of json) expect(() => JSON.parse(text) as unknown, place).not.toThrow();
    const traces = allSnippets.filter(({ language, text }) => language === '' && text.startsWith('{"config"'));
    for (const { place, text } of traces) {
      const lines = parseTrace(place, text);
      expect(replayTrace(lines, { check: false }).operations, place).toBe(text.trim().split('\n').length);
    }
    expect([json.length > 2, traces.length > 0]).toEqual([true, true]);
  });
});

interface SnippetRun {
  readonly file: string;
  readonly printed: string;
  readonly error: string | null;
}
