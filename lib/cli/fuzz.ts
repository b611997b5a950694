/** `amdgpu-svm fuzz`: random histories, on the emulator with the monitor, or next to another implementation. */
import { DEFAULT_LENGTH, DEFAULT_OPERATIONS, FAMILIES } from '../explore/choices.ts';
import type { Family } from '../explore/choices.ts';
import { fuzz, fuzzAgainst, hasFamily } from '../explore/index.ts';
import type { Fuzzed, FuzzOptions, HistoryListener } from '../explore/index.ts';
import { ChildImplementation } from '../trace/against/implementation.ts';
import { isOperationName, OPERATIONS } from '../trace/operations/index.ts';
import { DEFAULT_PROFILE } from '../uapi/profile.ts';
import type { UapiProfileName } from '../uapi/profile.ts';
import { ExitCode, UsageError } from './command.ts';
import type { fuzz as fuzzDefinition } from './commands/search.ts';
import type { InputOf } from './definition.ts';
import { fuzzInThreads } from './fuzz-threads.ts';
import type { FuzzJob } from './fuzz-threads.ts';
import { timeoutOption } from './options.ts';
import { bold, print, toJson } from './output.ts';
import { Progress } from './progress.ts';
import { makeTraceFolder, writeTraces } from './write-traces.ts';
import { counted } from '../words/counted.ts';

export async function runFuzz({ values }: InputOf<typeof fuzzDefinition>): Promise<ExitCode> {
  const { profile = DEFAULT_PROFILE, against, jobs } = values;
  const options: FuzzOptions = {
    profile,
    families: familiesOption(values.family, profile),
    operations: values.operations ?? DEFAULT_OPERATIONS,
    length: values.length ?? DEFAULT_LENGTH,
    seed: values.seed ?? 1,
    ...(values.only === undefined ? {} : { only: onlyOption(values.only) }),
  };
  const timeout = timeoutOption('fuzz', values);
  makeTraceFolder(values.traces);
  const job: FuzzJob = against === undefined ? { options } : { options, against: { command: against, timeout } };
  const result = await fuzzWithProgress(job, jobs);
  writeTraces(values.traces, result.findings);
  if (values.json) print(toJson({ ...options, ...(against === undefined ? {} : { against }), ...jsonOf(result) }, 2));
  else tell(result, against !== undefined);
  return result.findings.length > 0 ? ExitCode.failure : ExitCode.ok;
}

async function fuzzWithProgress(job: FuzzJob, jobs: number | undefined): Promise<Fuzzed> {
  const progress = new Progress({ name: 'fuzz, operations', total: job.options.operations });
  let operations = 0;
  const onHistory: HistoryListener = ({ made }) => progress.update((operations += made));
  try {
    return await (jobs === undefined ? fuzzHere(job, onHistory) : fuzzInThreads(job, jobs, onHistory));
  } finally {
    progress.end();
  }
}

async function fuzzHere({ options, against }: FuzzJob, onHistory: HistoryListener): Promise<Fuzzed> {
  if (against === undefined) return fuzz(options, onHistory);
  const other = new ChildImplementation(against.command, against.timeout);
  try {
    return await fuzzAgainst(other, options, onHistory);
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
  print(counted(findings.length, 'finding'));
  print(
    `${counted(histories, 'history', 'histories')}, ${counted(operations, 'operation')}${isAgainst ? ' compared' : ''}`,
  );
}
