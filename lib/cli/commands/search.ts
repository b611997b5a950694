/** The commands that look for defects. */
import {
  DEFAULT_LENGTH,
  DEFAULT_OPERATIONS,
  DEFAULT_PREEMPTIONS,
  FAMILIES,
  MOST_OF_GENERATED,
  MOST_SCHEDULES,
} from '../../explore/choices.ts';
import { DEFAULT_PROFILE } from '../../uapi/profile.ts';
import { defineCommand } from '../definition.ts';
import { against, jobs, json, nonEmpty, part, profile, timeout, whole } from './shared.ts';

/** Parts of every exploration in threads, whatever their number. */
export const PARTS = 8;

const traces = {
  help: 'write the trace of each finding to FOLDER/ID.jsonl',
  value: 'FOLDER',
  completes: 'folders',
  parse: nonEmpty('a folder'),
} as const;

const seed = (help: string): { help: string; value: 'S'; parse: (text: string) => number } => ({
  help,
  value: 'S',
  parse: whole(0, 0xffff_ffff),
});

export const explore = defineCommand({
  name: 'explore',
  summary: 'run every schedule of a small program and name the races that they show',
  usage: ['FILE [OPTION...]', '--generate N [OPTION...]'],
  description: [
    'Runs the threads of a program (docs/explore.md) in every order, and at every preemption point of every operation what another thread could do there. Each distinct defect is reported once, with the shortest schedule that shows it, as a story and as a trace for "amdgpu-svm replay --hazards". Exit code 1 if there is one.',
  ],
  operands: 'files',
  options: {
    profile: profile(`the revision of the driver; default: that of the program, or ${DEFAULT_PROFILE}`),
    preemptions: {
      help: `points of a schedule at which others come in, at most; default ${DEFAULT_PREEMPTIONS}`,
      value: 'N',
      parse: whole(0, 16),
    },
    schedules: {
      help: `schedules that are run, at most; default ${MOST_SCHEDULES}, with --generate ${MOST_OF_GENERATED} of each program`,
      value: 'N',
      parse: whole(1, 1e9),
    },
    shard: { help: 'the I-th of N parts of all schedules', value: 'I/N', parse: part },
    jobs: jobs(`explore in N threads: always in ${PARTS} parts, so that N changes nothing but the time`),
    generate: {
      help: 'explore N random programs instead of FILE; report what no serial order of theirs shows, with the smallest program that was found for it',
      value: 'N',
      parse: whole(1, 1e6),
    },
    seed: seed('makes other programs; default 1'),
    config: {
      help: `the machine of all of them, as a config line of a trace has it, like '{"gpus":2,"hive":"h","vram":16777216}'; without it some have two GPUs, and where the revision uses it VRAM`,
      value: 'JSON',
    },
    traces,
    json,
  },
  examples: [
    ['program.json', 'the races of a program'],
    ['--generate 100 --profile v8 --traces found', 'look for races that are not known'],
  ],
});

export const fuzz = defineCommand({
  name: 'fuzz',
  summary: 'run random histories, watch for defects, or compare another implementation with the model',
  usage: ['[OPTION...]'],
  description: [
    'Makes random histories and runs them on the emulator with the hazard monitor. Each defect is reported once, with the fewest operations that were found for it, as a trace for "amdgpu-svm replay --hazards". With --against, another implementation gets the same operations, and the first answer or effect that differs is reported (docs/fuzz.md). Exit code 1 if there is a finding.',
  ],
  options: {
    profile: profile(`the revision of the driver; default ${DEFAULT_PROFILE}`),
    family: {
      help: `what histories are about: ${FAMILIES.join(', ')}; default: all that the revision has`,
      value: 'F,...',
    },
    operations: {
      help: `operations of all histories together; default ${DEFAULT_OPERATIONS}`,
      value: 'N',
      parse: whole(1, 1e9),
    },
    length: { help: `operations of one history; default ${DEFAULT_LENGTH}`, value: 'N', parse: whole(1, 1e6) },
    seed: seed('makes other histories; default 1'),
    only: { help: 'leave out all operations but these', value: 'NAME,...' },
    against,
    timeout,
    jobs: jobs('in N threads, each with a process of its own for --against; the result is the same'),
    traces,
    json,
  },
  examples: [
    ['--profile v8 --operations 100000', 'look for defects'],
    ['--against "python3 mine.py" --jobs 2', 'compare another implementation with the model'],
  ],
});
