/** Where the package lies, and what in it is not a module of its own bundle: programs, the page, binaries. */
import { codedError } from '../uapi/errors.ts';
import { readFileSync } from 'node:fs';
import { dirname, extname, join, resolve } from 'node:path';

// In somebody else's bundle there may be no such place: then nothing of the package is found next to it.
const here: string | undefined = import.meta.dirname;
const self: string | undefined = import.meta.filename;

/** The folder `start` or above it that holds the package.json of `amdgpu-svm`: sources and dist/ lie at different depths. */
export function packageRoot(start: string | undefined = here): string | undefined {
  if (start === undefined) return undefined;
  for (let folder = resolve(start); ; folder = dirname(folder)) {
    try {
      const manifest: unknown = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
      if (typeof manifest === 'object' && manifest !== null && 'name' in manifest && manifest.name === 'amdgpu-svm') {
        return folder;
      }
    } catch {
      // No readable package.json here: go on upwards.
    }
    if (folder === dirname(folder)) return undefined;
  }
}

/** The version in the package.json of this package, 'unknown' where that is not found. */
export function packageVersion(): string {
  const root = packageRoot();
  if (root === undefined) return 'unknown';
  return (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }).version;
}

/**
 * The file of a module that is a program of its own, for another process or thread. `name`: its source without the
 * extension, from the root of the package. Throws an `Error` where the folder of the package is not found.
 */
export function programPath(name: string): string {
  const root = packageRoot();
  if (root === undefined || self === undefined)
    throw codedError(
      'ERR_SVM_NO_PACKAGE',
      `${name}: the folder of the package amdgpu-svm is not found; a bundle has to leave it external`,
    );
  return extname(self) === '.ts' ? join(root, `${name}.ts`) : join(root, 'dist', `${name}.js`);
}
