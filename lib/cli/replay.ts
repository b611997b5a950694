/** `amdgpu-svm replay`: runs traces on the emulator, and checks them against what was recorded. */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { readTraceFile, TraceFileError } from '../trace/read-trace.ts';
import { replayTrace } from '../trace/replay.ts';
import type { ReplayDifference, ReplayResult } from '../trace/replay.ts';
import { ExitCode, readArguments } from './command.ts';
import type { Command } from './command.ts';
import { bold, print, toJson } from './output.ts';
import { UsageError } from './usage-error.ts';

const OPTIONS = {
  check: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
} as const;

export const replayCommand: Command = {
  name: 'replay',
  synopsis: 'FILE... [--check] [--json]',
  summary: 'run traces on the emulator; --check compares them with what was recorded',
  help: `Runs traces (plain or gzip; a folder stands for all *.jsonl and *.jsonl.gz in it) on the emulator.

  --check   compare every answer and every effect with the recorded ones; print the
            first difference of each trace; exit 1 if any differs
  --json    without --check: every operation with the emulator's answer, one a line;
            with --check: the result as one object`,
  async run(args) {
    const { values, positionals } = readArguments('replay', args, OPTIONS, true);
    if (positionals.length === 0) throw new UsageError('replay: expected at least one trace FILE; see amdgpu-svm replay --help');
    const files = positionals.flatMap(traceFiles);
    return values.check ? checkTraces(files, values.json) : runTraces(files, values.json);
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

function runTraces(files: readonly string[], json: boolean): number {
  let operations = 0;
  let failed = 0;
  for (const file of files) {
    const result = replayTrace(readTraceFile(file), {
      check: false,
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
  }
  if (!json) print(`${files.length} traces, ${operations} operations`);
  return failed === 0 ? ExitCode.ok : ExitCode.failure;
}

function checkTraces(files: readonly string[], json: boolean): number {
  const results: ({ file: string } & ReplayResult)[] = [];
  for (const file of files) {
    const result = replayTrace(readTraceFile(file), { check: true });
    results.push({ file, ...result });
    if (json) continue;
    if (result.difference !== undefined) printDifference(file, result.difference);
    else if (result.compared === 0) print(`${file}: holds no recorded answers, nothing was compared`);
  }
  const identical = results.filter((result) => result.difference === undefined).length;
  const operations = results.reduce((sum, result) => sum + result.operations, 0);
  if (json) print(toJson({ traces: results, identical, total: results.length, operations }, 2));
  else print(`${identical} of ${results.length} traces identical, ${operations} operations`);
  return identical === results.length ? ExitCode.ok : ExitCode.failure;
}

function printDifference(file: string, difference: ReplayDifference): void {
  print(bold(`${file}:${difference.line}: ${difference.path === '' ? 'the answer' : difference.path} differs`));
  print(`  operation  ${toJson(difference.operation)}`);
  print(`  expected   ${toJson(difference.expected) ?? 'nothing'}`);
  print(`  actual     ${toJson(difference.actual) ?? 'nothing'}`);
}
