/** Looks for the races of a revision, in the programs of the tests and in random programs. */
import { explore, exploreGenerated, isRace, parseProgram, shrinkProgram } from '../../lib/explore/index.ts';
import type { ProgramSource } from '../../lib/explore/index.ts';
import { UAPI_PROFILES } from '../../lib/uapi/profile.ts';
import type { RevisionName } from '../../lib/uapi/profile.ts';
import { MUTANT_PROGRAMS, RESET_PROGRAMS } from './explore-programs.ts';

type Sized = ProgramSource & { preemptions?: number };

const CHANCE = { programs: 500, seed: 1, preemptions: 2, schedules: 400 } as const;

function sizeOf({ setup = [], threads }: ProgramSource): number {
  return threads.flat().length * 100 + setup.length;
}

/** The smallest programs found, by finding; `known`: those of an earlier search. What only serial orders show is no race. */
export function searchRaces(profile: RevisionName, known: readonly Sized[]): Record<string, Sized> {
  const found = new Map<string, Sized>();
  const keep = (id: string, program: Sized): void => {
    const before = found.get(id);
    if (before === undefined || sizeOf(program) < sizeOf(before)) found.set(id, program);
  };
  const { runsWithoutRetryFaults } = UAPI_PROFILES[profile].behaviour;
  for (const { preemptions = 2, config = {}, ...rest } of Object.values<Sized>({
    ...MUTANT_PROGRAMS,
    ...RESET_PROGRAMS,
    ...known,
  })) {
    const isOff = config['xnackOff'] === true;
    // Memory that the revision does not have, or a mode.
    if ((config['vram'] !== undefined && profile !== 'v8') || (isOff && !runsWithoutRetryFaults)) continue;
    const source = { config: { ...config, profile, ...(runsWithoutRetryFaults ? { xnackOff: true } : {}) }, ...rest };
    for (const finding of explore(parseProgram('search', source), { preemptions }).findings) {
      if (!isRace(finding) || found.has(finding.id)) continue;
      const { program } = shrinkProgram(source, finding, preemptions, 100_000);
      keep(finding.id, preemptions === 2 ? program : { ...program, preemptions });
    }
  }
  for (const { id, program } of exploreGenerated({ profile, ...CHANCE }).findings) keep(id, program);
  return Object.fromEntries([...found].sort(([one], [other]) => one.localeCompare(other, 'en')));
}
