import { copyFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { temporaryFolder } from '../../test/support/after-file.ts';
import { describeNative } from '../../test/support/native-helpers.ts';
import { findNativeAddon, nativeAddon, nativeSupport, systemError } from './native-addon.ts';
import { packageRoot } from './package-root.ts';

const folder = temporaryFolder();
const root = join(folder, 'package');
const PREBUILDS = join(root, 'prebuilds', 'linux-arm64');
const RELEASE = join(root, 'build', 'Release', 'amdgpu_svm.node');
const DEBUG = join(root, 'build', 'Debug', 'amdgpu_svm.node');

function find(options: Parameters<typeof findNativeAddon>[0] = {}) {
  return findNativeAddon({
    root,
    environment: {},
    platform: 'linux',
    architecture: 'arm64',
    libc: 'glibc',
    ...options,
  });
}

function put(path: string, contents: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, contents);
}

beforeEach(() => rmSync(root, { recursive: true, force: true }));

describe('the search for the addon', () => {
  it('says what was tried, in order, when there is none', () => {
    const { support, addon } = find();
    expect(addon).toBeUndefined();
    expect(support.available).toBe(false);
    expect(support.tried).toEqual([
      { path: join(PREBUILDS, '*.node'), outcome: 'not found' },
      { path: RELEASE, outcome: 'not found' },
      { path: DEBUG, outcome: 'not found' },
    ]);
    for (const { path } of support.tried) expect(support.reason).toContain(`${path} (not found)`);
    expect(support).not.toHaveProperty('path');
  });

  it('reports a file that is there but cannot be loaded, and goes on', () => {
    put(RELEASE, 'this is no shared object');
    const { support } = find();
    expect(support.available).toBe(false);
    expect(support.tried[1]!.outcome).toMatch(/^could not be loaded: .*(file too short|invalid ELF header)/);
    expect(support.tried[2]).toEqual({ path: DEBUG, outcome: 'not found' });
    expect(support.reason).toMatch(/could not be loaded/);
  });

  it('takes the prebuilds of this libc, and those without a tag', () => {
    const names = [
      'amdgpu-svm.musl.node',
      'amdgpu-svm.glibc.node',
      'amdgpu-svm.node',
      'amdgpu-svm.abi108.node',
      'electron.napi.node',
    ];
    for (const name of names) put(join(PREBUILDS, name), 'x');
    const tried = (libc: 'glibc' | 'musl') =>
      find({ libc })
        .support.tried.slice(0, -2)
        .map(({ path }) => path);
    expect(tried('glibc')).toEqual([join(PREBUILDS, 'amdgpu-svm.glibc.node'), join(PREBUILDS, 'amdgpu-svm.node')]);
    expect(tried('musl')).toEqual([join(PREBUILDS, 'amdgpu-svm.musl.node'), join(PREBUILDS, 'amdgpu-svm.node')]);
  });

  it('tries the prebuilds of each libc where the runtime does not tell its own', () => {
    const names = ['amdgpu-svm.glibc.node', 'amdgpu-svm.musl.node', 'electron.napi.node'];
    for (const name of names) put(join(PREBUILDS, name), 'x');
    const report = vi.spyOn(process.report!, 'getReport').mockImplementation(() => {
      throw new Error('Requires sys access to "cpus", run again with the --allow-sys flag');
    });
    try {
      const { support } = findNativeAddon({ root, environment: {}, platform: 'linux', architecture: 'arm64' });
      expect(support.tried.slice(0, -2).map(({ path }) => basename(path))).toEqual(names.slice(0, 2));
    } finally {
      report.mockRestore();
    }
  });

  it('says which libc is missing among the prebuilds', () => {
    put(join(PREBUILDS, 'amdgpu-svm.musl.node'), 'x');
    expect(find().support.tried[0]).toEqual({ path: join(PREBUILDS, '*.glibc.node'), outcome: 'not found' });
  });

  it('names the cure where no binary is for this libc', () => {
    put(join(PREBUILDS, 'amdgpu-svm.glibc.node'), 'x');
    const { support } = find({ libc: 'musl' });
    expect(support.tried[0]).toEqual({ path: join(PREBUILDS, '*.musl.node'), outcome: 'not found' });
    expect(support.reason).toMatch(/\.musl\.node \(not found\).*; `npx amdgpu-svm build` compiles it$/);
  });

  it('tries only the file of AMDGPU_SVM_ADDON when it is set', () => {
    const override = join(folder, 'elsewhere.node');
    const { support } = find({ environment: { AMDGPU_SVM_ADDON: override } });
    expect(support.tried).toEqual([{ path: override, outcome: 'not found' }]);
    expect(support.reason).toMatch(/^AMDGPU_SVM_ADDON: the addon could not be loaded; tried/);
    expect(find({ environment: { AMDGPU_SVM_ADDON: '' } }).support.tried).toHaveLength(3);
  });

  it('refuses an addon of another version', () => {
    const other = join(folder, 'other.cjs');
    writeFileSync(other, 'module.exports = { open() {}, layout() {} };');
    const outcome = (path: string) => find({ environment: { AMDGPU_SVM_ADDON: path } }).support.tried[0]!.outcome;
    expect(outcome(other)).toMatch(/^is another version of the addon: it lacks adopt, descriptor, close, ioctlAsync, /);
    // A binary of an older revision that has all functions of this one, and one more.
    const older = join(folder, 'older.cjs');
    writeFileSync(older, `module.exports = { ...require(${JSON.stringify(nativeSupport().path)}), ioctl() {} };`);
    if (nativeSupport().available) expect(outcome(older)).toBe('is another version of the addon: it has ioctl');
    const nothing = join(folder, 'nothing.cjs');
    writeFileSync(nothing, 'module.exports = 3;');
    expect(outcome(nothing)).toBe('is not the addon amdgpu_svm');
    const throws = join(folder, 'throws.cjs');
    writeFileSync(throws, 'throw new Error("at load");');
    expect(outcome(throws)).toBe('could not be loaded: at load');
  });

  it('is not made on other systems', () => {
    expect(find({ platform: 'darwin' }).support).toEqual({
      available: false,
      reason: 'the addon is for Linux, this is darwin',
      tried: [],
    });
  });

  it('finds the package above sources and above dist', () => {
    put(join(root, 'package.json'), '{"name": "amdgpu-svm"}');
    put(join(root, 'dist', 'cjs', 'package.json'), '{"type": "commonjs"}');
    put(join(root, 'dist', 'package.json'), 'no JSON');
    mkdirSync(join(root, 'dist', 'cjs', 'lib', 'device'), { recursive: true });
    expect(packageRoot(join(root, 'dist', 'cjs', 'lib', 'device'))).toBe(root);
    expect(packageRoot(root)).toBe(root);
    expect(packageRoot(folder)).toBeUndefined();
    expect(packageRoot(import.meta.dirname)).toBe(dirname(dirname(import.meta.dirname)));
  });

  it('never throws for this process, and answers the same again', () => {
    expect(nativeSupport()).toBe(nativeSupport());
    expect(typeof nativeSupport().reason).toBe('string');
    if (!nativeSupport().available)
      expect(() => nativeAddon()).toThrow(expect.objectContaining({ code: 'ERR_SVM_NO_ADDON' }));
  });
});

