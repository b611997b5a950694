/** All commands, in the order in which help lists them. */
import { conformance } from './conformance.ts';
import { bench, build, completion, demo, info } from './machines.ts';
import { gpu, record, run, serve } from './programs.ts';
import { explore, fuzz } from './search.ts';
import { diff, hazards, inspect, replay, snapshot, trace } from './traces.ts';

export const DEFINITIONS = {
  info,
  demo,
  replay,
  snapshot,
  record,
  run,
  conformance,
  diff,
  hazards,
  serve,
  gpu,
  trace,
  inspect,
  explore,
  fuzz,
  bench,
  build,
  completion,
} as const;

export type CommandName = keyof typeof DEFINITIONS;
