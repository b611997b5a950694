import os from 'node:os';
import { configDefaults, defineConfig } from 'vitest/config';
import { BaseSequencer } from 'vitest/node';
import type { TestSpecification } from 'vitest/node';
import { importedConstants } from './scripts/imported-constants.mjs';

/**
 * Tests of plain TypeScript: no addon, no environment variables, no other process. They share processes with each
 * other, not with the other files, where an addon or a variable may be left.
 */
const unit = [
  'emulator/**/*.test.ts',
  'lib/{conformance,explore,hip,hsa,inspect/model,trace,uapi,words}/**/*.test.ts',
  'test/model/*.test.ts',
  'test/{emulator,hazards,property}-*.test.ts',
];
/** The files that take longest, first of all: one that starts last has the machine for itself. */
const longest = [
  'test/cli-conformance.test.ts',
  'lib/conformance/cases/index.test.ts',
  'test/inspect-page.test.ts',
  'test/conformance-kfd.test.ts',
  'test/conformance-mutants.test.ts',
  'test/package-musl.test.ts',
  'test/package-pack.test.ts',
  'test/package-bundlers.test.ts',
  'test/serve-clients.test.ts',
  'test/model/model.test.ts',
  'test/package-setup.test.ts',
  'test/native-fuzz.test.ts',
  'test/serve.test.ts',
  'test/examples.test.ts',
  'test/serve-kfd-load.test.ts',
  'test/cli-hostile.test.ts',
  'test/serve-isolation.test.ts',
  'test/native-restart.test.ts',
  'test/serve-users.test.ts',
  'test/explore-mutants.test.ts',
  'test/property-injections.test.ts',
];

/** The longest, then those with a process of their own, then those that share one: they share it as long as no other comes between. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId, project }: TestSpecification): number => {
      const index = longest.findIndex((name) => moduleId.endsWith(name));
      return index >= 0 ? index : longest.length + (project.name === 'unit' ? 1 : 0);
    };
    return (await super.sort(files)).sort((one, other) => place(one) - place(other));
  }
}

export default defineConfig({
  plugins: [importedConstants],
  test: {
    sequence: { sequencer: LongestFirst },
    // What is transformed once is read from node_modules by later runs: those on other versions of Node, and the whole
    // suite after them. Its key is the file's text, and that of this file and what it imports.
    experimental: { fsModuleCache: true },
    // Vitest would leave one core to itself, of two.
    maxWorkers: os.availableParallelism(),
    // What is built is loaded as users load it.
    server: { deps: { external: [/\/dist\//] } },
    globalSetup: ['test/support/each-run.ts'],
    setupFiles: ['test/support/each-file.ts'],
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
    // Most of the time of a small file is the start of a process and the loading of modules, so files share both.
    isolate: false,
    projects: [
      {
        extends: true,
        test: { name: 'unit', include: unit },
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
