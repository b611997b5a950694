import os from 'node:os';
import { configDefaults, defineConfig } from 'vitest/config';

/**
 * Tests of plain TypeScript: no addon, no environment variables, no other process, nothing that stays when a file is
 * done. The files of this list share the processes that run them; most of the time of a small file is the start.
 */
const unit = [
  'emulator/**/*.test.ts',
  'lib/{conformance,hip,hsa,inspect/model,trace,uapi,words}/**/*.test.ts',
  'test/{emulator,hazards,property}-*.test.ts',
];
export default defineConfig({
  test: {
    // Vitest would leave one core to itself, of two.
    maxWorkers: os.availableParallelism(),
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
    projects: [
      {
        extends: true,
        test: { name: 'unit', include: unit, isolate: false },
      },
      {
        extends: true,
        test: {
          name: 'process',
          include: ['{lib,emulator,native,test,scripts,bench}/**/*.test.ts'],
          exclude: [...configDefaults.exclude, ...unit],
        },
      },
    ],
  },
});
