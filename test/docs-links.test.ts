/** Every page is linked from docs/README.md, and no link of a page leads nowhere. */
import fs from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { root } from './support/package-support.ts';
import { documents } from './support/snippets.ts';

const pages = [...documents(), 'docs/spec/README.md', 'docs/findings/README.md', 'CHANGELOG.md'];

function headings(file: string): Set<string> {
  const found = new Set<string>();
  for (const [, heading] of fs.readFileSync(file, 'utf8').matchAll(/^#+ (.*)$/gm)) {
    // As GitHub makes them: letters, digits, hyphens and underscores stay, blanks become hyphens.
    const plain = heading!.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase();
    found.add(plain.replace(/[^\p{L}\p{N}\s_-]/gu, '').replaceAll(' ', '-'));
  }
  return found;
}

function linksOf(page: string): { target: string; anchor: string | undefined }[] {
  const text = fs.readFileSync(path.join(root, page), 'utf8').replace(/```[\s\S]*?```/g, '');
  return [...text.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, link]) => link!)
    .filter((link) => !/^[a-z]+:/.test(link))
    .map((link) => {
      const [file = '', anchor] = link.split('#');
      return { target: file === '' ? path.join(root, page) : path.join(root, path.dirname(page), file), anchor };
    });
}

it('lead to files and headings that exist', () => {
  const broken = pages.flatMap((page) =>
    linksOf(page)
      .filter(({ target, anchor }) => {
        if (!fs.existsSync(target)) return true;
        return (
          anchor !== undefined &&
          !headings(target).has(anchor) &&
          !fs.readFileSync(target, 'utf8').includes(`id="${anchor}"`)
        );
      })
      .map(({ target, anchor }) => `${page}: ${path.relative(root, target)}#${anchor ?? ''}`),
  );
  expect(broken).toEqual([]);
});

it('are complete in docs/README.md', () => {
  const linked = new Set(linksOf('docs/README.md').map(({ target }) => path.relative(root, target)));
  expect(pages.filter((page) => page !== 'docs/README.md' && !linked.has(page))).toEqual([]);
});
