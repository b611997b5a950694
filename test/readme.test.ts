/** The README says first what a newcomer asks first, and its numbers and links hold. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { expectGenerated, markdownTable } from './support/generated-docs.ts';

const root = join(import.meta.dirname, '..');
const readme = readFileSync(join(root, 'README.md'), 'utf8');

function block(marker: string): string {
  const match = new RegExp(`<!-- ${marker} -->\n\`\`\`\\w*\n([\\s\\S]*?)\`\`\``).exec(readme);
  if (match === null) throw new Error(`README.md has no block "${marker}"`);
  return match[1]!;
}

describe('README.md', () => {
  it('says at its top what the package is and how to install it', () => {
    expect(readme.split('\n').slice(0, 9).join('\n')).toMatch(/SVM[\s\S]*It is for [\s\S]*npm install amdgpu-svm/);
  });

  it('has the two commands for people who develop it', () => {
    expect(readme).toMatch(/## Developing\s+```sh\nnpm run demo .*\nnpm test .*\n```/);
  });

  it('has its parts in the order in which a newcomer asks', () => {
    const heads = [...readme.matchAll(/^## (.*)$/gm)].map(([, head]) => head);
    expect(heads.slice(0, 2)).toEqual(['Ten lines', 'What works where']);
    expect(heads).toContain('Other tools');
    expect(heads.slice(-2)).toEqual(['Developing', 'Documentation']);
    expect(readme.indexOf('![')).toBeLessThan(readme.indexOf('## What works where'));
  });

  // test/docs-snippets.test.ts runs it.
  it('has an example of at most ten lines, with what it prints', () => {
    const example = block('example: first');
    expect(example.split('\n').filter((line) => line.trim() !== '').length).toBeLessThanOrEqual(10);
    expect(block('output: first')).not.toBe('');
  });

  it('says how many cases of the suite run where, as docs/conformance.md counts them', () => {
    const text = readFileSync(join(root, 'docs/conformance.md'), 'utf8');
    const cells = (line: string): string[] =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim());
    const table = text.slice(text.indexOf('| | V4 |')).split('\n\n')[0]!.split('\n').map(cells);
    const [revisions, , node, work, emulated] = table;
    const cases = (row: readonly string[] | undefined, column: number): string => row![column]!.split(' / ')[0]!;
    const rows = revisions!.slice(1).map((revision, index) => {
      const column = index + 1;
      return [revision, cases(emulated, column), cases(work, column), cases(node, column)];
    });
    const heads = ['revision', 'emulated', 'a node with GPU work', 'a node without GPU work'];
    expectGenerated('../README.md', 'cases', markdownTable([heads, ...rows]));
  });

  it('links to files that exist', () => {
    const links = [...readme.matchAll(/\]\(([^)#:]+)\)/g)].map(([, target]) => target!);
    expect(links.length).toBeGreaterThan(4);
    for (const target of links) expect(existsSync(join(root, target)), target).toBe(true);
  });
});
