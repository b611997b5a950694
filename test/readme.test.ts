/** The README's example runs as printed and prints what it says. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '..');
const readme = readFileSync(join(root, 'README.md'), 'utf8');
const folder = mkdtempSync(join(tmpdir(), 'amdgpu-svm-readme-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function block(marker: string): string {
  const match = new RegExp(`<!-- ${marker} -->\n\`\`\`\\w*\n([\\s\\S]*?)\`\`\``).exec(readme);
  if (match === null) throw new Error(`README.md has no block "${marker}"`);
  return match[1]!;
}

describe('README.md', () => {
  it('says at its top what the package is and how to install it', () => {
    expect(readme.split('\n').slice(0, 7).join('\n')).toMatch(/SVM[\s\S]*npm install amdgpu-svm/);
  });

  it('has the two commands for people who develop it', () => {
    expect(readme).toMatch(/## Developing\s+```sh\nnpm run demo .*\nnpm test .*\n```/);
  });

  it('has an example of ten lines that prints what is written below it', () => {
    const example = block('example: first');
    expect(example.split('\n').filter((line) => line.trim() !== '').length).toBeLessThanOrEqual(10);
    mkdirSync(join(folder, 'node_modules'));
    symlinkSync(root, join(folder, 'node_modules/amdgpu-svm'));
    writeFileSync(join(folder, 'example.mjs'), example);
    const { status, stdout, stderr } = spawnSync(process.execPath, ['example.mjs'], { cwd: folder, encoding: 'utf8' });
    expect(stderr).toBe('');
    expect(stdout).toBe(block('output: first'));
    expect(status).toBe(0);
  });

  it('links to files that exist', () => {
    const links = [...readme.matchAll(/\]\(([^)#:]+)\)/g)].map(([, target]) => target!);
    expect(links.length).toBeGreaterThan(4);
    for (const target of links) expect(existsSync(join(root, target)), target).toBe(true);
  });
});
