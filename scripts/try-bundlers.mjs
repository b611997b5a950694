#!/usr/bin/env node
/**
 * What people put around the package: bundlers, test runners, other runtimes and compilers. Packs this checkout, installs
 * it with the tools in an empty project outside of the repository, and lets each run the same program.
 *
 *   node scripts/try-bundlers.mjs               all of them (some 250 MB from the registry, a minute or two)
 *   node scripts/try-bundlers.mjs esbuild bun   those
 *   node scripts/try-bundlers.mjs --tarball FILE [--keep] [NAME ...]
 *
 * Exit code 1 if one failed. In CI test/package-bundlers.test.ts runs a few.
 */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { root, runMain, say, ScriptError } from './support.mjs';

const ENTRIES = { svm: '', emulator: '/emulator', hip: '/hip', hsa: '/hsa', conformance: '/conformance' };

/** What each runs: all entries, and memory of an emulated device. The line tells whether the addon was found, and why not. */
const PROGRAM = `
const device = svm.SvmDevice.open({ emulator: new emulator.EmulatedMachine().devices[0] });
const buffer = device.memory.map(8192);
device.setAttributes(buffer, { gpuReadOnly: true });
const { gpuReadOnly } = device.getAttributes(buffer, ['gpuReadOnly']);
const runtime = hip.HipRuntime.open({ devices: [device] });
const all = gpuReadOnly && runtime.mallocManaged(4096).size === 4096 && typeof hsa.HsaRuntime === 'function'
  && typeof conformance.runConformance === 'function';
const { available, reason } = svm.nativeSupport();
console.log('RESULT ' + JSON.stringify({ all, available, reason }));
`;
const entries = Object.entries(ENTRIES);
const ESM = entries.map(([name, at]) => `import * as ${name} from 'amdgpu-svm${at}';\n`).join('') + PROGRAM;
const CJS = entries.map(([name, at]) => `const ${name} = require('amdgpu-svm${at}');\n`).join('') + PROGRAM;

/** Where bundles of this package have no folder of the package around them. */
const ALONE = /external.*AMDGPU_SVM_ADDON/;

/**
 * @typedef {object} Try
 * @property {readonly string[]} packages
 * @property {readonly (readonly string[])[]} commands the last one prints the result
 * @property {Readonly<Record<string, string>>} [files]
 * @property {RegExp} [reason] what has to be said of an addon that is not found
 * @property {boolean} [typesOnly]
 */

/** @param {string} name @param {'cjs' | 'esm'} format */
const bundled = (name, format) => `out/${name}.${format === 'cjs' ? 'cjs' : 'mjs'}`;

/** @param {'cjs' | 'esm'} format @returns {Try} */
const esbuild = (format) => ({
  packages: ['esbuild@0.28'],
  commands: [
    [
      'node_modules/.bin/esbuild',
      `main.${format === 'cjs' ? 'cjs' : 'mjs'}`,
      '--bundle',
      '--platform=node',
      `--format=${format}`,
      '--external:ffi-rs',
      `--outfile=${bundled('esbuild', format)}`,
    ],
    [process.execPath, `../bundles/${path.basename(bundled('esbuild', format))}`],
  ],
  reason: ALONE,
});

const TYPED = `
import { SvmDevice, type HostView } from 'amdgpu-svm';
import { HipRuntime } from 'amdgpu-svm/hip';
import { EmulatedMachine } from 'amdgpu-svm/emulator';
export * as hsa from 'amdgpu-svm/hsa';
export * as conformance from 'amdgpu-svm/conformance';
const device: SvmDevice = SvmDevice.open({ emulator: new EmulatedMachine().devices[0]! });
// One type, wherever it is imported from.
export const hip: HipRuntime = HipRuntime.open({ devices: [device] });
export const view: HostView = device.memory.map(4096).slice(0, 1);
// @ts-expect-error: a wrong type shows that the types have arrived
export const wrong: string = hip.getLastError();
`;

