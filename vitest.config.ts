import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['{lib,emulator,native,test,scripts,bench}/**/*.test.ts'],
    pool: 'forks',
    testTimeout: 60_000,
  },
});
