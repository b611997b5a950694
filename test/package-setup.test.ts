/** `scripts/setup.mjs` on a small package of its own: what is stale, what is missing, and two at once. */
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from './support/after-file.ts';
import { root, runNode, writeFiles, type Run } from './support/package-support.ts';

/** A checkout with these scripts and installed tools, but next to no sources. */
function checkout(files: Readonly<Record<string, string>> = {}): string {
  const folder = temporaryFolder();
  for (const name of ['scripts', 'package.json', 'package-lock.json', 'tsconfig.json', 'tsconfig.build.json']) {
    fs.cpSync(path.join(root, name), path.join(folder, name), { recursive: true });
  }
  fs.symlinkSync(path.join(root, 'node_modules'), path.join(folder, 'node_modules'));
  writeFiles(folder, {
    'lib/index.ts': `export { two } from './two.ts';\n`,
    'lib/two.ts': 'export const two: number = 2;\n',
    'lib/cli/main.ts': '#!/usr/bin/env node\nprocess.stdout.write(process.argv.slice(2).join());\n',
    'lib/two.test.ts': 'not TypeScript at all',
    'emulator/index.ts': 'export const one: number = 1;\n',
    ...files,
  });
  return folder;
}

/** A PATH with no compiler, nor anything else: Node is started by its full path. */
function bareEnvironment(extra: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  const { CI: _ci, CXX: _cxx, MAKE: _make, PYTHON: _python, ...rest } = process.env;
  return { ...rest, PATH: '/nowhere', ...extra };
}

function script(
  folder: string,
  name: string,
  args: readonly string[] = [],
  env: NodeJS.ProcessEnv = bareEnvironment(),
): Promise<Run> {
  return runNode([path.join(folder, 'scripts', name), ...args], { cwd: folder, env });
}

const noAddon = /^setup: no addon, only the emulated device is available: .*$/gm;

describe('dist/', () => {
  it('is built when missing, left alone when current, and follows changed and deleted sources', async () => {
    const folder = checkout();
    const dist = (name: string): string => path.join(folder, 'dist', name);
    expect(await script(folder, 'setup.mjs')).toMatchObject({
      code: 0,
      stdout: '',
      stderr: expect.stringContaining('setup: building dist/'),
    });
    const { ino } = fs.statSync(dist('lib/index.js'));
    expect((await script(folder, 'setup.mjs')).stderr).not.toContain('building');
    expect(fs.statSync(dist('lib/index.js')).ino).toBe(ino);

    writeFiles(folder, { 'lib/index.ts': 'export const three: number = 3;\n' });
    await script(folder, 'setup.mjs');
    expect(fs.readFileSync(dist('lib/index.cjs'), 'utf8')).toContain('three');
    fs.rmSync(path.join(folder, 'lib/two.ts'));
    await script(folder, 'setup.mjs');
    expect(fs.readFileSync(dist('lib/index.d.ts'), 'utf8')).not.toContain('two');
    fs.rmSync(path.join(folder, 'dist'), { recursive: true });
    await script(folder, 'setup.mjs');
    expect(fs.existsSync(dist('lib/index.js'))).toBe(true);
  });

  it('has CommonJS entries and declarations, an executable command, and no tests', async () => {
    const folder = checkout();
    await script(folder, 'build.mjs');
    const read = (name: string): string => fs.readFileSync(path.join(folder, 'dist', name), 'utf8');
    expect(read('lib/index.cjs')).toContain('exports.two = ');
    expect(read('lib/index.js')).toBe(`import all from './index.cjs';\n\nexport const {\n  two,\n} = all;\n`);
    expect(read('esm/lib/index.js')).toMatch(/^export \{ .*two.* \};?$/m);
    for (const name of ['lib/index.d.ts', 'lib/index.d.cts']) expect(read(name)).toMatch(/declare const two: number;/);
    expect(fs.statSync(path.join(folder, 'dist/lib/cli/main.cjs')).mode & 0o111).toBe(0o111);
    expect(fs.existsSync(path.join(folder, 'dist/lib/two.test.d.ts'))).toBe(false);
  });

  it('is kept when the sources do not compile, and the error is shown', async () => {
    const folder = checkout();
    await script(folder, 'build.mjs');
    writeFiles(folder, { 'lib/two.ts': `export const two: number = 'two';\n` });
    const result = await script(folder, 'setup.mjs');
    expect(result.code).toBe(1);
    expect(result.stderr).toContain(`error: the sources don't compile:\nlib/two.ts(1,14)`);
    expect(fs.readFileSync(path.join(folder, 'dist/lib/index.d.ts'), 'utf8')).toContain('two');
  });

  it('is built once when two set-ups start at the same time, also next to a dead one', async () => {
    const folder = checkout({ '.cache/lock': '999999999' });
    const results = await Promise.all([1, 2, 3].map(() => script(folder, 'setup.mjs')));
    expect(results.map(({ code, output }) => ({ code, output: code === 0 ? '' : output }))).toEqual(
      Array(3).fill({ code: 0, output: '' }),
    );
    const announced = results.filter(({ stderr }) => stderr.includes('building dist/'));
    expect(announced).toHaveLength(1);
    expect(fs.readdirSync(path.join(folder, '.cache')).filter((name) => !name.endsWith('.log'))).toEqual([]);
  });
});

