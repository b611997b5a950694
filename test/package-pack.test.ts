/** What a user gets: the packed tarball, installed into an empty project, loaded and type-checked both ways. */
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { PROJECT_LINKS } from '../scripts/project-urls.mjs';
import { temporaryFolder } from './support/after-file.ts';
import { onlyInCi } from './support/effort.ts';
import { filesBelow, root, run, runNode, tool, writeFiles, type Run } from './support/package-support.ts';

let project: string;
let installed: string;
/** The package as it is released: with the binary that this machine can build. */
let tarball: string;

/** What npm said when it installed that, its scripts included. */
let installation: string;

/** npm without a registry: everything has to come from the tarball. */
function npm(args: readonly string[], cwd: string): Promise<Run> {
  return run('npm', [...args, '--offline', '--no-audit', '--no-fund', '--cache', path.join(cwd, '.npm')], { cwd });
}

/** Why the addon is not compiled here for the package and in it. */
const notCompiled =
  process.platform === 'linux' ? onlyInCi('compiles the addon three times') : 'the addon is for Linux';
let prebuildOutput = '';

function succeeded(result: Run): Run {
  if (result.code !== 0) throw new Error(result.output);
  return result;
}

beforeAll(async () => {
  project = temporaryFolder();
  tarball = await packRelease(project);
  writeFiles(project, { 'package.json': JSON.stringify({ name: 'consumer', version: '1.0.0', private: true }) });
  // A lockfile doesn't store "gypfile": false, so a binding.gyp in the tarball's root would be built by `npm ci`.
  succeeded(await npm(['install', '--package-lock-only', tarball], project));
  installation = succeeded(await npm(['ci', '--foreground-scripts'], project)).output;
  installed = path.join(project, 'node_modules', 'amdgpu-svm');
}, 400_000);

/** Packs the checkout, puts the binary into the unpacked tarball as a release does, and packs that. @returns the file */
async function packRelease(destination: string): Promise<string> {
  const stage = path.join(destination, 'stage');
  fs.mkdirSync(stage);
  const [packed, built] = await Promise.all([
    run('npm', ['pack', '--pack-destination', stage]),
    notCompiled === '' ? runNode(['scripts/prebuild.mjs', '--out', path.join(stage, 'package')]) : undefined,
  ]);
  succeeded(packed);
  if (built !== undefined) prebuildOutput = succeeded(built).stderr;
  const plain = fs.readdirSync(stage).find((name) => name.endsWith('.tgz'))!;
  succeeded(await run('tar', ['-xzf', plain], { cwd: stage }));
  succeeded(
    await run('npm', ['pack', '--ignore-scripts', '--pack-destination', destination], {
      cwd: path.join(stage, 'package'),
    }),
  );
  fs.rmSync(stage, { recursive: true });
  return path.join(destination, plain);
}

