/** docs/environment.md lists the variables that the code reads, and no others. */
import fs from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { filesBelow, root } from './support/package-support.ts';

const page = fs.readFileSync(path.join(root, 'docs/environment.md'), 'utf8');

function documented(heading: string): string[] {
  const section = page.slice(page.indexOf(`## ${heading}`)).split('\n## ')[0]!;
  const cells = [...section.matchAll(/^\| (`.*?`) \|/gm)].map(([, cell]) => cell!);
  return cells.flatMap((cell) => [...cell.matchAll(/`(\w+)`/g)].map(([, name]) => name!)).sort();
}

function sources(folders: readonly string[], tests: boolean): string[] {
  return folders.flatMap((folder) =>
    filesBelow(path.join(root, folder))
      .filter((file) => /\.(ts|tsx|mjs)$/.test(file) && (tests || !file.endsWith('.test.ts')))
      .map((file) => fs.readFileSync(path.join(root, folder, file), 'utf8')),
  );
}

const unique = (names: readonly string[]): string[] => [...new Set(names)].sort();
const texts = sources(['lib', 'emulator'], false);
/** Those that are read by name, wherever the environment comes from. */
const read = unique(
  texts.flatMap((text) => [
    ...Array.from(text.matchAll(/process\.env(?:\[['"]|\.)(\w+)/g), ([, name]) => name!),
    ...Array.from(text.matchAll(/\{ (\w+)[^}]* \} = process\.env/g), ([, name]) => name!),
    ...Array.from(text.matchAll(/['"](AMDGPU_SVM_[A-Z_]+|HSA_XNACK|ROC_[A-Z_]+)['"]/g), ([, name]) => name!),
  ]),
);

it('lists the variables of the library', () => {
  expect(documented('Of the library')).toEqual(read.filter((name) => name.startsWith('AMDGPU_SVM_')));
});

it('lists the variables of the command line', () => {
  expect(documented('Of the command line')).toEqual(read.filter((name) => !name.startsWith('AMDGPU_SVM_')));
});

it('lists variables of the tests that something reads', () => {
  const everything = sources(['test', 'scripts', 'lib', 'emulator'], true).join('\n');
  const names = documented('Of the tests of this repository');
  expect(names.length).toBeGreaterThan(4);
  for (const name of names) expect(everything, name).toMatch(new RegExp(`env(\\[['"]|\\.)${name}|\\{[^}]*${name}`));
});
