/** Every schedule of a program, those with few preemptions first. */
import { NotModelledError } from '../../emulator/index.ts';
import { DEFAULT_PREEMPTIONS, MOST_SCHEDULES } from './choices.ts';
import { NO_PREFIX } from './decisions.ts';
import type { Prefix } from './decisions.ts';
import { Findings } from './findings.ts';
import type { Finding } from './findings.ts';
import type { ExploreProgram } from './program.ts';
import { ScheduleRun } from './run.ts';
import { touchesContents } from './footprint.ts';

/** How much is explored. */
export interface ExploreOptions {
  /** The most preemptions of a schedule, each a point at which others come in. Default 2. */
  readonly preemptions?: number;
  /** The most schedules that are run. Default 1,000,000. */
  readonly schedules?: number;
  /** One part of all schedules, `index` from 1 to `count`; the parts together are all of them. */
  readonly shard?: { readonly index: number; readonly count: number };
  /** False: schedules that come by an equal state are run to their end all the same. Default true. */
  readonly mergeStates?: boolean;
  /** Ends the exploration when it answers true. */
  readonly until?: (finding: Finding) => boolean;
  /** Called after each schedule, with how many there were. */
  readonly onSchedule?: (done: number) => void;
}

/** What came of it. */
export interface Exploration {
  readonly findings: readonly Finding[];
  /** Schedules that were run to their end. */
  readonly schedules: number;
  /** Schedules that were left where another one had come by with the same state. */
  readonly merged: number;
  /** Schedules that were left since an interrupting operation would have waited for a lock. */
  readonly blocked: number;
  /** True: with more preemptions there would be more schedules. */
  readonly bounded: boolean;
  /** True: the most schedules were run, and there are more. */
  readonly limited: boolean;
}

/** Whether what is compared of states is all there is: not where pages have values or lie in VRAM. */
function isAllState(program: ExploreProgram): boolean {
  const { vram } = program.config;
  return !touchesContents(program) && (typeof vram === 'number' ? vram === 0 : vram.every((bytes) => bytes === 0));
}

/** Explores a program. Throws NotModelledError for what the emulator does not model. */
export function explore(program: ExploreProgram, options: ExploreOptions = {}): Exploration {
  const {
    preemptions = DEFAULT_PREEMPTIONS,
    schedules: most = MOST_SCHEDULES,
    shard,
    mergeStates = true,
    until,
    onSchedule,
  } = options;
  const known = new Set<string>();
  const isKnown = (key: string): boolean => {
    if (known.has(key)) return true;
    known.add(key);
    return false;
  };
  const run = new ScheduleRun(program, preemptions, mergeStates && isAllState(program) ? isKnown : undefined);
  const findings = new Findings(program);
  // By number of preemptions: schedules that are still to be run, by the decisions that make them.
  const waiting: Prefix[][] = Array.from({ length: preemptions + 1 }, () => []);
  waiting[0]!.push(NO_PREFIX);
  let [schedules, merged, blocked, dealt] = [0, 0, 0, 0];
  let [bounded, limited] = [false, false];
  let ended = false;
  for (let level = 0; level <= preemptions && !ended; level++) {
    const queue = waiting[level]!;
    while (queue.length > 0) {
      if (schedules + merged + blocked >= most) {
        limited = true;
        ended = true;
        break;
      }
      const prefix = queue.pop()!;
      run.run(prefix);
      if (run.error?.error instanceof NotModelledError) throw run.error.error;
      bounded ||= run.bounded;
      if (run.discarded) blocked++;
      else if (run.merged) merged++;
      else schedules++;
      onSchedule?.(schedules + merged + blocked);
      for (const finding of findings.note(run, level)) ended ||= until?.(finding) ?? false;
      if (ended) break;
      const { decisions } = run;
      const taken = decisions.taken();
      for (let at = decisions.count - 1; at >= prefix.length; at--) {
        const next = decisions.costs(at) ? level + 1 : level;
        for (let choice = decisions.options(at) - 1; choice > 0; choice--) {
          // All parts run the serial schedules, which the others are compared with; the rest is dealt out.
          if (level === 0 && next === 1 && shard !== undefined && dealt++ % shard.count !== shard.index - 1) continue;
          waiting[next]!.push({ length: at + 1, taken, last: choice });
        }
      }
    }
    findings.levelEnded(level);
  }
  return { findings: findings.list(), schedules, merged, blocked, bounded, limited };
}