/** @param {string} version @param {readonly string[]} resolutions @returns {Try} */
const typescript = (version, resolutions = ['nodenext', 'node16', 'bundler']) => ({
  packages: [`typescript-${version}@npm:typescript@${version}`, '@types/node@20'],
  files: { 'typed.mts': TYPED, 'typed.cts': TYPED, 'typed.ts': TYPED },
  commands: resolutions.map((resolution) => [
    process.execPath,
    `node_modules/typescript-${version}/bin/tsc`,
    ...['--noEmit', '--strict', '--exactOptionalPropertyTypes', '--skipLibCheck', 'false', '--types', 'node'],
    ...['--target', 'es2022', '--lib', 'es2022,esnext.disposable'],
    ...(resolution === 'bundler'
      ? ['--module', 'esnext', '--moduleResolution', 'bundler', 'typed.ts']
      : ['--module', resolution, 'typed.mts', 'typed.cts']),
  ]),
  typesOnly: true,
});

const deno = (/** @type {readonly string[]} */ permissions) => ({
  packages: ['deno@2'],
  commands: [['node_modules/.bin/deno', 'run', '--no-prompt', '--node-modules-dir=manual', ...permissions, 'main.mjs']],
});

/** @type {Readonly<Record<string, Try>>} */
const TRIES = {
  jest: {
    packages: ['jest@30'],
    files: { 'main.test.cjs': `test('runs', () => {\n${CJS}\nexpect(all).toBe(true);\n});\n` },
    commands: [['node_modules/.bin/jest', '--rootDir', '.', '--testMatch', '**/main.test.cjs', '--silent=false']],
  },
  'esbuild-cjs': esbuild('cjs'),
  'esbuild-esm': esbuild('esm'),
  webpack: {
    packages: ['webpack@5'],
    files: {
      'webpack.cjs': `require('webpack')({ mode: 'production', target: 'node', entry: './main.mjs', externals: { 'ffi-rs': 'commonjs ffi-rs' },
        output: { path: __dirname + '/out', filename: 'webpack.cjs' } }, (error, stats) => {
          if (error || stats.hasErrors() || stats.hasWarnings()) { console.error(error ?? stats.toString()); process.exit(1); }
        });`,
    },
    commands: [
      [process.execPath, 'webpack.cjs'],
      [process.execPath, '../bundles/webpack.cjs'],
    ],
    reason: ALONE,
  },
  rollup: {
    packages: ['rollup@4', '@rollup/plugin-node-resolve@16'],
    commands: [
      [
        'node_modules/.bin/rollup',
        'main.mjs',
        '-p',
        'node-resolve',
        '-f',
        'es',
        '-e',
        'ffi-rs',
        '-o',
        'out/rollup.mjs',
      ],
      [process.execPath, '../bundles/rollup.mjs'],
    ],
    reason: ALONE,
  },
  ncc: {
    packages: ['@vercel/ncc@0.38'],
    commands: [
      ['node_modules/.bin/ncc', 'build', 'main.cjs', '-e', 'ffi-rs', '-o', 'out/ncc'],
      [process.execPath, '../bundles/ncc/index.cjs'],
    ],
  },
  tsx: {
    packages: ['tsx@4'],
    files: { 'main.cts': CJS.replaceAll(/const (\w+) = require\(('[^']*')\)/g, 'import $1 = require($2)') },
    commands: [['node_modules/.bin/tsx', 'main.cts']],
  },
  bun: { packages: ['@oven/bun-linux-x64@1'], commands: [['node_modules/@oven/bun-linux-x64/bin/bun', 'main.mjs']] },
  deno: deno(['-A']),
  'deno-some-permissions': deno(['--allow-read', '--allow-env']),
  'typescript-5.7': typescript('5.7', ['nodenext']),
  'typescript-5.7-others': typescript('5.7', ['node16', 'bundler']),
  'typescript-6': typescript('6'),
  'typescript-7': typescript('7'),
};

/** @param {string} project @param {readonly string[]} command */
function run(project, [program, ...args]) {
  const { AMDGPU_SVM_ADDON: _addon, ...env } = process.env;
  const result = spawnSync(/** @type {string} */ (program), args, { cwd: project, encoding: 'utf8', env });
  return { ok: result.status === 0, output: `${result.stdout ?? ''}${result.stderr ?? ''}${result.error ?? ''}` };
}

/**
 * What came of one, and '' if nothing is wrong with it.
 * @param {string} project @param {Try} one
 * @returns {{ what: string, wrong: string }}
 */
function attempt(project, { commands, files = {}, reason, typesOnly = false }) {
  for (const [name, text] of Object.entries(files)) fs.writeFileSync(path.join(project, name), text);
  let output = '';
  for (const command of commands) {
    // Bundles run outside of the project: what they need they have to contain.
    const out = path.join(project, 'out');
    if (fs.existsSync(out)) fs.cpSync(out, path.join(project, '../bundles'), { recursive: true });
    const result = run(project, command);
    ({ output } = result);
    if (!result.ok) return { what: 'failed', wrong: `${command.join(' ')}\n${output.slice(0, 4000)}` };
  }
  if (typesOnly) return { what: 'compiles', wrong: '' };
  const line = /RESULT (\{.*\})/.exec(output)?.[1];
  if (line === undefined) return { what: 'no result', wrong: output.slice(0, 4000) };
  const { all, available, reason: said } = JSON.parse(line);
  if (all !== true) return { what: 'wrong', wrong: line };
  if (!available && reason !== undefined && !reason.test(said)) return { what: 'no cure', wrong: said };
  return { what: available ? 'runs, with the addon' : `runs; ${said.slice(0, 110)}`, wrong: '' };
}

await runMain(() => {
  const { values, positionals } = parseArgs({
    options: { tarball: { type: 'string' }, keep: { type: 'boolean', default: false } },
    allowPositionals: true,
  });
  const unknown = positionals.find((name) => !(name in TRIES));
  if (unknown !== undefined) throw new ScriptError(`unknown ${unknown}; known: ${Object.keys(TRIES).join(', ')}`);
  const chosen = Object.entries(TRIES).filter(([name]) => positionals.length === 0 || positionals.includes(name));
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'amdgpu-svm-bundlers-'));
  const project = path.join(folder, 'project');
  try {
    fs.mkdirSync(project);
    const npm = (/** @type {string} */ cwd, /** @type {string[]} */ ...args) => {
      const result = run(cwd, ['npm', ...args]);
      if (!result.ok) throw new ScriptError(`npm ${args.join(' ')} failed:\n${result.output}`);
    };
    if (values.tarball === undefined) npm(root, 'pack', '--pack-destination', folder);
    const tarball =
      values.tarball ??
      path.join(
        folder,
        /** @type {string} */ (fs.readdirSync(folder).find((name) => name.endsWith('.tgz'))),
      );
    fs.writeFileSync(path.join(project, 'package.json'), '{ "name": "tries", "private": true }');
    const packages = [...new Set(chosen.flatMap(([, one]) => one.packages))];
    npm(project, 'install', '--no-audit', '--no-fund', path.resolve(tarball), ...packages);
    fs.writeFileSync(path.join(project, 'main.mjs'), ESM);
    fs.writeFileSync(path.join(project, 'main.cjs'), CJS);
    let failed = 0;
    for (const [name, one] of chosen) {
      const { what, wrong } = attempt(project, one);
      say(`${name.padEnd(22)} ${what}${wrong === '' ? '' : `\n${wrong}`}`);
      if (wrong !== '') failed++;
    }
    if (failed > 0) throw new ScriptError(`${failed} of ${chosen.length} failed`);
  } finally {
    if (values.keep) say(`kept: ${folder}`);
    else fs.rmSync(folder, { recursive: true, force: true });
  }
});
