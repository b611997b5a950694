/** `amdgpu-svm/emulator` has to run where there is no Node: nothing of it may reach for the host. */
import fs from 'node:fs';
import path from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { temporaryFolder } from './support/after-file.ts';
import { ensureDist, root, runNode, writeFiles } from './support/package-support.ts';

const dist = path.join(root, 'dist');

/** Text of a source or of a file of dist/ without comments, so that prose may mention what code may not. */
function codeOf(file: string): string {
  const folder = /(?<!\.d)\.ts$/.test(file) ? root : dist;
  return fs.readFileSync(path.join(folder, file), 'utf8').replace(/\/\*[^]*?\*\/|(?<![:'"`])\/\/.*$/gm, '');
}

/** What a file imports, statically or not. */
function specifiersOf(file: string): string[] {
  // A sentence may say: from 'here' to 'there'.
  const imported =
    /(?:^(?:import|export|\}) ?[^'"`;=]*?\bfrom|^import|\bimport\s*\(|\brequire\s*\()\s*(['"`])(.*?)\1/gm;
  return [...codeOf(file).matchAll(imported)].map((match) => match[2]!);
}

/** Files that can be reached from one of them. */
function reachableFrom(entry: string, extension: string): Map<string, string[]> {
  const imports = new Map<string, string[]>();
  const visit = (file: string): void => {
    if (imports.has(file)) return;
    imports.set(file, specifiersOf(file));
    for (const specifier of imports.get(file)!) {
      if (specifier.startsWith('.'))
        visit(path.posix.join(path.posix.dirname(file), specifier).replace(/\.[jt]s$/, extension));
    }
  };
  visit(entry);
  return imports;
}

beforeAll(ensureDist);

it.each([
  ['.ts', /^(emulator|lib\/uapi)\//],
  // All declarations of the emulator are in one file, and what other entries share with it in another.
  ['.d.ts', /^(emulator|types)\//],
] as const)('reaches only files of the emulator and the user ABI (%s)', (extension, own) => {
  const graph = reachableFrom(`emulator/index${extension}`, extension);
  expect(graph.size).toBeGreaterThan(extension === '.ts' ? 10 : 1);
  for (const [file, specifiers] of graph) {
    expect(file).toMatch(own);
    expect(
      specifiers.filter((specifier) => !specifier.startsWith('.')),
      file,
    ).toEqual([]);
  }
});

it('is bundled without anything that is imported from elsewhere', () => {
  for (const [file, specifiers] of reachableFrom('esm/emulator/index.js', '.js'))
    expect(
      specifiers.filter((specifier) => !specifier.startsWith('.')),
      file,
    ).toEqual([]);
});

it('names neither Buffer nor globalThis nor node: modules, in no file of the emulator', () => {
  // `process` is a word of the model (the process whose memory is mirrored): that no file means
  // Node's is held by lint and by compiling the emulator without Node's types.
  const declarations = [...reachableFrom('emulator/index.d.ts', '.d.ts').keys()];
  for (const file of [...declarations, ...reachableFrom('esm/emulator/index.js', '.js').keys()]) {
    expect(codeOf(file).match(/\bBuffer\b|\bglobalThis\b|['"`]node:/g), file).toBeNull();
    expect(codeOf(file), file).not.toContain('types="node"');
  }
});

it('runs in a realm that has the language and nothing else', async () => {
  const folder = temporaryFolder();
  writeFiles(folder, {
    'realm.mjs': `
      import fs from 'node:fs';
      import path from 'node:path';
      import vm from 'node:vm';
      const context = vm.createContext({});
      const modules = new Map();
      function load(file) {
        if (!modules.has(file)) modules.set(file, new vm.SourceTextModule(fs.readFileSync(file, 'utf8'), { context, identifier: file }));
        return modules.get(file);
      }
      const entry = load(process.argv[2]);
      await entry.link((specifier, from) => {
        if (!specifier.startsWith('.')) throw new Error(from.identifier + ' imports ' + specifier);
        return load(path.resolve(path.dirname(from.identifier), specifier));
      });
      await entry.evaluate();
      const machine = new entry.namespace.EmulatedMachine({});
      console.log(machine.devices.length);
    `,
  });
  const args = [
    '--experimental-vm-modules',
    '--no-warnings',
    path.join(folder, 'realm.mjs'),
    path.join(dist, 'esm/emulator/index.js'),
  ];
  expect(await runNode(args)).toMatchObject({ code: 0, stdout: '1\n', stderr: '' });
});
