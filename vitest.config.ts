import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['{lib,emulator,native,test,scripts,bench}/**/*.test.ts'],
    // A crash of the addon ends one fork, not the run.
    pool: 'forks',
    testTimeout: 60_000,
    reporters: ['default', ...(process.env['GITHUB_ACTIONS'] ? ['github-actions'] : []), './scripts/vitest-reporter.mjs'],
  },
});
