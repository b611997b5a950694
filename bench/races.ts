/** How long the race explorer takes to find each race of V4, in random programs. */
import { holdsIn, QUIRK_CATALOGUE } from '../emulator/index.ts';
import { explore, generateProgram, isRace, parseProgram } from '../lib/explore/index.ts';
import { WITHOUT_TRACE } from '../lib/trace/hazards/index.ts';
import { now } from './clock.ts';
import type { Measurement } from './measurement.ts';

/** Seconds for all, on two cores. */
const MOST = 2 * 60;
const MOST_PROGRAMS = 10_000;
const OPTIONS = { preemptions: 3, schedules: 2000 } as const;

/** A row for each race, in the order in which they are found. */
export function measureRaces(): Measurement[] {
  const wanted = new Set(
    Object.entries(QUIRK_CATALOGUE)
      .filter(([, { kind }]) => kind.includes('R'))
      .filter(([id, quirk]) => holdsIn(quirk, 'v4') && quirk.unobservable === undefined && !(id in WITHOUT_TRACE))
      .map(([id]) => id),
  );
  const rows: Measurement[] = [];
  const begin = now();
  let [schedules, index] = [0, 0];
  for (; wanted.size > 0 && index < MOST_PROGRAMS; index++) {
    const result = explore(parseProgram('generated', generateProgram('v4', 1, index)), OPTIONS);
    schedules += result.schedules + result.merged + result.blocked;
    for (const finding of result.findings) {
      if (!isRace(finding) || !wanted.delete(finding.id)) continue;
      const seconds = (now() - begin) / 1000;
      const isLast = wanted.size === 0;
      rows.push({
        name: `${finding.id} after ${index + 1} programs, ${schedules} schedules`,
        unit: 's',
        median: seconds,
        best: seconds,
        target: isLast ? { kind: 'limit', value: MOST } : undefined,
      });
    }
  }
  if (wanted.size > 0) throw new Error(`no program of ${MOST_PROGRAMS} shows ${[...wanted].join(', ')}`);
  return rows;
}
