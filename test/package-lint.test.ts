/** The lint configuration is itself code that can be wrong: each of its rules has to fire, and only there. */
import fs from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { temporaryFolder } from './support/after-file.ts';
import { filesBelow, root, runNode, tool, writeFiles } from './support/package-support.ts';

/** Names of the rules that each of the files breaks. */
async function lint(files: Readonly<Record<string, string>>): Promise<Record<string, string[]>> {
  const folder = temporaryFolder();
  fs.copyFileSync(path.join(root, '.oxlintrc.json'), path.join(folder, '.oxlintrc.json'));
  writeFiles(folder, files);
  const { stdout } = await runNode([tool('oxlint/bin/oxlint'), '--format=json'], { cwd: folder });
  const found: Record<string, string[]> = Object.fromEntries(Object.keys(files).map((name) => [name, []]));
  for (const { filename, code } of JSON.parse(stdout).diagnostics as { filename: string; code: string }[]) {
    found[filename]!.push(/\((.*)\)/.exec(code)![1]!);
  }
  return found;
}

const blocks = ['kernel', 'mm', 'gpusvm', 'gpu', 'svm'].map((name) => `emulator/${name}`);
const everyEmulatorRoom = [
  ...blocks,
  ...['cost', 'observe', 'hazards', 'revisions', 'revisions/v4', 'drm'].map((name) => `emulator/${name}`),
];

const inspectRooms = ['lib/inspect', 'lib/inspect/model', 'lib/inspect/page'];
const casesMayImport = [
  'lib/conformance/framework',
  'lib/conformance/support',
  'lib/uapi',
  'lib/device',
  'lib/hsa',
  'lib/hip',
];
/** Emulator rooms may import of lib/uapi only the errnos, which `x.ts` is not. */
const arrows: Record<string, string[]> = {
  'emulator/kernel': [],
  'emulator/mm': ['emulator/kernel'],
  'emulator/gpusvm': ['emulator/kernel', 'emulator/mm'],
  'emulator/gpu': ['emulator/kernel'],
  'emulator/svm': [...blocks, 'lib/uapi'],
  'emulator/revisions': [...blocks, 'emulator/revisions/v4', 'lib/uapi'],
  'emulator/revisions/v4': [...blocks, 'emulator/revisions', 'lib/uapi'],
  'emulator/cost': ['emulator/kernel', 'emulator/mm', 'emulator/gpu'],
  'emulator/observe': [...blocks, 'emulator/cost', 'lib/uapi'],
  'emulator/hazards': [...blocks, 'emulator/observe', 'lib/uapi'],
  'emulator/drm': [
    ...blocks,
    'emulator/cost',
    'emulator/observe',
    'emulator/revisions',
    'emulator/revisions/v4',
    'lib/uapi',
  ],
  emulator: [...everyEmulatorRoom, 'lib/uapi'],
  'lib/uapi': [],
  'lib/words': ['lib/uapi'],
  'lib/backend': ['lib/backend/kfd', 'lib/uapi', 'lib/words', 'native', 'emulator', ...everyEmulatorRoom],
  'lib/backend/kfd': ['lib/backend', 'lib/uapi', 'native'],
  'lib/device': ['lib/uapi', 'lib/words', 'lib/backend', 'lib/backend/kfd', 'native', 'emulator', ...everyEmulatorRoom],
  'lib/hsa': ['lib/device', 'lib/words', 'lib/uapi'],
  'lib/hip': ['lib/hsa', 'lib/device', 'lib/words', 'lib/uapi'],
  'lib/trace/format': [
    'lib/trace/replay',
    'lib/backend',
    'lib/backend/kfd',
    'lib/words',
    'lib/uapi',
    'emulator',
    ...everyEmulatorRoom,
  ],
  'lib/trace/replay': [
    'lib/trace/format',
    'lib/backend',
    'lib/backend/kfd',
    'lib/words',
    'lib/uapi',
    'emulator',
    ...everyEmulatorRoom,
  ],
  'lib/explore': ['lib/trace/format', 'lib/trace/replay', 'lib/words', 'lib/uapi', 'emulator', ...everyEmulatorRoom],
  'lib/serve': [
    'lib/device',
    'lib/backend',
    'lib/backend/kfd',
    'lib/words',
    'lib/uapi',
    'emulator',
    ...everyEmulatorRoom,
  ],
  'lib/inspect': ['lib/device', 'lib/backend', 'lib/backend/kfd', 'lib/inspect/model', 'lib/inspect/page'],
  'lib/inspect/model': [
    'lib/trace/format',
    'lib/trace/replay',
    'lib/words',
    'lib/uapi',
    'emulator',
    ...everyEmulatorRoom,
  ],
  'lib/inspect/page': [
    'lib/inspect/model',
    'lib/trace/format',
    'lib/trace/replay',
    'lib/words',
    'lib/uapi',
    'emulator',
    ...everyEmulatorRoom,
  ],
  'lib/conformance': [
    'lib/conformance/framework',
    'lib/conformance/support',
    'lib/conformance/framework/reporters',
    'lib/conformance/cases',
    'lib/conformance/cases/uapi',
    'lib/conformance/cases/hip',
  ],
  'lib/conformance/framework': ['lib/uapi', 'lib/words', 'lib/device', 'lib/hsa', 'lib/hip'],
  'lib/conformance/framework/reporters': ['lib/conformance/framework', 'lib/words'],
  'lib/conformance/support': ['lib/conformance/framework', 'lib/uapi', 'lib/device', 'lib/hsa', 'lib/hip'],
  'lib/conformance/cases': ['lib/conformance/framework', 'lib/conformance/cases/uapi', 'lib/conformance/cases/hip'],
  'lib/conformance/cases/uapi': casesMayImport,
  'lib/conformance/cases/hip': casesMayImport,
  'lib/cli': [
    'lib/uapi',
    'lib/words',
    'lib/backend',
    'lib/backend/kfd',
    'lib/device',
    'lib/hsa',
    'lib/hip',
    'lib/trace/format',
    'lib/trace/replay',
    'lib/serve',
    'lib/explore',
    'lib/conformance',
    'lib/conformance/framework',
    'lib/conformance/framework/reporters',
    'lib/conformance/support',
    'lib/conformance/cases',
    'lib/conformance/cases/uapi',
    'lib/conformance/cases/hip',
    ...inspectRooms,
  ],
  native: [],
};
const rooms = Object.keys(arrows);

