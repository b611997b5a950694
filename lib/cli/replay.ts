/** `amdgpu-svm replay`: runs traces on the emulator, and checks them against what was recorded. */
import { setFlagsFromString } from 'node:v8';
import { repairsOfText } from '../device/emulated.ts';
import { explainTrace } from '../trace/replay/explain.ts';
import { readTraceFile } from '../trace/format/read-trace.ts';
import type { ReplayDifference, ReplayResult } from '../trace/replay/replay.ts';
import { ExitCode, UsageError } from './command.ts';
import type { replay } from './commands/traces.ts';
import type { InputOf } from './definition.ts';
import { complainOf } from './failure.ts';
import { bold, complain, print, toJson } from './output.ts';
import { readOptions, timeoutOption } from './options.ts';
import { Progress } from './progress.ts';
import { replayAgainst } from './replay-against.ts';
import type { FileOutcome, ReplayMode } from './replay-file.ts';
import { answerStandardInput } from './replay-input.ts';
import { replayFiles } from './replay-threads.ts';
import type { ReplayJob } from './replay-threads.ts';
import { counted } from '../words/counted.ts';
import { STANDARD_INPUT } from '../trace/format/standard-input.ts';
import { traceFiles } from './trace-files.ts';

type Values = InputOf<typeof replay>['values'];

export async function runReplay({ values, operands }: InputOf<typeof replay>): Promise<ExitCode> {
  if (operands.length === 0)
    throw new UsageError('replay: expected at least one trace FILE; see amdgpu-svm replay --help');
  const { check, explain, json, jobs, against, hazards } = values;
  if (operands.filter((each) => each === STANDARD_INPUT).length > 1)
    throw new UsageError('replay: "-" can be there once: standard input is read to its end');
  if (operands[0] === STANDARD_INPUT && operands.length === 1 && json && !check) {
    const stray = (['explain', 'against', 'hazards', 'repairs', 'jobs'] as const).find((name) => values[name]);
    if (stray !== undefined) throw new UsageError(`replay: - --json goes without --${stray}`);
    return answerStandardInput();
  }
  const timeout = timeoutOption('replay', values);
  if (jobs !== undefined && (explain || against !== undefined))
    throw new UsageError('replay: --jobs goes with none of --explain and --against');
  const files = operands.flatMap((path) => traceFiles('replay', path));
  const size = readOptions(values);
  if (explain) {
    if (check || json || values.repairs !== undefined)
      throw new UsageError('replay: --explain goes with none of --check, --json and --repairs');
    return forEachTrace(files, (file) => explainTrace(readTraceFile(file, size), print)).exitCode;
  }
  if (against !== undefined) {
    if (check || hazards !== undefined || values.repairs !== undefined)
      throw new UsageError('replay: --against goes with none of --check, --hazards and --repairs');
    return replayAgainst(files, against, { timeout, json, size });
  }
  if (check && values.repairs !== undefined)
    throw new UsageError('replay: --repairs goes without --check: what was recorded had none');
  return replayAll({ files, mode: modeOf(values, files.length > 1) }, jobs, hazards === 'fail');
}

function modeOf({ check, json, hazards, repairs, ...rest }: Values, several: boolean): ReplayMode {
  return {
    check,
    json,
    hazards: hazards !== undefined,
    ...(repairs === undefined ? {} : { repairs: repairsOfText(repairs) }),
    size: readOptions(rest),
    several,
  };
}

/**
 * Replays each of `files` with `action`. Of several, one that cannot be read or is not modelled is reported, and the others
 * still run. Returns how many those were, and the exit code of the gravest.
 */
function forEachTrace(
  files: readonly string[],
  action: (file: string) => void,
): { notRun: number; exitCode: ExitCode } {
  let notRun = 0;
  let exitCode: ExitCode = ExitCode.ok;
  for (const file of files) {
    try {
      action(file);
    } catch (error) {
      if (files.length === 1) throw error;
      notRun++;
      exitCode = Math.max(exitCode, complainOf(error, file)) as ExitCode;
    }
  }
  return { notRun, exitCode };
}

function saidNotRun(notRun: number): string {
  return notRun === 0 ? '' : `, ${notRun} not run`;
}

/** Whether the driver was asked for something, and no answer to anything is there to compare with. */
function isBare({ compared, unanswered }: ReplayResult): boolean {
  return compared === 0 && unanswered > 0;
}

/**
 * Has V8 put half as much code into each function that it optimises. Of traces by the hundred most take milliseconds, so that
 * compiling is more of the work than running what was compiled (bench/README.md). One alone may be as long as it likes.
 */
function compileForShortRuns(): void {
  setFlagsFromString('--max-inlined-bytecode-size-cumulative=460');
}

/** Replays files and tells of each; returns the exit code. */
async function replayAll(job: ReplayJob, jobs: number | undefined, failsOnHazard: boolean): Promise<ExitCode> {
  const { files, mode } = job;
  const { check, json } = mode;
  const results: ({ file: string } & ReplayResult)[] = [];
  let [hazards, notRun] = [0, 0];
  let worst: ExitCode = ExitCode.ok;
  // Of one trace nobody knows how long it is before it was read.
  const isAlone = files.length === 1;
  if (!isAlone) compileForShortRuns();
  const progress = new Progress(isAlone ? { name: 'replay, operations' } : { name: 'replay', total: files.length });
  let done = 0;
  const onFile = (file: string, outcome: FileOutcome): void => {
    done++;
    if (!isAlone) progress.update(done);
    hazards += outcome.hazards;
    if ('complaint' in outcome) {
      const { text, exitCode } = outcome.complaint;
      complain(text);
      notRun++;
      worst = Math.max(worst, exitCode) as ExitCode;
      return;
    }
    const { result } = outcome;
    results.push({ file, ...result });
    if (json) return;
    if (result.difference !== undefined) printDifference(file, result.difference);
    else if (!check) print(`${file}: ${counted(result.operations, 'operation')}`);
    else if (isBare(result)) print(`${file}: holds no recorded answers: nothing was compared, the check fails`);
  };
  try {
    await replayFiles(job, jobs, print, onFile, (operations) => progress.update(operations));
  } finally {
    progress.end();
  }
  // One more line where nothing was found.
  if (mode.hazards && !json) print(counted(hazards, 'hazard'));
  const same = results.filter((result) => result.difference === undefined);
  // Without a recorded answer nothing can differ: that is not what a check asks.
  const notCompared = check ? same.filter(isBare).length : 0;
  const identical = same.length - notCompared;
  const operations = results.reduce((sum, result) => sum + result.operations, 0);
  const total = files.length;
  if (json) {
    if (check) print(toJson({ traces: results, identical, total, notCompared, notRun, operations }, 2));
  } else {
    const whole = check ? `${identical} of ${counted(total, 'trace')} identical` : counted(total, 'trace');
    const bare = notCompared === 0 ? '' : `, ${notCompared} without recorded answers`;
    print(`${whole}, ${counted(operations, 'operation')}${bare}${saidNotRun(notRun)}`);
  }
  if (failsOnHazard && hazards > 0) return ExitCode.failure;
  return notRun > 0 ? worst : identical === results.length ? ExitCode.ok : ExitCode.failure;
}

function printDifference(file: string, difference: ReplayDifference): void {
  print(bold(`${file}:${difference.line}: ${difference.path === '' ? 'the answer' : difference.path} differs`));
  print(`  operation  ${toJson(difference.operation)}`);
  print(`  expected   ${toJson(difference.expected) ?? 'nothing'}`);
  print(`  actual     ${toJson(difference.actual) ?? 'nothing'}`);
}
