/** `amdgpu-svm explore`: runs every schedule of a small program and says what goes wrong in them. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { explore, exploreGenerated, MOST_SCHEDULES, parseProgram, readProgram } from '../explore/index.ts';
import type { Exploration, ExploreOptions, Finding, Generated, GenerateOptions } from '../explore/index.ts';
import { DEFAULT_PROFILE } from '../uapi/profile.ts';
import { TraceFileError } from '../trace/format/trace-file-error.ts';
import { ExitCode, readArguments, UsageError } from './command.ts';
import { PARTS } from './explore-part.ts';
import { exploreInThreads } from './explore-threads.ts';
import type { Command } from './command.ts';
import { bold, print, toJson } from './output.ts';
import { countOption, PROFILE_NAMES, profileOption } from './options.ts';

const OPTIONS = {
  profile: { type: 'string' },
  preemptions: { type: 'string' },
  schedules: { type: 'string' },
  shard: { type: 'string' },
  traces: { type: 'string' },
  generate: { type: 'string' },
  seed: { type: 'string' },
  config: { type: 'string' },
  jobs: { type: 'string' },
  json: { type: 'boolean', default: false },
} as const;

/** The options as they were given. */
type Values = { readonly [Name in Exclude<keyof typeof OPTIONS, 'json'>]?: string } & { readonly json: boolean };

export const exploreCommand: Command = {
  name: 'explore',
  synopsis:
    'FILE|--generate N [--seed S] [--config JSON] [--profile P] [--preemptions N] [--schedules N] [--shard I/N] [--jobs N] [--traces FOLDER] [--json]',
  help: `Runs the threads of a program (docs/explore.md) in every order, and at every preemption point of every
operation what another thread could do there. Each distinct defect is reported once, with the shortest schedule
that shows it, as a story and as a trace for "amdgpu-svm replay --hazards". Exit code 1 if there is one.

  --profile P       the revision of the driver: ${PROFILE_NAMES}; default: that of the program
  --preemptions N   points of a schedule at which others come in, at most; default 2
  --schedules N     schedules that are run, at most; default ${MOST_SCHEDULES}
  --shard I/N       the I-th of N parts of all schedules
  --jobs N          explore in N threads: always in ${PARTS} parts, so that N changes nothing but the time
  --generate N      explore N random programs instead of FILE; report what no serial order of theirs shows,
                    with the smallest program that was found for it
  --seed S          makes other programs; default 1
  --config JSON     the machine of all of them, as a config line of a trace has it, like '{"gpus":2,"hive":"h","vram":16777216}';
                    without it some have two GPUs, and where the revision uses it VRAM
  --traces FOLDER   write the trace of each finding to FOLDER/ID.jsonl
  --json            the result as one object`,
  async run(args) {
    const { values, positionals } = readArguments('explore', args, OPTIONS, true);
    if (values.generate !== undefined) return runGenerated(values, positionals);
    if (values.seed !== undefined) throw new UsageError('explore: --seed goes with --generate');
    if (values.config !== undefined) throw new UsageError('explore: --config goes with --generate');
    const [file] = positionals;
    if (file === undefined || positionals.length !== 1)
      throw new UsageError('explore: expected one program FILE; see amdgpu-svm explore --help');
    const text = readText(file);
    const profile = profileOption('explore', values.profile);
    const program = readProgram(file, text, profile);
    const options: ExploreOptions = {
      preemptions: countOption('explore', 'preemptions', values.preemptions, 2, 0, 16),
      schedules: countOption('explore', 'schedules', values.schedules, MOST_SCHEDULES, 1, 1e9),
      ...shardOption(values.shard),
    };
    const jobs = jobsOption(values);
    const result =
      jobs === undefined
        ? explore(program, options)
        : ((await exploreInThreads({ kind: 'program', file, text, profile, options }, jobs)) as Exploration);
    if (values.traces !== undefined) writeTraces(values.traces, result.findings);
    if (values.json) print(toJson({ profile: program.config.profile, ...options, ...jsonOf(result) }, 2));
    else tell(result, options.preemptions!);
    return result.findings.length > 0 ? ExitCode.failure : ExitCode.ok;
  },
};

/** The most schedules of one generated program: the next one tells more. */
const MOST_OF_GENERATED = 2000;

async function runGenerated(values: Values, positionals: readonly string[]): Promise<number> {
  if (positionals.length > 0) throw new UsageError('explore: --generate takes no program FILE');
  if (values.shard !== undefined) throw new UsageError('explore: --shard goes with a program FILE');
  const profile = profileOption('explore', values.profile) ?? DEFAULT_PROFILE;
  const options: GenerateOptions = {
    profile,
    programs: countOption('explore', 'generate', values.generate, 0, 1, 1e6),
    seed: countOption('explore', 'seed', values.seed, 1, 0, 0xffff_ffff),
    preemptions: countOption('explore', 'preemptions', values.preemptions, 2, 0, 16),
    schedules: countOption('explore', 'schedules', values.schedules, MOST_OF_GENERATED, 1, 1e9),
    ...(values.config === undefined ? {} : { config: configOption(values.config, profile) }),
  };
  const jobs = jobsOption(values);
  const result =
    jobs === undefined
      ? exploreGenerated(options)
      : ((await exploreInThreads({ kind: 'generated', options }, jobs)) as Generated);
  if (values.traces !== undefined) writeTraces(values.traces, result.findings);
  // The options say how many were asked for, the result how many were run.
  if (values.json) print(toJson({ profile: options.profile, seed: options.seed, ...jsonOf(result) }, 2));
  else tellGenerated(result);
  return result.findings.length > 0 ? ExitCode.failure : ExitCode.ok;
}

function tellGenerated({ findings, programs, schedules }: Generated): void {
  for (const finding of findings) {
    tellFinding(finding);
    print(`  program: ${toJson(finding.program)}`);
    print();
  }
  print(`${findings.length} finding${findings.length === 1 ? '' : 's'}`);
  print(`${programs} programs, ${schedules} schedules`);
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
  return countOption('explore', 'jobs', jobs, 1, 1, 64);
}

function shardOption(text: string | undefined): Pick<ExploreOptions, 'shard'> {
  if (text === undefined) return {};
  const [index, count] = (/^(\d{1,6})\/(\d{1,6})$/.exec(text)?.slice(1) ?? []).map(Number);
  if (index === undefined || count === undefined || index < 1 || index > count)
    throw new UsageError(`explore: --shard: expected I/N with I from 1 to N, got "${text}"`);
  return { shard: { index, count } };
}

function writeTraces(folder: string, findings: readonly Finding[]): void {
  mkdirSync(folder, { recursive: true });
  const names = new Set<string>();
  for (const { id, trace } of findings) {
    let name = id;
    for (let number = 2; names.has(name); number++) name = `${id}-${number}`;
    names.add(name);
    writeFileSync(join(folder, `${name}.jsonl`), `${trace.join('\n')}\n`);
  }
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
  print(`${findings.length} finding${findings.length === 1 ? '' : 's'}`);
  print(
    `${schedules} schedules run, ${merged} left at a state that another one had met, ${blocked} that would have to wait`,
  );
  if (limited) print('not all schedules were run; --schedules allows more');
  else if (bounded) print(`all with up to ${preemptionsText(preemptions)}; there are more with more`);
  else print('all that there are');
}

function preemptionsText(count: number): string {
  return count === 0 ? 'no preemption' : `${count} preemption${count === 1 ? '' : 's'}`;
}