it('holds each arrow between the rooms, and forbids all others', async () => {
  const files: Record<string, string> = {};
  const expected: Record<string, string[]> = {};
  for (const from of rooms) {
    for (const to of rooms) {
      if (from === to) continue;
      const relative = path.posix.relative(from, `${to}/x.ts`);
      const file = `${from}/imports-${to.replaceAll('/', '-')}.ts`;
      files[file] = `import '${relative.startsWith('.') ? relative : `./${relative}`}';\n`;
      expected[file] = arrows[from]!.includes(to) ? [] : ['no-restricted-imports'];
    }
  }
  expect(await lint(files)).toEqual(expected);
});

it('knows every form of import', async () => {
  const forms = {
    side: `import '../mm/x.ts';`,
    named: `import { x } from '../mm/x.ts';\nx();`,
    type: `import type { X } from '../mm/x.ts';\nexport type Y = X;`,
    again: `export { x } from '../mm/x.ts';`,
    all: `export * from '../mm/x.ts';`,
    dynamic: `export const x = import('../mm/x.ts');`,
    roundabout: `import '../../emulator/mm/x.ts';`,
    index: `import '../index.ts';`,
  };
  const files = Object.fromEntries(
    Object.entries(forms).map(([name, text]) => [`emulator/kernel/${name}.ts`, `${text}\n`]),
  );
  const found = await lint({ ...files, 'emulator/mm/inline.ts': `export type X = import('../svm/x.ts').X;\n` });
  for (const name of Object.keys(files)) expect(found[name], name).toContain('no-restricted-imports');
  expect(found['emulator/mm/inline.ts']).toEqual(['consistent-type-imports']);
});

