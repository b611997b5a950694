/** Every citation of the specification in the sources leads to a section of docs/spec. */
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

const root = path.join(import.meta.dirname, '..');
const folders = ['lib', 'emulator', 'native', 'test', 'scripts', 'bench', 'examples', 'docs'];
const isSource = /\.(ts|tsx|mjs|c|cpp|h|md)$/;

/** `spec/NAME`, and the sections that follow it: `§A.6`, `§4.1, §4.2`, `§4 and §5`, `§5 step 4`. */
const citation =
  /\bspec\/([a-z0-9-]+)((?:[\s*/]*(?:,|and|to|-|step \d+|rule \d+|check \d+)?[\s*/]*§[A-Za-z]?[\d.]*\d[a-z]?)*)/g;
/** What is no citation of the specification in its one form. */
const otherForms = [
  /(?<![\w/])(?:spec )?0[1-7](?:-[a-z-]+)?(?:\.md)? ?§/,
  /(?<!spec\/)\btrace.format(?:\.md)?,? (?:§|section )/i,
  /(?<!\/)\b(?:hsa|hip|peer-tests|kfd-queue|revisions|migration|xnack-off)(?:\.md)?,? (?:section |§ ?)\d/,
  /\bdesign(?:\.md)? ?§/,
];

function sources(): string[] {
  const files = folders.flatMap((folder) =>
    fs.readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' }).map((name) => `${folder}/${name}`),
  );
  return files.filter(
    (file) => isSource.test(file) && !/\/(node_modules|build)\//.test(file) && !file.startsWith('test/spec-citations'),
  );
}

/**
 * What can be cited of one text: the numbers of its headings (`4.1` of `### 4.1 Validation`, `A.7` of `## A.7 Choosing`,
 * `Q35` of `### Q35 Stale`), and its numbered findings (`D5.`, or `3.` below `## B.`).
 */
function citable(name: string): Set<string> {
  const found = new Set<string>();
  let letter = '';
  for (const line of fs.readFileSync(path.join(root, 'docs/spec', `${name}.md`), 'utf8').split('\n')) {
    const heading = /^#+ (?:Part )?([A-Z]?\.?[\d.]*\d[a-z]?|[A-Z])(?=[\s.])/.exec(line)?.[1];
    if (heading !== undefined) found.add(heading);
    if (line.startsWith('#')) letter = /^[A-Z]$/.test(heading ?? '') ? heading! : '';
    const finding = /^([A-Z]?\d+)\. /.exec(line)?.[1];
    if (finding !== undefined) found.add(letter === '' ? finding : letter + finding);
  }
  return found;
}

describe('citations of the specification', () => {
  const names = fs.readdirSync(path.join(root, 'docs/spec')).map((file) => file.replace(/\.md$/, ''));
  const numbers = new Map(names.map((name) => [name, citable(name)]));
  const files = sources();

  it('lead to a section that exists', () => {
    const lost: string[] = [];
    let found = 0;
    for (const file of files) {
      for (const [, name, sections] of fs.readFileSync(path.join(root, file), 'utf8').matchAll(citation)) {
        found++;
        const known = numbers.get(name!);
        if (known === undefined) {
          lost.push(`${file}: docs/spec has no ${name!}.md`);
          continue;
        }
        for (const [, section] of sections!.matchAll(/§([A-Za-z]?[\d.]*\d[a-z]?)/g)) {
          if (!known.has(section!)) lost.push(`${file}: spec/${name!} has no §${section!}`);
        }
      }
    }
    expect(lost).toEqual([]);
    expect(found).toBeGreaterThan(500);
  });

  it('have one form', () => {
    const wrong = files.flatMap((file) =>
      fs
        .readFileSync(path.join(root, file), 'utf8')
        .split('\n')
        .flatMap((line, index) =>
          otherForms.some((form) => form.test(line)) ? [`${file}:${index + 1}: ${line.trim()}`] : [],
        ),
    );
    expect(wrong).toEqual([]);
  });
});
