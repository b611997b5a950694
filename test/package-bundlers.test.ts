/** The package as bundlers and older compilers take it: a few of those that scripts/try-bundlers.mjs knows. */
import { expect, it } from 'vitest';
import { onlyInCi } from './support/effort.ts';
import { runNode } from './support/package-support.ts';

const notInstalled = onlyInCi('installs bundlers from the registry');
/** Small, and each for a kind: CommonJS and ES modules of esbuild, a bundler that resolves as Node does, the oldest compiler. */
const SAMPLE = ['esbuild-cjs', 'esbuild-esm', 'rollup', 'typescript-5.7'];

it(
  'runs in the bundles of a few bundlers, and compiles with the oldest compiler',
  { timeout: 200_000 },
  async ({ skip }) => {
    skip(notInstalled !== '', notInstalled);
    const result = await runNode(['scripts/try-bundlers.mjs', ...SAMPLE]);
    expect(result.code, result.output).toBe(0);
  },
);
