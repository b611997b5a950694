/** Where the package lies. */
import { readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

/** The folder `start` or above it that holds the package.json of `amdgpu-svm`: sources and dist/ lie at different depths. */
export function packageRoot(start: string): string | undefined {
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
