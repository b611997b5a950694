/** `amdgpu-svm snapshot`: the address space after so many operations of a trace, as text. */
import { readTraceFile } from '../trace/format/read-trace.ts';
import { stateAfter, statesLines } from '../trace/replay/snapshot.ts';
import { ExitCode, UsageError } from './command.ts';
import type { snapshot } from './commands/traces.ts';
import type { InputOf } from './definition.ts';
import { print, toJson } from './output.ts';
import { readOptions } from './options.ts';

export function runSnapshot({ values, operands }: InputOf<typeof snapshot>): ExitCode {
  const [file] = operands;
  if (file === undefined || operands.length > 1)
    throw new UsageError('snapshot: expected one trace FILE; see amdgpu-svm snapshot --help');
  const lines = readTraceFile(file, readOptions(values));
  const count = values.at ?? lines.length;
  if (count > lines.length) {
    throw new UsageError(
      `snapshot: --at: expected a number of operations from 1 to ${lines.length}, got "${values.at}"`,
    );
  }
  const states = stateAfter(lines, count);
  if (values.json) print(toJson(states.length === 1 ? states[0] : states, 2));
  else for (const line of statesLines(states)) print(line);
  return ExitCode.ok;
}
