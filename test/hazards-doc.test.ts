/** docs/hazards.md has the catalogue as it is, and how each entry is known. */
import { expect, it } from 'vitest';
import { evidenceOf, holdsIn, QUIRK_CATALOGUE, QUIRKS, UNOBSERVABLE } from '../emulator/index.ts';
import { REVISION_NAMES } from '../lib/uapi/profile.ts';
import { expectGenerated, markdownTable } from './support/generated-docs.ts';

const LETTERS = { recorded: 'R', run: 'S', reading: 'T' } as const;

it('lists the entries with the revisions that have them', () => {
  const rows = Object.entries(QUIRK_CATALOGUE).map(([id, quirk]) => [
    [id, ...(quirk.alsoKnown ?? [])].join(', '),
    quirk.title,
    ...REVISION_NAMES.map((name) => (holdsIn(quirk, name) ? LETTERS[evidenceOf(id, name)] : '')),
    quirk.invariants.join(' ') || '-',
    quirk.severity,
  ]);
  const head = ['id', '', 'v4', 'v7', 'off', 'v8', 'invariants', 'severity'];
  expect(head).toHaveLength(4 + REVISION_NAMES.length);
  expectGenerated('hazards.md', 'entries', markdownTable([head, ...rows]));
});

it('lists what the monitor reports besides', () => {
  const others = Object.entries(QUIRKS).filter(([id]) => !(id in QUIRK_CATALOGUE));
  const rows = others.map(([id, { title, invariants, severity }]) => [id, title, invariants.join(' '), severity]);
  expectGenerated('hazards.md', 'besides', markdownTable([['', '', 'invariants', 'severity'], ...rows]));
});

it('lists what cannot be shown, with one reason once', () => {
  const ids = new Map<string, string[]>();
  const add = (id: string, reason: string): void => void ids.set(reason, [...(ids.get(reason) ?? []), id]);
  for (const [id, reason] of Object.entries(UNOBSERVABLE)) add(id, reason);
  const lines = [...ids].map(([reason, of]) => `* ${of.join(', ')}: ${reason}.`);
  expectGenerated('hazards.md', 'hidden', lines.join('\n'));
});
