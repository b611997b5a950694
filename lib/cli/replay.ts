/** `amdgpu-svm replay`: runs traces on the emulator, and checks them against what was recorded. */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { repairsOfText } from '../device/emulated.ts';
import { explainTrace } from '../trace/replay/explain.ts';
import { readTraceFile, TraceFileError } from '../trace/format/read-trace.ts';
import type { ReplayDifference, ReplayResult } from '../trace/replay/replay.ts';
import { ExitCode, readArguments, UsageError } from './command.ts';
import type { Command } from './command.ts';
import { complainOf } from './failure.ts';
import { bold, complain, print, toJson } from './output.ts';
import {
  AGAINST_HELP,
  AGAINST_OPTIONS,
  countOption,
  readOptions,
  SIZE_HELP,
  SIZE_OPTION,
  timeoutOption,
} from './options.ts';
import { replayAgainst } from './replay-against.ts';
import type { ReplayMode } from './replay-file.ts';
import { answerStandardInput } from './replay-input.ts';
import { replayFiles } from './replay-threads.ts';
import type { ReplayJob } from './replay-threads.ts';

const OPTIONS = {
  check: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  hazards: { type: 'boolean', default: false },
  'hazards-fail': { type: 'boolean', default: false },
  explain: { type: 'boolean', default: false },
  ...AGAINST_OPTIONS,
  repairs: { type: 'string' },
  jobs: { type: 'string' },
  ...SIZE_OPTION,
} as const;

export const replayCommand: Command = {
  name: 'replay',
  synopsis:
    'FILE... [--check] [--hazards[=fail]] [--repairs LIST] [--explain] [--against COMMAND] [--jobs N] [--json]   |   - --json',
  help: `Runs traces (plain or gzip; a folder stands for all *.jsonl and *.jsonl.gz in it) on the emulator.

  --check   compare every answer and every effect with the recorded ones; print the
            first difference of each trace; exit 1 if any differs. Of several traces,
            one that cannot be read or is not modelled is reported, and the others still run
  --hazards       print a line "hazard Qnn at operation N: ..." for each defect of the catalogue that
                  the program runs into (docs/hazards.md); --hazards=fail: and exit 1 if there is one
  --repairs LIST  run on a driver whose defects are repaired: 'all', or ids with commas between them
                  (docs/repairs.md), whatever the traces say; not with --check
  --explain       tell the story of the trace in sentences, with the rule that decided each answer
  --jobs N  replay the files in N threads; the output stays in their order. Default: all cores, where there are
            enough files for it
  --json    without --check: every operation with the emulator's answer, one per line;
            with --check: the result as one object
${AGAINST_HELP}
  - --json  read operations from standard input and answer each at once with a recorded line; a config starts over:
            the other side of --against, with the emulator as the implementation
  ${SIZE_HELP}`,
  async run(args) {
    // An option with an optional value, which parseArgs does not know.
    const plain = args.map((each) =>
      each === '--hazards=fail' ? '--hazards-fail' : each === '--hazards=report' ? '--hazards' : each,
    );
    const { values, positionals } = readArguments('replay', plain, OPTIONS, true);
    if (positionals.length === 0)
      throw new UsageError('replay: expected at least one trace FILE; see amdgpu-svm replay --help');
    if (positionals.some((each) => each === '-')) {
      if (
        positionals.length > 1 ||
        !values.json ||
        values.check ||
        values.explain ||
        values.against !== undefined ||
        values.jobs !== undefined
      )
        throw new UsageError('replay: "-" is used alone with --json');
      return answerStandardInput();
    }
    const timeout = timeoutOption('replay', values);
    if (values.jobs !== undefined && (values.explain || values.against !== undefined))
      throw new UsageError('replay: --jobs goes with none of --explain and --against');
    const jobs = values.jobs === undefined ? undefined : countOption('replay', 'jobs', values.jobs, 1, 1, 64);
    const files = positionals.flatMap(traceFiles);
    const size = readOptions('replay', values);
    if (values.explain) {
      if (values.check || values.json || values.repairs !== undefined)
        throw new UsageError('replay: --explain goes with none of --check, --json and --repairs');
      return forEachTrace(files, (file) => explainTrace(readTraceFile(file, size), print)).exitCode;
    }
    if (values.against !== undefined) {
      if (values.check || values.hazards || values['hazards-fail'] || values.repairs !== undefined)
        throw new UsageError('replay: --against goes with none of --check, --hazards and --repairs');
      return replayAgainst(files, values.against, { timeout, json: values.json, size });
    }
    if (values.check && values.repairs !== undefined)
      throw new UsageError('replay: --repairs goes without --check: what was recorded had none');
    const mode: ReplayMode = {
      check: values.check,
      json: values.json,
      hazards: values.hazards || values['hazards-fail'],
      ...(values.repairs === undefined ? {} : { repairs: repairsOfText(values.repairs) }),
      size,
      several: files.length > 1,
    };
    return replayAll({ files, mode }, jobs, values['hazards-fail']);
  },
};

/** The trace files that a path stands for. */
function traceFiles(path: string): string[] {
  let isFolder: boolean;
  try {
    isFolder = statSync(path).isDirectory();
  } catch (error) {
    throw new TraceFileError(path, 0, `cannot be read: ${(error as Error).message}`, { cause: error });
  }
  if (!isFolder) return [path];
  const files = readdirSync(path, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.jsonl(\.gz)?$/.test(name))
    .sort()
    .map((name) => join(path, name));
  if (files.length === 0) throw new UsageError(`replay: no *.jsonl or *.jsonl.gz in ${path}`);
  return files;
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

/** Replays files and tells of each; returns the exit code. */
async function replayAll(job: ReplayJob, jobs: number | undefined, failsOnHazard: boolean): Promise<ExitCode> {
  const { files, mode } = job;
  const { check, json } = mode;
  const results: ({ file: string } & ReplayResult)[] = [];
  let [hazards, notRun] = [0, 0];
  let worst: ExitCode = ExitCode.ok;
  await replayFiles(job, jobs, print, (file, outcome) => {
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
    else if (!check) print(`${file}: ${result.operations} operations`);
    else if (result.compared === 0) print(`${file}: holds no recorded answers, nothing was compared`);
  });
  // One more line where nothing was found.
  if (mode.hazards && !json) print(hazards === 1 ? '1 hazard' : `${hazards} hazards`);
  const identical = results.filter((result) => result.difference === undefined).length;
  const operations = results.reduce((sum, result) => sum + result.operations, 0);
  const total = files.length;
  if (json) {
    if (check) print(toJson({ traces: results, identical, total, notRun, operations }, 2));
  } else {
    const whole = check ? `${identical} of ${total} traces identical` : `${total} traces`;
    print(`${whole}, ${operations} operations${saidNotRun(notRun)}`);
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
