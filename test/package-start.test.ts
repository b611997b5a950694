/** What an import of the package loads: how long a start takes follows from it, and a time could not be held in a test. */
import { expect, it } from 'vitest';
import { runNode } from './support/package-support.ts';

/** Loads an entry as `require` and `import` do, and says which files of dist/ that took, and how many bytes they have. */
const PROGRAM = `
  const { statSync } = require('node:fs');
  const { sep, relative } = require('node:path');
  require(process.argv[1]);
  const files = Object.keys(require.cache).filter((file) => file.includes(sep + 'dist' + sep));
  const bytes = files.reduce((sum, file) => sum + statSync(file).size, 0);
  console.log(JSON.stringify({ files: files.map((file) => relative('dist', file)), bytes }));
`;

/** Chunks of what is a program of its own, or is asked for by name. */
const TOOLS =
  /conformance|target|cli|inspect|serve|session|explore|fuzz|demo|diff|bench|build|info|commander|run-command|snapshot|record\.cjs/;

it.each([
  ['dist/lib/index.cjs', 1_200_000],
  ['dist/emulator/index.cjs', 750_000],
  ['dist/lib/hsa/index.cjs', 1_200_000],
  ['dist/lib/hip/index.cjs', 1_350_000],
])('%s loads no tool, and at most %i bytes', async (entry, most) => {
  const result = await runNode(['-e', PROGRAM, `./${entry}`]);
  expect(result.code, result.output).toBe(0);
  const { files, bytes } = JSON.parse(result.stdout) as { files: string[]; bytes: number };
  expect(files).toContain(entry.replace('dist/', ''));
  expect(files.filter((file) => TOOLS.test(file))).toEqual([]);
  expect(bytes).toBeLessThan(most);
});

it('loads the suite where it is asked for, so that its absence elsewhere says something', async () => {
  const result = await runNode(['-e', PROGRAM, './dist/lib/conformance/index.cjs']);
  const { files, bytes } = JSON.parse(result.stdout) as { files: string[]; bytes: number };
  expect(files.filter((file) => TOOLS.test(file))).not.toEqual([]);
  expect(bytes).toBeGreaterThan(1_500_000);
});
