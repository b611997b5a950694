/** `--against` of replay and conformance: traces on the emulator and on another implementation at once. */
import { compareWith } from '../trace/against/divergence.ts';
import type { Comparison } from '../trace/against/divergence.ts';
import { ChildImplementation } from '../trace/against/implementation.ts';
import type { Implementation } from '../trace/against/implementation.ts';
import { readTraceLines } from '../trace/format/read-trace.ts';
import type { ReadOptions } from '../trace/format/read-trace.ts';
import type { OperationObject } from '../trace/operations/descriptor.ts';
import { ExitCode } from './command.ts';
import { complainOf } from './failure.ts';
import { bold, print, toJson } from './output.ts';
import { counted } from '../words/counted.ts';

/** How traces are held against another implementation. */
interface AgainstOptions {
  /** Milliseconds without an answer. */
  readonly timeout: number;
  readonly json: boolean;
  readonly size: ReadOptions;
}

/** Holds the traces in `files` against `command`; tells the first divergence of each. Returns the exit code. */
export async function replayAgainst(
  files: readonly string[],
  command: string,
  { timeout, json, size }: AgainstOptions,
): Promise<ExitCode> {
  const other = new ChildImplementation(command, timeout);
  const traces: ({ readonly file: string } & Comparison)[] = [];
  let exitCode: ExitCode = ExitCode.ok;
  try {
    for (const file of files) {
      let comparison: Comparison;
      try {
        comparison = await compareFile(other, file, size);
      } catch (error) {
        // Of several, one that cannot be read is reported, and the others still run.
        if (files.length === 1 || (error as { code?: unknown }).code !== 'ERR_SVM_TRACE') throw error;
        exitCode = Math.max(exitCode, complainOf(error, file)) as ExitCode;
        continue;
      }
      traces.push({ file, ...comparison });
      if (!json) tellComparison(file, comparison);
    }
  } finally {
    other.close();
  }
  const same = traces.filter(({ divergence }) => divergence === undefined).length;
  const operations = traces.reduce((sum, { compared }) => sum + compared, 0);
  if (json) print(toJson({ against: command, traces, same, total: files.length, operations }, 2));
  else
    print(
      `${same} of ${counted(files.length, 'trace')} without a divergence, ${counted(operations, 'operation')} compared`,
    );
  return exitCode !== ExitCode.ok ? exitCode : same === files.length ? ExitCode.ok : ExitCode.failure;
}

function compareFile(other: Implementation, file: string, size: ReadOptions): Promise<Comparison> {
  const operations = Array.from(readTraceLines(file, size), ({ source }) => source as OperationObject);
  // Each list begins with a configuration: what the machine of the last trace was is over.
  const begins = Object.hasOwn(operations[0]!, 'config');
  return compareWith(other, begins ? operations : [{ config: {} }, ...operations]);
}

function tellComparison(file: string, { divergence }: Comparison): void {
  if (divergence === undefined) return;
  const { kind, at, operation, path, expected, actual } = divergence;
  const what = kind === 'answer' ? `${path === '' ? 'the answer' : path} differs` : kind;
  print(bold(`${file}: operation ${at + 1}: ${what}`));
  print(`  operation  ${toJson(operation)}`);
  print(`  emulator   ${toJson(expected) ?? 'nothing'}`);
  print(`  other      ${toJson(actual) ?? 'nothing'}`);
}
