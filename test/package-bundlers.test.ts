/** The package as bundlers and older compilers take it: a few of those that scripts/try-bundlers.mjs knows. */
import { expect, it } from 'vitest';
import { onlyInCi } from './support/effort.ts';
import { runNode } from './support/package-support.ts';

const notInstalled = onlyInCi('installs bundlers from the registry');
/** What is small: CommonJS and ES modules by esbuild, and the oldest compiler that is supported. */
const SAMPLE = ['esbuild-cjs', 'esbuild-esm', 'typescript-5.7'];

it('runs in the bundles of esbuild, and compiles with the oldest compiler', { timeout: 200_000 }, async ({ skip }) => {
  skip(notInstalled !== '', notInstalled);
  const result = await runNode(['scripts/try-bundlers.mjs', ...SAMPLE]);
  expect(result.code, result.output).toBe(0);
});
