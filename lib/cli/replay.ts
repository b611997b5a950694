/** `amdgpu-svm replay`: runs traces on the emulator, and checks them against what was recorded. */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { formatHazard, repairsOfText } from '../device/emulated.ts';
import type { Hazard } from '../device/emulated.ts';
import { explainTrace } from '../trace/replay/explain.ts';
import { readTraceFile, TraceFileError } from '../trace/format/read-trace.ts';
import type { ReadOptions } from '../trace/format/read-trace.ts';
import { replayTrace } from '../trace/replay/replay.ts';
import type { ReplayDifference, ReplayOptions, ReplayResult } from '../trace/replay/replay.ts';
import { ExitCode, readArguments, UsageError } from './command.ts';
import type { Command } from './command.ts';
import { complainOf } from './failure.ts';
import { bold, print, toJson } from './output.ts';
import { AGAINST_HELP, AGAINST_OPTIONS, readOptions, SIZE_HELP, SIZE_OPTION, timeoutOption } from './options.ts';
import { replayAgainst } from './replay-against.ts';
import { answerStandardInput } from './replay-input.ts';

const OPTIONS = {
  check: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  hazards: { type: 'boolean', default: false },
  'hazards-fail': { type: 'boolean', default: false },
  explain: { type: 'boolean', default: false },
  ...AGAINST_OPTIONS,
  repairs: { type: 'string' },
  ...SIZE_OPTION,
} as const;

export const replayCommand: Command = {
  name: 'replay',
  synopsis:
    'FILE... [--check] [--hazards[=fail]] [--repairs LIST] [--explain] [--against COMMAND] [--json]   |   - --json',
  help: `Runs traces (plain or gzip; a folder stands for all *.jsonl and *.jsonl.gz in it) on the emulator.

  --check   compare every answer and every effect with the recorded ones; print the
            first difference of each trace; exit 1 if any differs. Of several traces,
            one that cannot be read or is not modelled is reported, and the others still run
  --hazards       print a line "hazard Qnn at operation N: ..." for each defect of the catalogue that
                  the program runs into (docs/hazards.md); --hazards=fail: and exit 1 if there is one
  --repairs LIST  run on a driver whose defects are repaired: 'all', or ids with commas between them
                  (docs/repairs.md), whatever the traces say; not with --check
  --explain       tell the story of the trace in sentences, with the rule that decided each answer
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
      if (positionals.length > 1 || !values.json || values.check || values.explain || values.against !== undefined)
        throw new UsageError('replay: "-" is used alone with --json');
      return answerStandardInput();
    }
    const timeout = timeoutOption('replay', values);
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
    const repairs = values.repairs === undefined ? {} : { repairs: repairsOfText(values.repairs) };
    const hazards = new HazardLines(values.hazards || values['hazards-fail'], values.json, files.length > 1);
    const result = values.check
      ? checkTraces(files, values.json, hazards, size)
      : runTraces(files, values.json, hazards, size, repairs);
    return values['hazards-fail'] && hazards.count > 0 ? ExitCode.failure : result;
  },
};

/** Prints what the hazard monitor finds. */
class HazardLines {
  count = 0;
  readonly #on: boolean;
  readonly #json: boolean;
  readonly #named: boolean;

  constructor(on: boolean, json: boolean, named: boolean) {
    this.#on = on;
    this.#json = json;
    this.#named = named;
  }

  /** The option of a replay of `file`. */
  options(file: string): { onHazard?: (hazard: Hazard) => void } {
    if (!this.#on) return {};
    return {
      onHazard: (hazard) => {
        this.count++;
        if (this.#json) print(toJson({ ...(this.#named ? { file } : {}), hazard }));
        else print(`${this.#named ? `${file}: ` : ''}${formatHazard(hazard)}`);
      },
    };
  }

  /** One more line where nothing was found. */
  summary(): void {
    if (this.#on && !this.#json) print(this.count === 1 ? '1 hazard' : `${this.count} hazards`);
  }
}

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

function runTraces(
  files: readonly string[],
  json: boolean,
  hazards: HazardLines,
  size: ReadOptions,
  repairs: Pick<ReplayOptions, 'repairs'>,
): number {
  let operations = 0;
  let failed = 0;
  const { notRun, exitCode } = forEachTrace(files, (file) => {
    const result = replayTrace(readTraceFile(file, size), {
      check: false,
      ...repairs,
      ...hazards.options(file),
      onAnswer: (line, answer) => {
        if (json) print(toJson({ ...(files.length > 1 ? { file } : {}), in: line.source, out: answer }));
      },
    });
    operations += result.operations;
    if (result.difference !== undefined) failed++;
    if (!json) {
      if (result.difference === undefined) print(`${file}: ${result.operations} operations`);
      else printDifference(file, result.difference);
    }
  });
  hazards.summary();
  if (!json) print(`${files.length} traces, ${operations} operations${saidNotRun(notRun)}`);
  return notRun > 0 ? exitCode : failed === 0 ? ExitCode.ok : ExitCode.failure;
}

function checkTraces(files: readonly string[], json: boolean, hazards: HazardLines, size: ReadOptions): number {
  const results: ({ file: string } & ReplayResult)[] = [];
  const { notRun, exitCode } = forEachTrace(files, (file) => {
    const result = replayTrace(readTraceFile(file, { ...size, lazyAnswers: true }), {
      check: true,
      ...hazards.options(file),
    });
    results.push({ file, ...result });
    if (json) return;
    if (result.difference !== undefined) printDifference(file, result.difference);
    else if (result.compared === 0) print(`${file}: holds no recorded answers, nothing was compared`);
  });
  hazards.summary();
  const identical = results.filter((result) => result.difference === undefined).length;
  const operations = results.reduce((sum, result) => sum + result.operations, 0);
  if (json) print(toJson({ traces: results, identical, total: files.length, notRun, operations }, 2));
  else print(`${identical} of ${files.length} traces identical, ${operations} operations${saidNotRun(notRun)}`);
  return notRun > 0 ? exitCode : identical === files.length ? ExitCode.ok : ExitCode.failure;
}

function printDifference(file: string, difference: ReplayDifference): void {
  print(bold(`${file}:${difference.line}: ${difference.path === '' ? 'the answer' : difference.path} differs`));
  print(`  operation  ${toJson(difference.operation)}`);
  print(`  expected   ${toJson(difference.expected) ?? 'nothing'}`);
  print(`  actual     ${toJson(difference.actual) ?? 'nothing'}`);
}
