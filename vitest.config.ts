import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['{lib,emulator,native,test,scripts,bench}/**/*.test.ts'],
    // A crash of the addon ends one fork, not the run.
    pool: 'forks',
    // Only a hang takes so long, but a loaded machine may take long for a compiler or a start of Node.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    reporters: [
      'default',
      ...(process.env['GITHUB_ACTIONS'] ? ['github-actions'] : []),
      './scripts/vitest-reporter.mjs',
    ],
  },
});
