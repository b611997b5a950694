/**
 * docs/findings/catalogue.md: which entries of the catalogue the race explorer finds on which revision, and why not the
 * others. UPDATE_DOCS=1 writes it.
 */
import fs from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { holdsIn, QUIRK_CATALOGUE } from '../emulator/index.ts';
import { REVISION_NAMES } from '../lib/uapi/profile.ts';
import type { RevisionName } from '../lib/uapi/profile.ts';
import { findEntry, REASONS } from './support/catalogue-programs.ts';
import type { Reason } from './support/catalogue-programs.ts';
import { markdownTable } from './support/generated-docs.ts';
import { root } from './support/package-support.ts';

const read = (name: string): string => fs.readFileSync(path.join(root, 'docs', name), 'utf8');
const races = new Set(
  read('findings/programs.jsonl')
    .trim()
    .split('\n')
    .map((line) => {
      const { revision, id } = JSON.parse(line) as { revision: string; id: string };
      return `${revision} ${id}`;
    }),
);

type Outcome = 'race' | 'order' | Reason | 'absent' | undefined;

/** What becomes of an entry on a revision; undefined: it should have been found. */
function outcome(id: string, revision: RevisionName): Outcome {
  if (!holdsIn(QUIRK_CATALOGUE[id]!, revision)) return 'absent';
  // Those are explored by test/findings-doc.test.ts.
  if (races.has(`${revision} ${id}`)) return 'race';
  const found = findEntry(id, revision);
  if (typeof found !== 'object') return found;
  return found.preemptions > 0 ? 'race' : 'order';
}

const order = ['corruption', 'violation', 'notice'];
const ids = Object.keys(QUIRK_CATALOGUE).sort((one, other) => {
  const [left, right] = [QUIRK_CATALOGUE[one]!, QUIRK_CATALOGUE[other]!];
  return order.indexOf(left.severity) - order.indexOf(right.severity) || one.localeCompare(other, 'en');
});
const outcomes = new Map(
  ids.map((id) => [id, Object.fromEntries(REVISION_NAMES.map((revision) => [revision, outcome(id, revision)]))]),
);

/** Names in docs/spec of what the sanitizer builds of the real code found. */
function sanitizerFindings(): string[] {
  const v7 = read('spec/findings-v7.md');
  const section = (letter: string): string => new RegExp(`^## ${letter}\\.[^]*?(?=^## |$(?![^]))`, 'm').exec(v7)![0];
  const numbers = (text: string): string[] => [...text.matchAll(/^(\d+)\. /gm)].map(([, number]) => number!);
  return [
    ...numbers(section('B')).map((number) => `V7-B${number}`),
    ...numbers(section('C')).map((number) => `X-C${number}`),
    // The fourth says which of V7 hold here, too.
    ...numbers(section('D'))
      .filter((number) => number !== '4')
      .map((number) => `X-D${number}`),
    ...[...read('spec/findings-v8.md').matchAll(/^D(\d+)\. /gm)].map(([, number]) => `V8-D${number}`),
  ];
}

it('finds all that is no notice, or says why not', () => {
  for (const [id, byRevision] of outcomes)
    for (const [revision, found] of Object.entries(byRevision)) expect(found, `${id}, ${revision}`).toBeDefined();
});

it('finds what the sanitizer builds of the real code found, but for what cannot happen', () => {
  const names = sanitizerFindings();
  expect(names).toEqual(expect.arrayContaining(['V7-B1', 'V7-B7', 'X-C11', 'X-D3', 'V8-D1', 'V8-D13']));
  const missing = names.flatMap((name) => {
    const [id] = ids.filter((each) => each === name || QUIRK_CATALOGUE[each]!.alsoKnown?.includes(name));
    expect(id, name).toBeDefined();
    const revision = name.startsWith('V7') ? 'v7' : name.startsWith('X') ? 'v7-xnack-off' : 'v8';
    const found = outcomes.get(id!)![revision];
    return found === 'race' || found === 'order' ? [] : [[name, found]];
  });
  expect(missing).toEqual([['V8-D13', 'unobservable']]);
});

it('is what docs/findings/catalogue.md says', () => {
  const cell = (id: string, revision: RevisionName): string => {
    const found = outcomes.get(id)![revision];
    if (found === 'absent') return '-';
    return found === 'race' && races.has(`${revision} ${id}`) ? `[race](${revision}.md#${id.toLowerCase()})` : found!;
  };
  const rows = ids.map((id) => {
    const { title, alsoKnown = [], severity } = QUIRK_CATALOGUE[id]!;
    return [id, alsoKnown.join(', '), title, severity, ...REVISION_NAMES.map((revision) => cell(id, revision))];
  });
  const text = `# The catalogue, and what the race explorer finds of it

Each entry of the [catalogue](../hazards.md), the worst first, by revision. The programs are those of the [races](README.md), and the traces of \`amdgpu-svm hazards --trace ID\` made into
programs: what another thread does there becomes a thread, and the explorer has to find where it comes in. The second column has the names of \`docs/spec/findings-v7.md\` and \`findings-v8.md\`,
which tell what sanitizer builds of the real code found. Made by \`test/findings-catalogue.test.ts\`.

* \`race\`: a schedule with a preemption shows it; with a link, on the smallest program that is known.
* \`order\`: an order of whole operations does.
* \`-\`: the revision does not have it.
${Object.entries(REASONS)
  .map(([name, reason]) => `* \`${name}\`: ${reason}.`)
  .join('\n')}

${markdownTable([['id', 'also', '', 'severity', ...REVISION_NAMES], ...rows])}
`;
  const file = path.join(root, 'docs/findings/catalogue.md');
  if (process.env['UPDATE_DOCS'] === '1') fs.writeFileSync(file, text);
  else expect(fs.readFileSync(file, 'utf8'), 'run this test with UPDATE_DOCS=1').toBe(text);
});
