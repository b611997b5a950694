/** `amdgpu-svm snapshot`: the address space after so many operations of a trace, as text. */
import { readTraceFile } from '../trace/format/read-trace.ts';
import { stateAfter, statesLines } from '../trace/replay/snapshot.ts';
import { ExitCode, readArguments, UsageError } from './command.ts';
import type { Command } from './command.ts';
import { print, toJson } from './output.ts';
import { readOptions, SIZE_HELP, SIZE_OPTION } from './options.ts';

const OPTIONS = {
  at: { type: 'string' },
  json: { type: 'boolean', default: false },
  ...SIZE_OPTION,
} as const;

export const snapshotCommand: Command = {
  name: 'snapshot',
  synopsis: 'FILE [--at N] [--json]',
  help: `Runs the first N operations of a trace and prints the state: mappings, notifiers, attribute
intervals, GPU ranges and PTE runs in address order. The state of PTEs: stale, perm, cow, orphan,
nodma, ok (docs/traces.md).

  --at N    operations to run, the configuration counts as one; default: all
  --json    the state as one object; of several GPUs a list of them
  ${SIZE_HELP}`,
  async run(args) {
    const { values, positionals } = readArguments('snapshot', args, OPTIONS, true);
    const [file] = positionals;
    if (file === undefined || positionals.length > 1)
      throw new UsageError('snapshot: expected one trace FILE; see amdgpu-svm snapshot --help');
    const lines = readTraceFile(file, readOptions('snapshot', values));
    const count = values.at === undefined ? lines.length : Number(values.at);
    if (!Number.isSafeInteger(count) || count < 1 || count > lines.length) {
      throw new UsageError(
        `snapshot: --at: expected a number of operations from 1 to ${lines.length}, got "${values.at}"`,
      );
    }
    const states = stateAfter(lines, count);
    if (values.json) print(toJson(states.length === 1 ? states[0] : states, 2));
    else for (const line of statesLines(states)) print(line);
    return ExitCode.ok;
  },
};
