/** The check of the oldest system that a binary runs on, with binaries made to lie below, on and above the floor. */
import fs from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { nativeSupport } from '../lib/backend/native-addon.ts';
import { describeIf } from './support/native-helpers.ts';
import { temporaryFolder } from './support/after-file.ts';
import { run, runNode, type Run } from './support/package-support.ts';

const compiler = process.env['CC'] || 'cc';
const problem =
  (await run(compiler, ['--version'])).code === 0 && (await run('readelf', ['--version'])).code === 0
    ? ''
    : 'a C compiler and readelf are needed';

/** Checks a library that asks for one symbol of each version, of a library that has them: no system is so new. */
async function check(...versions: readonly string[]): Promise<Run> {
  const folder = temporaryFolder();
  const inFolder = (name: string): string => path.join(folder, name);
  const names = versions.map((_, index) => `symbol${index}`);
  fs.writeFileSync(
    inFolder('versions'),
    versions.map((version, index) => `${version} { global: symbol${index}; };\n`).join(''),
  );
  fs.writeFileSync(inFolder('provider.c'), names.map((name) => `void ${name}(void) {}\n`).join(''));
  fs.writeFileSync(
    inFolder('user.c'),
    `${names.map((name) => `void ${name}(void);\n`).join('')}void use(void) { ${names.map((name) => `${name}();`).join(' ')} }\n`,
  );
  const compile = async (...args: readonly string[]): Promise<void> => {
    const { code, output } = await run(compiler, ['-shared', '-fPIC', '-nostdlib', ...args]);
    if (code !== 0) throw new Error(output);
  };
  const script = versions.length === 0 ? [] : [`-Wl,--version-script=${inFolder('versions')}`];
  await compile(...script, '-o', inFolder('provider.so'), inFolder('provider.c'));
  await compile('-o', inFolder('user.so'), inFolder('user.c'), inFolder('provider.so'));
  return runNode(['scripts/symbol-versions.mjs', inFolder('user.so')]);
}

describeIf('the oldest system of a binary', problem, () => {
  it.each([
    ['nothing', [], 'no versioned symbols'],
    ['old versions', ['GLIBC_2.4', 'GLIBC_2.17'], 'GLIBC 2.17'],
    [
      'exactly the floor',
      ['GLIBC_2.28', 'GLIBCXX_3.4.25', 'CXXABI_1.3.11', 'GCC_8.0.0'],
      'CXXABI 1.3.11, GCC 8.0.0, GLIBC 2.28, GLIBCXX 3.4.25',
    ],
  ])('accepts %s', async (_what, versions, printed) => {
    const { code, stdout, output } = await check(...versions);
    expect(code, output).toBe(0);
    expect(stdout).toContain(`user.so: ${printed}\n`);
  });

  it.each([
    ['a newer glibc', ['GLIBC_2.2.5', 'GLIBC_2.29'], 'GLIBC 2.29'],
    ['a newer glibc among older ones', ['GLIBC_2.34', 'GLIBC_2.4'], 'GLIBC 2.34'],
    ['a newer libstdc++', ['GLIBC_2.28', 'GLIBCXX_3.4.26'], 'GLIBC 2.28, GLIBCXX 3.4.26'],
    ['a newer C++ ABI', ['CXXABI_1.3.13'], 'CXXABI 1.3.13'],
    ['a version without a number', ['GLIBC_2.4', 'GLIBC_ABI_DT_RELR'], 'GLIBC 2.4, GLIBC_ABI_DT_RELR'],
    ['a library that is not in the list', ['OPENSSL_3.0.0'], 'OPENSSL 3.0.0'],
  ])('refuses %s', async (_what, versions, printed) => {
    const { code, stderr } = await check(...versions);
    expect(code).toBe(1);
    expect(stderr).toContain(
      `user.so needs ${printed}; at most GLIBC 2.28, GLIBCXX 3.4.25, CXXABI 1.3.11, GCC 8.0.0 is meant`,
    );
  });

  it('refuses what is no binary', async () => {
    const { code, stderr } = await runNode(['scripts/symbol-versions.mjs', 'package.json']);
    expect([code, stderr]).toEqual([1, expect.stringContaining('readelf package.json')]);
  });

  it('accepts the addon', async (context) => {
    const { path: addon } = nativeSupport();
    if (addon === undefined) return context.skip(nativeSupport().reason);
    const { code, output } = await runNode(['scripts/symbol-versions.mjs', addon]);
    expect(code, output).toBe(0);
    expect(output).toMatch(/GLIBC \d/);
  });

  it('refuses a binary of glibc that is named as one of musl', async (context) => {
    const { path: addon } = nativeSupport();
    if (addon === undefined) return context.skip(nativeSupport().reason);
    const named = path.join(temporaryFolder(), 'amdgpu-svm.musl.node');
    fs.copyFileSync(addon, named);
    const { code, stderr } = await runNode(['scripts/symbol-versions.mjs', named]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/amdgpu-svm\.musl\.node is no binary for musl: it needs libm?c?\.so\.6/);
  });

  it('refuses a binary for musl without a part of libc++ that it needs', async () => {
    const folder = temporaryFolder();
    const source = path.join(folder, 'a.c');
    fs.writeFileSync(source, 'void _Z9elsewherei(int);\nvoid here(void) { _Z9elsewherei(1); }\n');
    const named = path.join(folder, 'amdgpu-svm.musl.node');
    const linked = await run(compiler, ['-shared', '-fPIC', '-nostdlib', source, '-o', named]);
    expect(linked.code, linked.output).toBe(0);
    const { code, stderr } = await runNode(['scripts/symbol-versions.mjs', named]);
    expect([code, stderr]).toEqual([
      1,
      expect.stringContaining('lacks parts of libc++: _Z9elsewherei; scripts/zig.mjs'),
    ]);
  });
});