describe('the addon', () => {
  const gyp = { 'binding.gyp': `{ 'targets': [{ 'target_name': 'stub', 'sources': ['native/stub.cc'] }] }\n` };
  const good = '#include <node_api.h>\nNAPI_MODULE_INIT() { return exports; }\n';

  it('is told to be absent in one line when there is no compiler', async () => {
    const result = await script(checkout({ ...gyp, 'native/stub.cc': good }), 'setup.mjs');
    expect(result).toMatchObject({ code: 0, stdout: '' });
    expect(result.stderr.match(noAddon)).toEqual([expect.stringContaining('a C++ compiler, make, python3 not found')]);
  });

  it('is built, and built again only when its sources change', async ({ skip }) => {
    const folder = checkout({ ...gyp, 'native/stub.cc': good });
    const first = await script(folder, 'setup.mjs', [], process.env);
    const reason = first.stderr.match(noAddon)?.[0];
    skip(reason?.endsWith('not found') === true || process.platform !== 'linux', reason);
    expect(first).toMatchObject({ code: 0, stderr: expect.stringContaining('setup: building the addon') });
    expect(fs.existsSync(path.join(folder, 'build/Release/stub.node'))).toBe(true);
    expect(await script(folder, 'setup.mjs', [], process.env)).toMatchObject({ code: 0, output: '' });

    writeFiles(folder, { 'native/stub.cc': `${good}#error broken on purpose\n` });
    const { CI: _ci, ...local } = process.env;
    const broken = await script(folder, 'setup.mjs', [], local);
    expect(broken.code).toBe(0);
    expect(broken.stderr.match(noAddon)).toEqual([
      expect.stringMatching(/its build failed \(.*broken on purpose.*\), see .*build-addon\.log$/),
    ]);
    const inCi = await script(folder, 'setup.mjs', [], { ...local, CI: 'true' });
    expect(inCi).toMatchObject({ code: 1, stderr: expect.stringMatching(/^error: no addon: its build failed/m) });
  });
});

describe('the dependencies', () => {
  it('are installed when they are not those of the lockfile, and a failure says what to do', async () => {
    const folder = checkout();
    fs.rmSync(path.join(folder, 'node_modules'));
    // The lockfile can't be served offline from an empty cache.
    const env = bareEnvironment({ npm_config_offline: 'true', npm_config_cache: path.join(folder, '.npm') });
    const result = await script(folder, 'setup.mjs', [], env);
    expect(result.code).toBe(1);
    expect(result.stderr).toMatch(
      /^setup: installing the development dependencies \(npm ci\)\nerror: npm ci failed: .*; check the network and the registry, then run `npm ci`\n$/,
    );
  });
});

describe('npm run demo', () => {
  it('sets up, then passes its arguments on; stdout belongs to the command', async () => {
    expect(await script(checkout(), 'demo.mjs', ['--json'])).toMatchObject({ code: 0, stdout: 'demo,--json' });
  });
});
