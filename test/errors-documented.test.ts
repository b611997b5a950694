/** docs/errors.md names each code that the package throws, and no other. */
import fs from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { filesBelow, root } from './support/package-support.ts';

function codesIn(file: string): string[] {
  return fs.readFileSync(file, 'utf8').match(/\bERR_SVM_[A-Z_]*[A-Z]\b/g) ?? [];
}

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
