/** docs/development.md leads to files that exist, in walks of at most ten stations. */
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

const root = path.join(import.meta.dirname, '..');
const text = fs.readFileSync(path.join(root, 'docs/development.md'), 'utf8');

describe('docs/development.md', () => {
  it('names files and folders that exist', () => {
    const paths = [
      ...text.matchAll(/`((?:lib|emulator|native|test|scripts|docs)\/[\w./-]+?(?:\.ts|\.mjs|\.md|\/))`/g),
    ].map((match) => match[1]!);
    expect(paths.length).toBeGreaterThan(40);
    expect(paths.filter((name) => !fs.existsSync(path.join(root, name)))).toEqual([]);
  });

  it('has three walks of at most ten stations, none twice', () => {
    const section = text.slice(text.indexOf('## Three walks'), text.indexOf('## How to add'));
    const walks = section.split(/^\*\*/m).slice(1);
    expect(walks.length).toBe(3);
    for (const walk of walks) {
      const stations = walk.split('\n').filter((line) => /^\d+\. /.test(line));
      expect(stations.length).toBeGreaterThan(5);
      expect(stations.length).toBeLessThanOrEqual(10);
      const files = stations.map((line) => /`([\w/.-]+\.ts)`/.exec(line)?.[1]).filter((name) => name !== undefined);
      expect(new Set(files).size).toBe(files.length);
    }
  });
});
