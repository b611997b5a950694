/** `amdgpu-svm explore`: runs every schedule of a small program and says what goes wrong in them. */
import { readFileSync } from 'node:fs';
import { DEFAULT_PREEMPTIONS, MOST_OF_GENERATED, MOST_SCHEDULES } from '../explore/choices.ts';
import { explore, exploreGenerated, parseProgram, readProgram } from '../explore/index.ts';
import type { Exploration, ExploreOptions, Finding, Generated, GenerateOptions } from '../explore/index.ts';
import { DEFAULT_PROFILE } from '../uapi/profile.ts';
import { TraceFileError } from '../trace/format/trace-file-error.ts';
import { ExitCode, UsageError } from './command.ts';
import type { explore as exploreDefinition } from './commands/search.ts';
import type { InputOf } from './definition.ts';
import { exploreInThreads } from './explore-threads.ts';
import { bold, print, toJson } from './output.ts';
import { Progress } from './progress.ts';
import { makeTraceFolder, writeTraces } from './write-traces.ts';
import { counted } from '../words/counted.ts';

type Values = InputOf<typeof exploreDefinition>['values'];

export async function runExplore({ values, operands }: InputOf<typeof exploreDefinition>): Promise<ExitCode> {
  if (values.generate !== undefined) return runGenerated(values, operands);
  if (values.seed !== undefined) throw new UsageError('explore: --seed goes with --generate');
  if (values.config !== undefined) throw new UsageError('explore: --config goes with --generate');
  const [file] = operands;
  if (file === undefined || operands.length !== 1)
    throw new UsageError('explore: expected one program FILE; see amdgpu-svm explore --help');
  const text = readText(file);
  const { profile } = values;
  const program = readProgram(file, text, profile);
  const options: ExploreOptions = {
    preemptions: values.preemptions ?? DEFAULT_PREEMPTIONS,
    schedules: values.schedules ?? MOST_SCHEDULES,
    ...(values.shard === undefined ? {} : { shard: values.shard }),
  };
  const jobs = jobsOption(values);
  makeTraceFolder(values.traces);
  const result =
    jobs === undefined
      ? withProgress('explore, schedules', undefined, (onSchedule) => explore(program, { ...options, onSchedule }))
      : ((await exploreInThreads({ kind: 'program', file, text, profile, options }, jobs)) as Exploration);
  writeTraces(values.traces, result.findings);
  if (values.json) print(toJson({ profile: program.config.profile, ...options, ...jsonOf(result) }, 2));
  else tell(result, options.preemptions!);
  return result.findings.length > 0 ? ExitCode.failure : ExitCode.ok;
}

async function runGenerated(values: Values, operands: readonly string[]): Promise<ExitCode> {
  if (operands.length > 0) throw new UsageError('explore: --generate takes no program FILE');
  if (values.shard !== undefined) throw new UsageError('explore: --shard goes with a program FILE');
  const { profile = DEFAULT_PROFILE } = values;
  const options: GenerateOptions = {
    profile,
    programs: values.generate!,
    seed: values.seed ?? 1,
    preemptions: values.preemptions ?? DEFAULT_PREEMPTIONS,
    schedules: values.schedules ?? MOST_OF_GENERATED,
    ...(values.config === undefined ? {} : { config: configOption(values.config, profile) }),
  };
  const jobs = jobsOption(values);
  makeTraceFolder(values.traces);
  const result =
    jobs === undefined
      ? withProgress('explore, programs', options.programs, (onProgram) => exploreGenerated({ ...options, onProgram }))
      : ((await exploreInThreads({ kind: 'generated', options }, jobs)) as Generated);
  writeTraces(values.traces, result.findings);
  // The options say how many were asked for, the result how many were run.
  if (values.json) print(toJson({ profile: options.profile, seed: options.seed, ...jsonOf(result) }, 2));
  else tellGenerated(result);
  return result.findings.length > 0 ? ExitCode.failure : ExitCode.ok;
}

/** Does work that says how much of it is done. */
function withProgress<Result>(
  name: string,
  total: number | undefined,
  work: (tell: (done: number) => void) => Result,
): Result {
  const progress = new Progress({ name, ...(total === undefined ? {} : { total }) });
  try {
    return work((done) => progress.update(done));
  } finally {
    progress.end();
  }
}

function tellGenerated({ findings, programs, schedules }: Generated): void {
  for (const finding of findings) {
    tellFinding(finding);
    print(`  program: ${toJson(finding.program)}`);
    print();
  }
  print(counted(findings.length, 'finding'));
  print(`${counted(programs, 'program')}, ${counted(schedules, 'schedule')}`);
}

/** The machine of generated programs; throws `UsageError` for what no configuration may have. */
function configOption(text: string, profile: string): Readonly<Record<string, unknown>> {
  try {
    const config: unknown = JSON.parse(text);
    return parseProgram('config', { config, threads: [[], []] }, profile).configSource;
  } catch (error) {
    throw new UsageError(`explore: --config: ${(error as Error).message.replace(/^(config: )+/, '')}`);
  }
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new TraceFileError(file, 0, `cannot be read: ${(error as Error).message}`, { cause: error });
  }
}

/** Undefined: in this thread, as a whole. */
function jobsOption({ jobs, shard }: Values): number | undefined {
  if (jobs === undefined) return undefined;
  if (shard !== undefined) throw new UsageError('explore: --jobs does not go with --shard');
  return jobs;
}

function jsonOf({ findings, ...counts }: Exploration | Generated): object {
  return { findings: findings.map(({ steps: _steps, isNew, ...finding }) => ({ ...finding, new: isNew })), ...counts };
}

function tellFinding({ id, isNew, severity, preemptions, detail, harm, story, trace }: Finding): void {
  print(bold(`${id}${isNew ? ' (new)' : ''}, ${severity}, ${preemptionsText(preemptions)}: ${detail}`));
  if (harm.length > 0) print(`  brings about: ${harm.join(', ')}`);
  for (const line of story) print(`  ${line}`);
  for (const line of trace) print(`    ${line}`);
}

function tell(result: Exploration, preemptions: number): void {
  for (const finding of result.findings) {
    tellFinding(finding);
    print();
  }
  const { findings, schedules, merged, blocked, bounded, limited } = result;
  print(counted(findings.length, 'finding'));
  print(
    `${counted(schedules, 'schedule')} run, ${merged} left at a state that another one had met, ${blocked} that would have to wait`,
  );
  if (limited) print('not all schedules were run; --schedules allows more');
  else if (bounded) print(`all with up to ${preemptionsText(preemptions)}; there are more with more`);
  else print('all that there are');
}

function preemptionsText(count: number): string {
  return count === 0 ? 'no preemption' : counted(count, 'preemption');
}
