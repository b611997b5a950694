/** `amdgpu-svm trace`: a trace as Chrome JSON, for ui.perfetto.dev. */
import { basename } from 'node:path';
import { chromeTraceOf } from '../trace/export/chrome-exporter.ts';
import { readTraceFile } from '../trace/format/read-trace.ts';
import { ExitCode, readArguments, UsageError } from './command.ts';
import type { Command } from './command.ts';
import { complain, print } from './output.ts';
import { replaceFile } from './replace-file.ts';
import { readOptions, SIZE_HELP, SIZE_OPTION } from './options.ts';

const OPTIONS = { output: { type: 'string', short: 'o' }, ...SIZE_OPTION } as const;

export const traceCommand: Command = {
  name: 'trace',
  synopsis: 'FILE [-o OUT.json]',
  help: `Runs a trace (plain or gzip) on the emulator and writes what happened as a Chrome JSON trace: operations,
page table and driver as slices, each fault in flight as a track of its own with an arrow to the mapping
that served it, counters. Open it in ui.perfetto.dev or chrome://tracing. See docs/perfetto.md.

  -o, --output OUT.json   where to write; default: standard output
  ${SIZE_HELP}`,
  async run(args) {
    const { values, positionals } = readArguments('trace', args, OPTIONS, true);
    const [file] = positionals;
    if (file === undefined || positionals.length > 1)
      throw new UsageError('trace: expected one trace FILE; see amdgpu-svm trace --help');
    const trace = chromeTraceOf(readTraceFile(file, readOptions('trace', values)), basename(file));
    // One event per line: a file that diff and grep can work with.
    const { traceEvents, ...rest } = trace;
    const text = `{"traceEvents":[\n${traceEvents.map((event) => JSON.stringify(event)).join(',\n')}\n],${JSON.stringify(rest).slice(1)}\n`;
    if (values.output === undefined) {
      print(text.trimEnd());
      return ExitCode.ok;
    }
    try {
      replaceFile(values.output, text);
    } catch (error) {
      complain(`amdgpu-svm trace: ${values.output} cannot be written: ${(error as Error).message}`);
      return ExitCode.infrastructure;
    }
    print(
      `${values.output}: ${trace.otherData['operations']} operations, ${traceEvents.length} events, ${(text.length / 1e6).toFixed(1)} MB`,
    );
    return ExitCode.ok;
  },
};
