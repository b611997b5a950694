/** The last line of a test run, and the rule that nothing is skipped in CI. */
import fs from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { temporaryFolder } from './support/after-file.ts';
import { root, runNode, tool, writeFiles, type Run } from './support/package-support.ts';

/** What the configuration names, and needs. */
const SET_UP = ['after-file', 'each-file', 'each-run'].map((name) => `test/support/${name}.ts`);

async function runTests(source: string, env: NodeJS.ProcessEnv = {}): Promise<Run & { lines: string[] }> {
  const folder = temporaryFolder();
  fs.mkdirSync(path.join(folder, 'scripts'));
  fs.mkdirSync(path.join(folder, 'test/support'), { recursive: true });
  for (const name of [
    'vitest.config.ts',
    'scripts/vitest-reporter.mjs',
    'scripts/certificates.mjs',
    'scripts/imported-constants.mjs',
    ...SET_UP,
  ])
    fs.copyFileSync(path.join(root, name), path.join(folder, name));
  fs.symlinkSync(path.join(root, 'node_modules'), path.join(folder, 'node_modules'));
  writeFiles(folder, {
    'package.json': '{ "type": "module" }',
    'test/a.test.ts': `import { describe, it } from 'vitest';\n${source}`,
  });
  const { CI: _ci, GITHUB_ACTIONS: _actions, VITEST: _vitest, ...outer } = process.env;
  const result = await runNode([tool('vitest/vitest.mjs'), 'run'], { cwd: folder, env: { ...outer, ...env } });
  return { ...result, lines: result.stdout.trimEnd().split('\n') };
}

const skips = `
  it('passes', () => {});
  it('needs a device', ({ skip }) => skip('no render node'));
  describe('later', () => it.todo('planned'));
`;

it('prints each skipped test with its reason, then the totals', async () => {
  const { code, lines } = await runTests(skips);
  expect(code).toBe(0);
  expect(lines.slice(-3)).toEqual([
    'skipped: test/a.test.ts > needs a device: no render node',
    'skipped: test/a.test.ts > later > planned: not written yet',
    'tests: 1 passed, 0 failed, 2 skipped',
  ]);
});

it('fails a run with skipped tests in CI', async () => {
  const { code, lines } = await runTests(skips, { CI: 'true' });
  expect(code).toBe(1);
  expect(lines.slice(-2)).toEqual([
    'error: 2 skipped in CI, where every test has to run',
    'tests: 1 passed, 0 failed, 2 skipped',
  ]);
  expect((await runTests(`it('passes', () => {});`, { CI: 'true' })).code).toBe(0);
});

it('counts a file that does not load and an unhandled error as failed', async () => {
  const { code, lines } = await runTests(`it('passes', () => {});\nthrow new Error('while loading');`);
  expect(code).toBe(1);
  expect(lines.at(-1)).toBe('tests: 0 passed, 1 failed, 0 skipped');
  const late = await runTests(
    `it('passes', async () => { void Promise.reject(new Error('late')); await new Promise((done) => setTimeout(done, 20)); });`,
  );
  expect(late.code).toBe(1);
  expect(late.lines.at(-1)).toBe('tests: 1 passed, 1 failed, 0 skipped');
});
