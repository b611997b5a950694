/** `amdgpu-svm trace`: a trace as Chrome JSON, for ui.perfetto.dev. */
import { basename } from 'node:path';
import { chromeTraceOf } from '../trace/export/chrome-exporter.ts';
import { readTraceFile } from '../trace/format/read-trace.ts';
import { ExitCode, UsageError, writing } from './command.ts';
import type { trace as traceDefinition } from './commands/traces.ts';
import type { InputOf } from './definition.ts';
import { print } from './output.ts';
import { replaceFile } from './replace-file.ts';
import { readOptions } from './options.ts';
import { counted } from '../words/counted.ts';

export function runTrace({ values, operands }: InputOf<typeof traceDefinition>): ExitCode {
  const [file] = operands;
  if (file === undefined || operands.length > 1)
    throw new UsageError('trace: expected one trace FILE; see amdgpu-svm trace --help');
  const trace = chromeTraceOf(readTraceFile(file, readOptions(values)), basename(file));
  // One event per line: a file that diff and grep can work with.
  const { traceEvents, ...rest } = trace;
  const text = `{"traceEvents":[\n${traceEvents.map((event) => JSON.stringify(event)).join(',\n')}\n],${JSON.stringify(rest).slice(1)}\n`;
  if (values.output === undefined) {
    print(text.trimEnd());
    return ExitCode.ok;
  }
  const { output } = values;
  writing(output, () => replaceFile(output, text));
  print(
    `${output}: ${counted(Number(trace.otherData['operations']), 'operation')}, ${counted(traceEvents.length, 'event')}, ${(text.length / 1e6).toFixed(1)} MB`,
  );
  return ExitCode.ok;
}