describe('the tarball', () => {
  it('has the compiled package, its documents, the sources of the addon, and nothing else', () => {
    const files = filesBelow(installed);
    expect(files).toEqual(expect.arrayContaining(['package.json', 'README.md', 'LICENSE', 'CHANGELOG.md']));
    const meant = [
      /^(package\.json|README\.md|LICENSE|THIRD_PARTY|CHANGELOG\.md|CONTRIBUTING\.md)$/,
      /^docs\/[\w/.-]+\.(md|json|jsonl|png|svg)$/,
      /^examples\/[\w-]+\.mjs$/,
      /^dist\/(lib|emulator)\/.*\.(js|cjs)$/,
      // One declaration for each entry, and what they share.
      /^dist\/(emulator|lib|lib\/(hsa|hip|conformance))\/index\.d\.c?ts$/,
      /^dist\/types\/[\w-]+\.d\.c?ts$/,
      /^dist\/chunks\/.*\.cjs$/,
      /^dist\/esm\/.*\.js$/,
      /^dist\/lib\/inspect\/page\.html$/,
      /^dist\/include\/node-addon-api\/(.*\.h|LICENSE.*)$/,
      /^native\/.*(\.(cc|cpp|h|hpp|gypi?|md)|\.d\.ts|fuse\/flags\.txt)$/,
      /^prebuilds\/.*\.node$/,
    ];
    expect(files.filter((file) => !meant.some((pattern) => pattern.test(file)))).toEqual([]);
    expect(files.filter((file) => /\.test\.|\btests?\//.test(file))).toEqual([]);
  });

  it('has what its README and the help of its command refer to', () => {
    const pages = filesBelow(installed).filter((file) => /^(README|CONTRIBUTING|CHANGELOG|docs\/.*)\.md$/.test(file));
    const links = pages.flatMap((page) => {
      const text = fs.readFileSync(path.join(installed, page), 'utf8').replace(/```[\s\S]*?```/g, '');
      return [...text.matchAll(/\]\(([^)#:\s]+)(?:#[^)]*)?\)/g)].map(([, to]) => path.join(path.dirname(page), to!));
    });
    expect(links.length).toBeGreaterThan(100);
    const help = filesBelow(path.join(root, 'lib/cli')).flatMap(
      (file) => fs.readFileSync(path.join(root, 'lib/cli', file), 'utf8').match(/\bdocs\/[\w/-]+\.md\b/g) ?? [],
    );
    for (const target of new Set([...links, ...help]))
      expect(fs.existsSync(path.join(installed, target)), target).toBe(true);
  });

  it('says where the project is, with the one constant for it', () => {
    const manifest = JSON.parse(fs.readFileSync(path.join(installed, 'package.json'), 'utf8'));
    expect(manifest).toMatchObject(PROJECT_LINKS);
  });

  it('has no gyp file in its root, which npm would build, but one for `amdgpu-svm build`', () => {
    expect(fs.readdirSync(installed).filter((name) => name.endsWith('.gyp'))).toEqual([]);
    expect(fs.existsSync(path.join(installed, 'native/binding.gyp'))).toBe(true);
  });

  it('has a binary for systems as old as those that Node itself supports', ({ skip }) => {
    skip(notCompiled !== '', notCompiled);
    expect(prebuildOutput).toMatch(
      /prebuilds\/linux-\w+\/amdgpu-svm\.(glibc|musl)\.node: \d+ bytes, needs (.*\bGLIBC 2\.(1\d|2[0-8])(,|$)|musl)/m,
    );
  });

  it('is clean for publint and for are-the-types-wrong', async () => {
    const lint = await runNode([tool('publint/src/cli.js'), 'run', tarball, '--strict', '--pack', 'false']);
    expect(lint, lint.output).toMatchObject({ code: 0, output: expect.stringContaining('All good!') });
    // Resolution without "exports" ended with Node 12.
    const types = await runNode([
      tool('@arethetypeswrong/cli/dist/index.js'),
      tarball,
      '--profile',
      'node16',
      '--format',
      'json',
    ]);
    expect(types.code, types.output).toBe(0);
  });

  it('has a file for everything that its manifest points to', () => {
    const { bin, exports } = JSON.parse(fs.readFileSync(path.join(installed, 'package.json'), 'utf8'));
    const targets = (value: unknown): string[] =>
      typeof value === 'string' ? [value] : Object.values(value as Record<string, unknown>).flatMap(targets);
    for (const file of [...targets(bin), ...targets(exports)])
      expect(fs.existsSync(path.join(installed, file)), file).toBe(true);
    for (const file of targets(bin)) {
      expect(fs.readFileSync(path.join(installed, file), 'utf8')).toMatch(/^#!\/usr\/bin\/env node\n/);
      expect(fs.statSync(path.join(installed, file)).mode & 0o111).toBe(0o111);
    }
  });
});

const consumers = {
  'consumer.mjs': `
    import { createRequire } from 'node:module';
    import { SvmDevice, nativeSupport } from 'amdgpu-svm';
    import { EmulatedMachine } from 'amdgpu-svm/emulator';
    const device = SvmDevice.open({ backend: 'emulated' });
    const require = createRequire(import.meta.url);
    const one = require('amdgpu-svm').SvmDevice === SvmDevice && require('amdgpu-svm/emulator').EmulatedMachine === EmulatedMachine;
    console.log(device.backend, typeof nativeSupport().available, one);
    device.close();
  `,
  'consumer.cjs': `
    const { SvmDevice, nativeSupport } = require('amdgpu-svm');
    const { EmulatedMachine } = require('amdgpu-svm/emulator');
    const device = SvmDevice.open({ backend: 'emulated' });
    console.log(device.backend, typeof nativeSupport().available, new EmulatedMachine({}).devices.length === 1);
    device.close();
  `,
};

/** What `nativeSupport()` says in the installed package. */
async function installedSupport(): Promise<{ available: boolean; reason: string; path?: string }> {
  const script = `import('amdgpu-svm').then(({ nativeSupport }) => console.log(JSON.stringify(nativeSupport())))`;
  const { AMDGPU_SVM_ADDON: _addon, ...env } = process.env;
  return JSON.parse(succeeded(await runNode(['-e', script], { cwd: project, env })).stdout);
}

describe('an installed package', () => {
  it('loads as ES module and as CommonJS, as one copy, without a warning', async () => {
    writeFiles(project, consumers);
    for (const name of Object.keys(consumers)) {
      const result = await runNode([name], { cwd: project });
      expect(result, name).toEqual({
        code: 0,
        stdout: 'emulated boolean true\n',
        stderr: '',
        output: expect.anything(),
      });
    }
  });

  it.each(['nodenext', 'node16', 'esnext'])(
    'type-checks under module %s, as ES module and as CommonJS',
    async (module) => {
      const typed = `
      import { SvmDevice, nativeSupport } from 'amdgpu-svm';
      export * as hip from 'amdgpu-svm/hip';
      export * as hsa from 'amdgpu-svm/hsa';
      export * as conformance from 'amdgpu-svm/conformance';
      const device: SvmDevice = SvmDevice.open({ backend: 'emulated' });
      const available: boolean = nativeSupport().available;
      // @ts-expect-error: a wrong type shows that the types have arrived
      const wrong: { wrong: 1 } = device;
      export { available, wrong };
    `;
      const browser = `
      import { EmulatedMachine } from 'amdgpu-svm/emulator';
      const machine: EmulatedMachine = new EmulatedMachine({});
      // @ts-expect-error: a wrong type shows that the types have arrived
      const wrong: { wrong: 1 } = machine;
      export { wrong };
    `;
      const configuration = (name: string, options: object): string =>
        JSON.stringify({
          compilerOptions: {
            module,
            ...(module === 'esnext' ? { moduleResolution: 'bundler' } : {}),
            target: 'es2022',
            lib: ['es2022', 'esnext.disposable'],
            strict: true,
            skipLibCheck: false,
            noEmit: true,
            ...options,
          },
          files: [`${name}.mts`, `${name}.cts`],
        });
      writeFiles(project, {
        'typed.mts': typed,
        'typed.cts': typed,
        'browser.mts': browser,
        'browser.cts': browser,
        'tsconfig.typed.json': configuration('typed', { types: ['node'], typeRoots: [tool('@types')] }),
        'tsconfig.browser.json': configuration('browser', { types: [] }),
      });
      for (const name of ['typed', 'browser']) {
        const result = await runNode([tool('typescript/bin/tsc'), '-p', `tsconfig.${name}.json`], { cwd: project });
        expect(result.output, name).toBe('');
      }
    },
  );

  it('survives `npm ci` from a lockfile without building anything', () => {
    expect(installation).toContain('added 1 package');
    expect(installation).not.toContain('gyp');
    expect(fs.existsSync(path.join(installed, 'build'))).toBe(false);
  });

  it('loads the addon from the binary that was shipped', async ({ skip }) => {
    skip(notCompiled !== '', notCompiled);
    const support = await installedSupport();
    expect(support).toMatchObject({
      available: true,
      path: expect.stringContaining(path.join(installed, 'prebuilds')),
    });
  });
});

describe('amdgpu-svm build', () => {
  const build = (env: NodeJS.ProcessEnv): Promise<Run> =>
    run('npm', ['exec', '--offline', '--', 'amdgpu-svm', 'build'], {
      cwd: project,
      env: { ...process.env, npm_config_cache: path.join(project, '.npm'), ...env },
    });

  it('compiles nothing where a shipped binary serves the machine', async ({ skip }) => {
    skip(notCompiled !== '', notCompiled);
    const result = await build({ PATH: path.dirname(process.execPath) });
    expect(result, result.output).toMatchObject({ code: 0, stdout: expect.stringContaining('nothing to do') });
    expect(fs.existsSync(path.join(installed, 'build'))).toBe(false);
  });

  it('compiles the FUSE helper with --fuse', { timeout: 200_000 }, async ({ skip }) => {
    skip(notCompiled !== '', notCompiled);
    const main = path.join(installed, 'dist/lib/cli/main.cjs');
    const missing = await runNode([main, 'build', '--fuse'], { cwd: project, env: { PATH: '/nowhere' } });
    expect(missing).toMatchObject({
      code: 3,
      stderr: expect.stringContaining('apt-get install g++ pkg-config libfuse3-dev'),
    });
    const result = await runNode([main, 'build', '--fuse'], { cwd: project });
    expect(result, result.output).toMatchObject({ code: 0 });
    const helper = path.join(installed, 'build-fuse/amdgpu-svm-fuse');
    expect(fs.statSync(helper).mode & 0o111).toBe(0o111);
    fs.rmSync(path.dirname(helper), { recursive: true });
  });

  it(
    'compiles the addon in an installed package without a binary for the platform, with the node-gyp of npm',
    { timeout: 400_000 },
    async ({ skip }) => {
      skip(notCompiled !== '', notCompiled);
      fs.rmSync(path.join(installed, 'prebuilds'), { recursive: true });
      expect(await installedSupport()).toMatchObject({
        available: false,
        reason: expect.stringContaining('not found'),
      });
      // Optimising takes most of the time, and nobody measures here.
      const result = await build({ CXXFLAGS: '-O0', JOBS: 'max' });
      expect(result, result.output).toMatchObject({
        code: 0,
        stdout: expect.stringContaining('the addon was loaded from'),
      });
      expect(await installedSupport()).toMatchObject({
        available: true,
        path: path.join(installed, 'build/Release/amdgpu_svm.node'),
      });
      expect(fs.existsSync(path.join(installed, 'native/build'))).toBe(false);
    },
  );

  it.runIf(process.platform === 'linux')('says what is missing', async () => {
    const main = path.join(installed, 'dist/lib/cli/main.cjs');
    const { CXX: _cxx, MAKE: _make, PYTHON: _python, ...env } = process.env;
    const result = await runNode([main, 'build'], { cwd: project, env: { ...env, PATH: '/nowhere' } });
    expect(result).toMatchObject({
      code: 3,
      stderr: expect.stringMatching(
        /^amdgpu-svm build: a C\+\+ compiler \(g\+\+ or clang\+\+\), make, python3 not found; on Debian: apt-get install/,
      ),
    });
  });

  it('shows the compiler’s first error and leaves the package as it was', async ({ skip }) => {
    skip(notCompiled !== '', notCompiled);
    const before = fs.statSync(path.join(installed, 'build/Release/amdgpu_svm.node'));
    const result = await build({ CXXFLAGS: '-DNAPI_VERSION=broken -fsyntax-only -Wfatal-errors' });
    expect(result).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/the compilation failed: .*error.*\(--verbose shows everything\)/),
    });
    expect(fs.statSync(path.join(installed, 'build/Release/amdgpu_svm.node')).ino).toBe(before.ino);
  });
});

describe('the published manifest', () => {
  /** What `npm publish` sends to a registry, which is more than package.json says. */
  async function publish(
    change: (manifest: Record<string, unknown>) => void,
  ): Promise<{ scripts?: Record<string, string> }> {
    const folder = temporaryFolder();
    const manifest = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8'));
    delete manifest.publishConfig;
    change(manifest);
    writeFiles(folder, { 'package.json': JSON.stringify(manifest), 'binding.gyp': '{}', 'dist/lib/index.js': '' });
    let body = '';
    const registry = http.createServer((request, response) => {
      if (request.method === 'PUT') request.on('data', (chunk) => (body += chunk));
      request.on('end', () =>
        response.writeHead(request.method === 'PUT' ? 201 : 404, { 'content-type': 'application/json' }).end('{}'),
      );
      request.resume();
    });
    await new Promise<void>((resolve) => registry.listen(0, '127.0.0.1', resolve));
    try {
      const { port } = registry.address() as { port: number };
      const host = `127.0.0.1:${port}/`;
      const options = [
        '--registry',
        `http://${host}`,
        `--//${host}:_authToken=none`,
        '--cache',
        path.join(folder, '.npm'),
      ];
      succeeded(await run('npm', ['publish', '--ignore-scripts', '--provenance=false', ...options], { cwd: folder }));
    } finally {
      registry.close();
    }
    return Object.values(JSON.parse(body).versions)[0] as { scripts?: Record<string, string> };
  }

  it('has no script that would run at installation', async () => {
    const { scripts } = await publish(() => {});
    for (const name of ['preinstall', 'install', 'postinstall', 'prepare']) expect(scripts).not.toHaveProperty(name);
  });

  it('would have one without "gypfile": false, which is why that is there', async () => {
    const { scripts } = await publish((manifest) => delete manifest['gypfile']);
    expect(scripts).toHaveProperty('install', 'node-gyp rebuild');
  });
});

describe('the lockfile', () => {
  it('knows every package that it mentions, or `npm ci` refuses it', () => {
    // npm leaves out what a registry lacks; tools come with packages for platforms that some mirrors are late with.
    const { packages } = JSON.parse(fs.readFileSync(path.join(root, 'package-lock.json'), 'utf8')) as {
      packages: Record<string, { dependencies?: object; optionalDependencies?: object }>;
    };
    const names = new Set(Object.keys(packages).map((location) => location.split('node_modules/').at(-1)));
    const mentioned = Object.values(packages).flatMap((one) =>
      Object.keys({ ...one.dependencies, ...one.optionalDependencies }),
    );
    expect(mentioned.filter((name) => !names.has(name))).toEqual([]);
  });

  it('names no registry, so that every mirror can serve it', () => {
    expect(fs.readFileSync(path.join(root, 'package-lock.json'), 'utf8')).not.toMatch(/"resolved"|https?:\/\/registry/);
  });

  it('asks for nothing at run time', () => {
    const manifest = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8'));
    expect(manifest).not.toHaveProperty('dependencies');
    expect(manifest).toHaveProperty('gypfile', false);
  });
});
