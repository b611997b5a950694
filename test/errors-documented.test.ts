/** Every error that the package throws has a code, and docs/errors.md names each, and no other. */
import fs from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { filesBelow, root } from './support/package-support.ts';

function codesIn(file: string): string[] {
  return fs.readFileSync(file, 'utf8').match(/\bERR_SVM_[A-Z_]*[A-Z]\b/g) ?? [];
}

const sourceFiles = ['lib', 'emulator'].flatMap((folder) =>
  filesBelow(path.join(root, folder))
    .filter((file) => /\.tsx?$/.test(file) && !file.endsWith('.test.ts'))
    .map((file) => path.join(root, folder, file)),
);

it('gives every error a code', () => {
  const without = sourceFiles.flatMap((file) => {
    const text = fs.readFileSync(file, 'utf8');
    // A bare error is made only to get its code at once, by `Object.assign`.
    const bare = [...text.matchAll(/new (?:Type|Range|Syntax)?Error\(/g)].filter(
      ({ index }) => !/Object\.assign\(\s*$/.test(text.slice(0, index)),
    );
    const classes = [...text.matchAll(/class (\w+) extends (?:Type|Range)?Error \{([\s\S]*?)\n\}/g)].filter(
      ([, , body]) => !/^ {2}readonly code\b/m.test(body!),
    );
    const line = (index: number): string => `${path.relative(root, file)}:${text.slice(0, index).split('\n').length}`;
    return [...bare, ...classes].map(({ index }) => line(index));
  });
  expect(without).toEqual([]);
});

it('documents every code of an error', () => {
  const sources = ['lib', 'emulator', 'native'].flatMap((folder) =>
    filesBelow(path.join(root, folder))
      .filter((file) => /\.(ts|tsx|cpp|h)$/.test(file) && !/\.test\.ts$|(^|\/)(build|test)\//.test(file))
      .map((file) => path.join(root, folder, file)),
  );
  const thrown = [...new Set(sources.flatMap(codesIn))].sort();
  expect(thrown.length).toBeGreaterThan(30);
  expect([...new Set(codesIn(path.join(root, 'docs/errors.md')))].sort()).toEqual(thrown);
});