describeNative('a loadable addon', () => {
  const built = nativeSupport().path!;

  it('is loaded from the first place that has it', () => {
    mkdirSync(dirname(DEBUG), { recursive: true });
    copyFileSync(built, DEBUG);
    expect(find().support).toMatchObject({
      available: true,
      path: DEBUG,
      reason: `the addon was loaded from ${DEBUG}`,
    });
    put(RELEASE, 'broken');
    expect(find().support).toMatchObject({ available: true, path: DEBUG });
    expect(find().support.tried.map(({ outcome }) => outcome)).toEqual([
      'not found',
      expect.stringMatching(/^could not be loaded/),
      'loaded',
    ]);
    const prebuild = join(PREBUILDS, 'amdgpu-svm.glibc.node');
    mkdirSync(PREBUILDS, { recursive: true });
    copyFileSync(built, prebuild);
    expect(find().support).toMatchObject({ path: prebuild, tried: [{ path: prebuild, outcome: 'loaded' }] });
  });

  it('is loaded from AMDGPU_SVM_ADDON', () => {
    expect(find({ environment: { AMDGPU_SVM_ADDON: built } }).addon).toBe(nativeAddon());
  });

  it('is refused when its layouts are not ours', () => {
    const stale = join(folder, 'stale.cjs');
    writeFileSync(
      stale,
      `const addon = require(${JSON.stringify(built)});
       const layout = addon.layout();
       layout.structs.drm_amdgpu_gem_svm.fields.nattr.offset = 16;
       module.exports = { ...addon, layout: () => layout };`,
    );
    expect(find({ environment: { AMDGPU_SVM_ADDON: stale } }).support.tried[0]!.outcome).toMatch(
      /structure layouts are not/,
    );
  });

  it('is found for the libc of this process', () => {
    const here = join(root, 'prebuilds', `linux-${process.arch}`);
    mkdirSync(here, { recursive: true });
    for (const libc of ['glibc', 'musl']) copyFileSync(built, join(here, `amdgpu-svm.${libc}.node`));
    const { support } = findNativeAddon({ root, environment: {} });
    expect(support.available).toBe(true);
    expect(support.tried).toHaveLength(1);
  });
});

describe('system errors', () => {
  it('look like those of Node', () => {
    const error = systemError(-2, 'open', { path: '/x' });
    expect(error.message).toBe("ENOENT: no such file or directory, open '/x'");
    expect(error).toMatchObject({ code: 'ENOENT', errno: -2, syscall: 'open', path: '/x' });
  });

  it('have a name for errnos that libuv does not know, and a number for the rest', () => {
    expect(systemError(-62, 'ioctl').code).toBe('ETIME');
    expect(systemError(-4000, 'ioctl').message).toBe('ERRNO_4000: refused by the system, ioctl');
  });
});
