/** What an import of the package loads: how long a start takes follows from it, and a time could not be held in a test. */
import { readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { expect, it } from 'vitest';
import { root, runNode } from './support/package-support.ts';

/** Loads an entry as `require` and `import` do, and says which files of dist/ that took, and how many bytes they have. */
const PROGRAM = `
  const { statSync } = require('node:fs');
  const { sep, relative } = require('node:path');
  require(process.argv[1]);
  const files = Object.keys(require.cache).filter((file) => file.includes(sep + 'dist' + sep));
  const bytes = files.reduce((sum, file) => sum + statSync(file).size, 0);
  console.log(JSON.stringify({ files: files.map((file) => relative('dist', file)), bytes }));
`;

/** What is a program of its own, or is asked for by name. */
const TOOLS = /^lib\/(conformance|cli|inspect|serve|explore)\/|^lib\/trace\/(against|hazards)\//;

/** An import that runs, not one of types alone. */
const IMPORT = /^(?:import|export)(?! type\b)[^'";]*from '(\.[^']+)'|^import '(\.[^']+)'/gm;

/** Sources that a source imports, whatever file of dist/ they are in. */
function sourcesOf(entry: string): string[] {
  const found = new Set([entry]);
  for (const file of found)
    for (const [, from, alone] of readFileSync(join(root, file), 'utf8').matchAll(IMPORT))
      found.add(posix.join(posix.dirname(file), from ?? alone!));
  return [...found];
}

it.each([
  ['lib/index', 1_000_000],
  ['emulator/index', 650_000],
  ['lib/hsa/index', 1_000_000],
  ['lib/hip/index', 1_150_000],
])('%s loads no tool, and at most %i bytes', async (entry, most) => {
  const result = await runNode(['-e', PROGRAM, `./dist/${entry}.cjs`]);
  expect(result.code, result.output).toBe(0);
  const { files, bytes } = JSON.parse(result.stdout) as { files: string[]; bytes: number };
  expect(files).toContain(`${entry}.cjs`);
  // To find a file takes as long as to read it.
  expect(files.length).toBeLessThanOrEqual(20);
  expect(bytes).toBeLessThan(most);
  expect(sourcesOf(`${entry}.ts`).filter((file) => TOOLS.test(file))).toEqual([]);
});

it('loads the suite where it is asked for, so that its absence elsewhere says something', async () => {
  expect(sourcesOf('lib/conformance/index.ts').filter((file) => TOOLS.test(file))).not.toEqual([]);
  const result = await runNode(['-e', PROGRAM, './dist/lib/conformance/index.cjs']);
  expect((JSON.parse(result.stdout) as { bytes: number }).bytes).toBeGreaterThan(1_300_000);
});
