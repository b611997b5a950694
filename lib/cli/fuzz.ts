/** `amdgpu-svm fuzz`: random histories, on the emulator with the monitor, or next to another implementation. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { FAMILIES, fuzz, fuzzAgainst, hasFamily } from '../explore/index.ts';
import type { Family, Fuzzed, FuzzFinding, FuzzOptions } from '../explore/index.ts';
import { ChildImplementation } from '../trace/against/implementation.ts';
import { isOperationName, OPERATIONS } from '../trace/operations/index.ts';
import { DEFAULT_PROFILE } from '../uapi/profile.ts';
import type { UapiProfileName } from '../uapi/profile.ts';
import { ExitCode, readArguments, UsageError } from './command.ts';
import type { Command } from './command.ts';
import { fuzzInThreads } from './fuzz-threads.ts';
import type { FuzzJob } from './fuzz-threads.ts';
import { AGAINST_HELP, AGAINST_OPTIONS, countOption, PROFILE_NAMES, profileOption, timeoutOption } from './options.ts';
import { bold, print, toJson } from './output.ts';

const OPTIONS = {
  profile: { type: 'string' },
  family: { type: 'string' },
  operations: { type: 'string' },
  length: { type: 'string' },
  seed: { type: 'string' },
  only: { type: 'string' },
  traces: { type: 'string' },
  jobs: { type: 'string' },
  json: { type: 'boolean', default: false },
  ...AGAINST_OPTIONS,
} as const;

const DEFAULT_OPERATIONS = 20_000;
const DEFAULT_LENGTH = 200;

export const fuzzCommand: Command = {
  name: 'fuzz',
  synopsis:
    '[--profile P] [--family F,...] [--operations N] [--length N] [--seed S] [--only NAME,...] [--against COMMAND] [--jobs N] [--traces FOLDER] [--json]',
  help: `Makes random histories and runs them on the emulator with the hazard monitor. Each defect is reported once, with
the fewest operations that were found for it, as a trace for "amdgpu-svm replay --hazards". With --against, another
implementation gets the same operations, and the first answer or effect that differs is reported (docs/fuzz.md).
Exit code 1 if there is a finding.

  --profile P       the revision of the driver: ${PROFILE_NAMES}; default ${DEFAULT_PROFILE}
  --family F,...    what histories are about: ${FAMILIES.join(', ')}; default: all that the revision has
  --operations N    operations of all histories together; default ${DEFAULT_OPERATIONS}
  --length N        operations of one history; default ${DEFAULT_LENGTH}
  --seed S          makes other histories; default 1
  --only NAME,...   leave out all operations but these
${AGAINST_HELP}
  --jobs N          in N threads, each with a process of its own for --against; the result is the same
  --traces FOLDER   write the trace of each finding to FOLDER/ID.jsonl
  --json            the result as one object`,
  async run(args) {
    const { values, positionals } = readArguments('fuzz', args, OPTIONS, true);
    if (positionals.length > 0) throw new UsageError(`fuzz: unexpected argument "${positionals[0]}"`);
    const profile = profileOption('fuzz', values.profile) ?? DEFAULT_PROFILE;
    const options: FuzzOptions = {
      profile,
      families: familiesOption(values.family, profile),
      operations: countOption('fuzz', 'operations', values.operations, DEFAULT_OPERATIONS, 1, 1e9),
      length: countOption('fuzz', 'length', values.length, DEFAULT_LENGTH, 1, 1e6),
      seed: countOption('fuzz', 'seed', values.seed, 1, 0, 0xffff_ffff),
      ...(values.only === undefined ? {} : { only: onlyOption(values.only) }),
    };
    const timeout = timeoutOption('fuzz', values);
    const { against } = values;
    const job: FuzzJob = against === undefined ? { options } : { options, against: { command: against, timeout } };
    const result =
      values.jobs === undefined
        ? await fuzzHere(job)
        : await fuzzInThreads(job, countOption('fuzz', 'jobs', values.jobs, 1, 1, 64));
    if (values.traces !== undefined) writeTraces(values.traces, result.findings);
    if (values.json) print(toJson({ ...options, ...(against === undefined ? {} : { against }), ...jsonOf(result) }, 2));
    else tell(result, against !== undefined);
    return result.findings.length > 0 ? ExitCode.failure : ExitCode.ok;
  },
};

async function fuzzHere({ options, against }: FuzzJob): Promise<Fuzzed> {
  if (against === undefined) return fuzz(options);
  const other = new ChildImplementation(against.command, against.timeout);
  try {
    return await fuzzAgainst(other, options);
  } finally {
    other.close();
  }
}

function familiesOption(text: string | undefined, profile: UapiProfileName): Family[] {
  if (text === undefined) return FAMILIES.filter((each) => hasFamily(profile, each));
  return text.split(',').map((name) => {
    const family = FAMILIES.find((each) => each === name);
    if (family === undefined)
      throw new UsageError(`fuzz: --family: expected some of ${FAMILIES.join(', ')}, got "${name}"`);
    if (!hasFamily(profile, family)) throw new UsageError(`fuzz: --family: ${profile} has no ${family}`);
    return family;
  });
}

function onlyOption(text: string): string[] {
  const names = text.split(',');
  const unknown = names.find((name) => !isOperationName(name) || name === 'config');
  if (unknown === undefined) return names;
  const known = Object.keys(OPERATIONS).filter((name) => name !== 'config');
  throw new UsageError(`fuzz: --only: expected some of ${known.join(', ')}, got "${unknown}"`);
}

function writeTraces(folder: string, findings: readonly FuzzFinding[]): void {
  mkdirSync(folder, { recursive: true });
  for (const { id, trace } of findings) writeFileSync(join(folder, `${id}.jsonl`), `${trace.join('\n')}\n`);
}

function jsonOf({ findings, ...counts }: Fuzzed): object {
  return { findings: findings.map(({ isNew, ...finding }) => ({ ...finding, new: isNew })), ran: counts };
}

function tell({ findings, histories, operations }: Fuzzed, isAgainst: boolean): void {
  for (const { id, isNew, severity, family, detail, divergence, trace } of findings) {
    print(bold(`${id}${isNew && !isAgainst ? ' (new)' : ''}, ${severity}, family ${family}: ${detail}`));
    if (divergence !== undefined) {
      print(`  emulator  ${toJson(divergence.expected) ?? 'nothing'}`);
      print(`  other     ${toJson(divergence.actual) ?? 'nothing'}`);
    }
    for (const line of trace) print(`    ${line}`);
    print();
  }
  print(`${findings.length} finding${findings.length === 1 ? '' : 's'}`);
  print(`${histories} histories, ${operations} operations${isAgainst ? ' compared' : ''}`);
}
