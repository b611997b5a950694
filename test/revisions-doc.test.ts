/** docs/revisions.md has the table of differences that `diff --profiles` explains with, and that the specification lists. */
import fs from 'node:fs';
import { expect, it } from 'vitest';
import { REVISION_NAMES } from '../lib/uapi/profile.ts';
import { REVISION_DIFFERENCES } from '../lib/words/revision-differences.ts';
import { expectGenerated, markdownTable } from './support/generated-docs.ts';

const DIFFERENCES = Object.values(REVISION_DIFFERENCES);

it('has each of the differences of the specification', () => {
  const spec = fs.readFileSync(new URL('../docs/spec/revisions.md', import.meta.url), 'utf8');
  const section = spec.split(/^## /m).find((each) => each.startsWith('7. What changed'))!;
  const listed = [...section.slice(section.indexOf('\n')).matchAll(/^(\d+)\. /gm)].map(([, number]) => Number(number));
  expect(listed).toHaveLength(22);
  const numbers = DIFFERENCES.map(({ number }) => number);
  expect([...new Set(numbers)]).toEqual(listed);
});

it('differs somewhere in each of them, in texts without section numbers', () => {
  for (const { behaviour, subject } of DIFFERENCES) {
    expect(new Set(Object.values(behaviour)).size, subject).toBeGreaterThan(1);
    expect(Object.keys(behaviour)).toEqual(REVISION_NAMES);
    for (const text of [subject, ...Object.values(behaviour)]) expect(text).not.toMatch(/§|spec\/|^$/);
  }
});

it('is shown as a table in docs/revisions.md', () => {
  const rows = DIFFERENCES.map((difference) => {
    const texts = REVISION_NAMES.map((name) => difference.behaviour[name]);
    const cells = texts.map((text, index) => (index > 0 && texts[index - 1] === text ? '=' : text));
    return [String(difference.number), difference.subject, ...cells];
  });
  expectGenerated('revisions.md', 'differences', markdownTable([['', 'what', ...REVISION_NAMES], ...rows]));
});
