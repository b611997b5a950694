/** What a user gets: the packed tarball, installed into an empty project, loaded and type-checked both ways. */
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { filesBelow, ownTemporaryFolder, root, run, runNode, temporaryFolder, tool, writeFiles, type Run } from './package-support.ts';

let project: string;
let installed: string;

/** npm without a registry: everything has to come from the tarball. */
function npm(args: readonly string[], cwd: string): Promise<Run> {
  return run('npm', [...args, '--offline', '--no-audit', '--no-fund', '--cache', path.join(cwd, '.npm')], { cwd });
}

function succeeded(result: Run): Run {
  if (result.code !== 0) throw new Error(result.output);
  return result;
}

beforeAll(async () => {
  project = temporaryFolder();
  succeeded(await run('npm', ['pack', '--pack-destination', project]));
  const tarball = fs.readdirSync(project).find((name) => name.endsWith('.tgz'))!;
  writeFiles(project, { 'package.json': JSON.stringify({ name: 'consumer', version: '1.0.0', private: true }) });
  succeeded(await npm(['install', '--ignore-scripts', `./${tarball}`], project));
  installed = path.join(project, 'node_modules', 'amdgpu-svm');
});

afterAll(() => fs.rmSync(project, { recursive: true, force: true }));

describe('the tarball', () => {
  it('has the compiled package, its documents, the sources of the addon, and nothing else', () => {
    const files = filesBelow(installed);
    expect(files).toEqual(expect.arrayContaining(['package.json', 'README.md', 'LICENSE', 'CHANGELOG.md']));
    const meant = [
      /^(package\.json|README\.md|LICENSE|CHANGELOG\.md)$/,
      /^dist\/(lib|emulator)\/.*\.(js|d\.ts)$/,
      /^dist\/native\/.*\.d\.ts$/,
      /^dist\/cjs\/.*\.(cjs|d\.cts)$/,
      /^native\/.*(\.(cc|cpp|h|hpp|gyp|md)|\.d\.ts)$/,
      /^prebuilds\/.*\.node$/,
    ];
    expect(files.filter((file) => !meant.some((pattern) => pattern.test(file)))).toEqual([]);
    expect(files.filter((file) => /\.test\.|\btests?\//.test(file))).toEqual([]);
  });

  it('has a file for everything that its manifest points to', () => {
    const { bin, exports } = JSON.parse(fs.readFileSync(path.join(installed, 'package.json'), 'utf8'));
    const targets = (value: unknown): string[] =>
      typeof value === 'string' ? [value] : Object.values(value as Record<string, unknown>).flatMap(targets);
    for (const file of [...targets(bin), ...targets(exports)]) expect(fs.existsSync(path.join(installed, file)), file).toBe(true);
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

async function expectConsumersToRun(): Promise<void> {
  writeFiles(project, consumers);
  for (const name of Object.keys(consumers)) {
    const result = await runNode([name], { cwd: project });
    expect(result, name).toEqual({ code: 0, stdout: 'emulated boolean true\n', stderr: '', output: expect.anything() });
  }
}

describe('an installed package', () => {
  it('loads as ES module and as CommonJS, as one copy, without a warning', expectConsumersToRun);

  it.each(['nodenext', 'node16'])('type-checks under module %s, as ES module and as CommonJS', async (module) => {
    const typed = `
      import { SvmDevice, nativeSupport } from 'amdgpu-svm';
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
        compilerOptions: { module, target: 'es2022', lib: ['es2022', 'esnext.disposable'], strict: true, noEmit: true, ...options },
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
  });

  it('survives `npm ci` from a lockfile without building anything', async () => {
    // A lockfile doesn't store "gypfile": false, so a binding.gyp in the tarball's root would be built here.
    fs.rmSync(path.join(project, 'node_modules'), { recursive: true });
    const { output } = succeeded(await npm(['ci', '--foreground-scripts'], project));
    expect(output).not.toContain('gyp');
    expect(fs.existsSync(path.join(installed, 'build'))).toBe(false);
    await expectConsumersToRun();
  });
});

describe('the published manifest', () => {
  /** What `npm publish` sends to a registry, which is more than package.json says. */
  async function publish(change: (manifest: Record<string, unknown>) => void): Promise<{ scripts?: Record<string, string> }> {
    const folder = ownTemporaryFolder();
    const manifest = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8'));
    delete manifest.publishConfig;
    change(manifest);
    writeFiles(folder, { 'package.json': JSON.stringify(manifest), 'binding.gyp': '{}', 'dist/lib/index.js': '' });
    let body = '';
    const registry = http.createServer((request, response) => {
      if (request.method === 'PUT') request.on('data', (chunk) => (body += chunk));
      request.on('end', () => response.writeHead(request.method === 'PUT' ? 201 : 404, { 'content-type': 'application/json' }).end('{}'));
      request.resume();
    });
    await new Promise<void>((resolve) => registry.listen(0, '127.0.0.1', resolve));
    try {
      const { port } = registry.address() as { port: number };
      const host = `127.0.0.1:${port}/`;
      const options = ['--registry', `http://${host}`, `--//${host}:_authToken=none`, '--cache', path.join(folder, '.npm')];
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
    const mentioned = Object.values(packages).flatMap((one) => Object.keys({ ...one.dependencies, ...one.optionalDependencies }));
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
