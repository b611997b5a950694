/** The race explorer: what a schedule costs, by what its program does and by its length. */
import { explore, parseProgram } from '../lib/explore/index.ts';
import type { ProgramSource } from '../lib/explore/index.ts';
import { T, TraceScript, V } from '../lib/trace/hazards/script.ts';
import { now } from './clock.ts';
import { summary } from './measurement.ts';
import type { Measurement } from './measurement.ts';

/** Microseconds of a schedule of five operations, so that one core runs 20,000 a second. */
const MOST = 50;
/** Milliseconds of work for each program, and before it. */
const TIME = 1500;
const WARM_UP_TIME = 500;
/** Schedules of one measurement, at most. */
const SCHEDULES = 2000;
const PAGES = 16;

type Write = (script: TraceScript) => void;

function script(write: Write): TraceScript['operations'] {
  const written = new TraceScript();
  write(written);
  return written.operations;
}

function program(setup: Write, ...threads: readonly Write[]): ProgramSource {
  return { setup: script(setup), threads: threads.map(script) };
}

const mapped: Write = (s) => s.map(V, PAGES);
const onGpu: Write = (s) => {
  mapped(s);
  s.set(V, PAGES, [T.access, 2]);
  s.access(V);
  s.later();
};

/** Two threads, five operations. */
const OF_FIVE: Readonly<Record<string, ProgramSource>> = {
  'fault, SET, discard / unmap, collect': program(
    mapped,
    (s) => {
      s.fault(V, true);
      s.set(V + 4, 4, [T.gpuReadOnly, 1]);
      s.discard(V, 1);
    },
    (s) => {
      s.unmap(V + 8, 4);
      s.gc();
    },
  ),
  'prefetch, GET, SET / discard, unmap': program(
    mapped,
    (s) => {
      s.prefetch(PAGES);
      s.get(V, PAGES, T.access);
      s.set(V + 4, 4, [T.gpuReadOnly, 1]);
    },
    (s) => {
      s.discard(V, PAGES);
      s.unmap(V, 4);
    },
  ),
  'SET, SET, GET / SET, GET': program(
    mapped,
    (s) => {
      s.set(V, 4, [T.gpuReadOnly, 1]);
      s.set(V + 2, 4, [T.gpuExecutable, 1]);
      s.get(V, PAGES, T.gpuReadOnly);
    },
    (s) => {
      s.set(V + 3, 8, [T.gpuReadOnly, 1]);
      s.get(V, PAGES, T.gpuReadOnly);
    },
  ),
  'unmap, collect, fault / unmap, SET': program(
    onGpu,
    (s) => {
      s.unmap(V, 1);
      s.gc();
      s.fault(V + 8);
    },
    (s) => {
      s.unmap(V + 5, 1);
      s.set(V + 4, 4, [T.gpuReadOnly, 1]);
    },
  ),
  'fault, touch, fault / discard, discard': program(
    mapped,
    (s) => {
      s.fault(V);
      s.touch(V, PAGES);
      s.fault(V + 8, true);
    },
    (s) => {
      s.discard(V, PAGES);
      s.discard(V, PAGES);
    },
  ),
};

/** Threads of so many operations each: SET of one page, GET of another one, by turns. */
function ofLength(length: number): ProgramSource {
  const thread =
    (first: number): Write =>
    (s) => {
      for (let index = 0; index < length; index++) {
        const page = V + first + (index % 8);
        if (index % 2 === 0) s.set(page, 1, [T.gpuReadOnly, 1]);
        else s.get(page, 1, T.gpuReadOnly);
      }
    };
  return program(mapped, thread(0), thread(8));
}

interface Rates {
  /** Microseconds of a schedule. */
  readonly median: number;
  readonly best: number;
}

function measure(source: ProgramSource, profile: string, schedules: number): Rates {
  const parsed = parseProgram('bench', source, profile);
  const times: number[] = [];
  const begin = now();
  let warm = begin;
  while (warm - begin < TIME + WARM_UP_TIME) {
    const before = now();
    // Equal states are not merged: a schedule that is left early says nothing of the cost of its length.
    const result = explore(parsed, { schedules, mergeStates: false });
    const after = now();
    if (before - begin >= WARM_UP_TIME) times.push(((after - before) * 1000) / (result.schedules + result.blocked));
    warm = after;
  }
  return summary(times);
}

/** Schedules of five operations on two revisions, then by length, then by how many there are. */
export function measureExplorer(): Measurement[] {
  const row = (name: string, rates: Rates, limit?: number): Measurement => ({
    name,
    unit: 'us',
    ...rates,
    target: limit === undefined ? undefined : { kind: 'limit', value: limit },
  });
  return [
    ...['v4', 'v7'].flatMap((profile) =>
      Object.entries(OF_FIVE).map(([name, source]) =>
        row(`schedule, ${profile}: ${name}`, measure(source, profile, SCHEDULES), MOST),
      ),
    ),
    ...[1, 2, 4, 8, 16].map((length) =>
      row(`schedule of ${2 * length} operations`, measure(ofLength(length), 'v4', SCHEDULES)),
    ),
    ...[100, 1000, 10_000, 100_000].map((schedules) =>
      row(`schedule of 8 operations, of ${schedules}`, measure(ofLength(4), 'v4', schedules)),
    ),
  ];
}
