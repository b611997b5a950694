/**
 * docs/findings: the races of each revision, each by the smallest program that is known to show it. The programs are
 * explored again, and the texts compared; UPDATE_DOCS=1 writes them, UPDATE_DOCS=search looks for programs first.
 */
import fs from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { holdsIn, QUIRK_CATALOGUE } from '../emulator/index.ts';
import { explore, parseProgram } from '../lib/explore/index.ts';
import type { Finding, ProgramSource } from '../lib/explore/index.ts';
import { REVISION_NAMES, UAPI_PROFILES } from '../lib/uapi/profile.ts';
import type { RevisionName } from '../lib/uapi/profile.ts';
import { searchRaces } from './support/findings-search.ts';
import { markdownTable } from './support/generated-docs.ts';
import { root } from './support/package-support.ts';

const folder = path.join(root, 'docs/findings');
const searches = process.env['UPDATE_DOCS'] === 'search';
const updates = searches || process.env['UPDATE_DOCS'] === '1';

/** One line of the list: a program in which the finding of that id shows. */
interface Listed extends ProgramSource {
  readonly revision: RevisionName;
  readonly id: string;
  readonly preemptions?: number;
}

const programOf = ({ revision: _revision, id: _id, ...program }: Listed): ProgramSource & { preemptions?: number } =>
  program;
const read = (name: string): string => fs.readFileSync(path.join(folder, name), 'utf8');
const known = read('programs.jsonl')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as Listed);
const listed: readonly Listed[] = searches
  ? REVISION_NAMES.flatMap((revision) => {
      const own = known.filter((each) => each.revision === revision).map(programOf);
      return Object.entries(searchRaces(revision, own)).map(([id, program]) => ({ revision, id, ...program }));
    })
  : known;

function expectFile(name: string, text: string): void {
  if (updates) fs.writeFileSync(path.join(folder, name), text);
  else expect(read(name), `docs/findings/${name}: run this test with UPDATE_DOCS=1`).toBe(text);
}

function findingOf({ revision: _revision, id, preemptions = 2, ...source }: Listed): Finding {
  const { findings } = explore(parseProgram(id, source), { preemptions, until: (finding) => finding.id === id });
  return findings.find((each) => each.id === id)!;
}

const found = Object.fromEntries(
  REVISION_NAMES.map((name) => [
    name,
    listed
      .filter(({ revision }) => revision === name)
      .map(findingOf)
      .sort(worstFirst),
  ]),
) as Record<RevisionName, Finding[]>;

function worstFirst(one: Finding, other: Finding): number {
  const order = ['corruption', 'violation', 'notice'];
  return order.indexOf(one.severity) - order.indexOf(other.severity) || one.id.localeCompare(other.id, 'en');
}

const titleOf = (id: string): string => QUIRK_CATALOGUE[id]?.title ?? 'not in the catalogue';
const plural = (count: number): string =>
  count === 0 ? 'no preemption, an order of whole operations' : `${count} preemption${count === 1 ? '' : 's'}`;

function section({ id, severity, preemptions, detail, harm, story, trace }: Finding): string {
  return [
    `## ${id}`,
    '',
    `${titleOf(id)} (${severity}, ${plural(preemptions)}).`,
    ...(harm.length === 0 ? [] : ['', `Brings about: ${harm.join(', ')}.`]),
    '',
    ...story.slice(0, -1).map((line) => `${line.startsWith('  ') ? '  ' : ''}* ${line.trim()}`),
    '',
    `${detail.charAt(0).toUpperCase()}${detail.slice(1)}.`,
    '',
    '```json',
    ...trace,
    '```',
  ].join('\n');
}

it('keeps the programs', () => {
  expectFile('programs.jsonl', listed.map((each) => `${JSON.stringify(each)}\n`).join(''));
});

it.each(REVISION_NAMES)('lists the races of %s with the smallest trace of each', (revision) => {
  const head = [
    `# Races of ${revision}`,
    '',
    `${UAPI_PROFILES[revision].source}. The worst first; made from [programs.jsonl](programs.jsonl) by \`test/findings-doc.test.ts\`.`,
    'Each trace runs with `amdgpu-svm replay --hazards`, and `amdgpu-svm inspect` shows it.',
  ];
  expectFile(`${revision}.md`, `${[head.join('\n'), ...found[revision].map(section)].join('\n\n')}\n`);
});

it('says which revision has, repaired and brought which race', () => {
  const ids = [
    ...new Set(
      REVISION_NAMES.flatMap((name) => found[name])
        .sort(worstFirst)
        .map(({ id }) => id),
    ),
  ];
  const cell = (id: string, revision: RevisionName): string => {
    const finding = found[revision].find((each) => each.id === id);
    if (finding !== undefined) return `[${finding.preemptions}](${revision}.md#${id.toLowerCase()})`;
    const quirk = QUIRK_CATALOGUE[id];
    return quirk === undefined || holdsIn(quirk, revision) ? '' : '-';
  };
  const rows = ids.map((id) => [
    id,
    titleOf(id),
    REVISION_NAMES.flatMap((name) => found[name]).find((each) => each.id === id)!.severity,
    ...REVISION_NAMES.map((name) => cell(id, name)),
  ]);
  const only = (name: RevisionName, not: RevisionName): string =>
    ids
      .filter((id) => found[name].some((each) => each.id === id) && !found[not].some((each) => each.id === id))
      .join(', ') || 'none';
  expectFile(
    'README.md',
    `# What the race explorer finds

Each race that [\`amdgpu-svm explore\`](../explore.md) has found, by revision of the driver: the smallest program, the shortest schedule, and its trace. A number is that of
the preemptions it takes (0: an order of whole operations), with a link to the trace; \`-\`: the revision does not have the defect ([hazards](../hazards.md)); nothing: no program that was run shows it there as a race.
The programs were found by \`UPDATE_DOCS=search npx vitest run test/findings-doc.test.ts\`; without the variable the test explores them again and compares.

${markdownTable([['id', '', 'severity', ...REVISION_NAMES], ...rows])}

* Found in V4 and not in V7: ${only('v4', 'v7')}.
* Found in V7 and not in V4: ${only('v7', 'v4')}.
* Found with XNACK off and not in V7: ${only('v7-xnack-off', 'v7')}.
* Found in V7 and not in PATCH v8: ${only('v7', 'v8')}.
* Found in PATCH v8 and not in V7: ${only('v8', 'v7')}.
`,
  );
});