it('keeps Node and packages out of emulator/ and lib/uapi, and packages out of lib/', async () => {
  const found = await lint({
    'emulator/a.ts': `import 'node:fs';\n`,
    'emulator/b.ts': `import 'fs';\n`,
    'emulator/svm/a.ts': `import 'node:fs';\n`,
    'emulator/drm/a.ts': `import 'fast-check';\n`,
    'lib/uapi/a.ts': `import 'node:fs';\n`,
    'lib/device/a.ts': `import 'node:fs';\n`,
    'lib/device/b.ts': `import 'fast-check';\n`,
    'lib/conformance/cases/uapi/a.ts': `import 'vitest';\n`,
    'lib/conformance/cases/uapi/b.ts': `import '../../framework/x.ts';\nimport 'node:path';\n`,
    'lib/conformance/support/a.ts': `import 'node:fs';\n`,
    'lib/inspect/model/a.ts': `import 'node:fs';\n`,
    'lib/inspect/page/a.tsx': `import 'node:fs';\n`,
    'lib/inspect/page/b.tsx': `import 'preact';\nimport 'preact/hooks';\nimport '@tanstack/virtual-core';\nimport './style.css';\n`,
    'lib/inspect/page/c.tsx': `import 'playwright-core';\n`,
    'lib/cli/commands/a.ts': `import '../table.ts';\nimport '../../device/x.ts';\nimport 'node:fs';\n`,
    'lib/cli/commands/b.ts': `import '../../../emulator/index.ts';\n`,
  });
  const restricted = ['no-restricted-imports'];
  expect(found).toEqual({
    'emulator/a.ts': restricted,
    'emulator/b.ts': restricted,
    'emulator/svm/a.ts': restricted,
    'emulator/drm/a.ts': restricted,
    'lib/uapi/a.ts': restricted,
    'lib/device/a.ts': [],
    'lib/device/b.ts': restricted,
    'lib/conformance/cases/uapi/a.ts': restricted,
    'lib/conformance/cases/uapi/b.ts': [],
    'lib/conformance/support/a.ts': restricted,
    'lib/inspect/model/a.ts': restricted,
    'lib/inspect/page/a.tsx': restricted,
    'lib/inspect/page/b.tsx': [],
    'lib/inspect/page/c.tsx': restricted,
    'lib/cli/commands/a.ts': [],
    'lib/cli/commands/b.ts': restricted,
  });
});

const hostGlobals = (
  'Date performance process Buffer console require crypto globalThis queueMicrotask setTimeout setInterval setImmediate ' +
  'clearTimeout clearInterval clearImmediate requestAnimationFrame'
).split(' ');

it("keeps the host's time, chance and globals out of emulator/, and only there", async () => {
  const sources = [
    ...hostGlobals.map((name) => [`export const x = ${name};`, 'no-restricted-globals'] as const),
    ['export const x = Math.random();', 'no-restricted-properties'],
    [`export const x = Math['random']();`, 'no-restricted-properties'],
    ['const { random } = Math;\nexport const x = random();', 'no-restricted-properties'],
  ] as const;
  const files: Record<string, string> = {};
  const expected: Record<string, string[]> = {};
  for (const folder of ['emulator', 'emulator/svm', 'lib/device']) {
    for (const [index, [source, rule]] of sources.entries()) {
      files[`${folder}/${index}.ts`] = `${source}\n`;
      expected[`${folder}/${index}.ts`] = folder === 'lib/device' ? [] : [rule];
    }
  }
  expect(await lint(files)).toEqual(expected);
});

it('forbids any, cycles and long files', async () => {
  const line = 'void 0;\n';
  expect(
    await lint({
      'lib/device/any.ts': 'export const x: any = 1;\n',
      'test/any.test.ts': 'export const x: any = 1;\n',
      'lib/device/a.ts': `import { b } from './b.ts';\nexport const a = () => b;\n`,
      'lib/device/b.ts': `import { a } from './a.ts';\nexport const b = () => a;\n`,
      'lib/device/full.ts': `/* why */\n\n${line.repeat(300)}`,
      'lib/device/long.ts': line.repeat(301),
      'lib/inspect/page/long.tsx': line.repeat(301),
      'emulator/mm/long.ts': line.repeat(301),
      'emulator/mm/long.test.ts': line.repeat(301),
      'test/long.test.ts': line.repeat(301),
    }),
  ).toEqual({
    'lib/device/any.ts': ['no-explicit-any'],
    'test/any.test.ts': ['no-explicit-any'],
    'lib/device/a.ts': ['no-cycle'],
    'lib/device/b.ts': ['no-cycle'],
    'lib/device/full.ts': [],
    'lib/device/long.ts': ['max-lines'],
    'lib/inspect/page/long.tsx': ['max-lines'],
    'emulator/mm/long.ts': ['max-lines'],
    'emulator/mm/long.test.ts': ['max-lines'],
    'test/long.test.ts': [],
  });
});

it('lets a test import from everywhere', async () => {
  const test = `import 'node:fs';\nimport '../svm/x.ts';\nexport const x = Date.now();\n`;
  expect(await lint({ 'emulator/kernel/a.test.ts': test, 'lib/uapi/a.test.ts': test })).toEqual({
    'emulator/kernel/a.test.ts': [],
    'lib/uapi/a.test.ts': [],
  });
});

it('asks where a module lies in one place: what is bundled lies elsewhere than its source', () => {
  const asking = filesBelow(path.join(root, 'lib'))
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
    .filter((name) => fs.readFileSync(path.join(root, 'lib', name), 'utf8').includes('import.meta.'));
  expect(asking.sort()).toEqual(['backend/ffi-library.ts', 'backend/package-root.ts']);
});
