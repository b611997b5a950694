/** A hazard counts as seen in the real code of a revision where a recording of it replays identically and the monitor names the hazard. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { holdsIn, QUIRK_CATALOGUE } from '../emulator/index.ts';
import { RECORDED } from '../emulator/hazards/evidence.ts';
import { readTraceFile } from '../lib/trace/format/read-trace.ts';
import { replayTrace } from '../lib/trace/replay/replay.ts';

const FOLDERS = { v4: 'vectors', v7: 'vectors-v7', 'v7-xnack-off': 'vectors-xnack-off', v8: 'vectors-v8' } as const;

it.each(Object.keys(FOLDERS) as (keyof typeof FOLDERS)[])(
  'the recordings of %s show the hazards that count as recorded',
  (revision) => {
    const folder = join(import.meta.dirname, FOLDERS[revision]);
    const seen = new Set<string>();
    for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
      if (!/\.jsonl(\.gz)?$/.test(name)) continue;
      const lines = readTraceFile(join(folder, name));
      const { difference } = replayTrace(lines, { check: true, onHazard: ({ quirk }) => seen.add(quirk) });
      expect(difference, name).toBeUndefined();
    }
    expect(RECORDED[revision].filter((id) => !seen.has(id))).toEqual([]);
  },
  300_000,
);

it('counts nothing as recorded that a revision does not have', () => {
  for (const [revision, ids] of Object.entries(RECORDED))
    for (const id of ids) expect(holdsIn(QUIRK_CATALOGUE[id]!, revision as keyof typeof RECORDED), id).toBe(true);
});
