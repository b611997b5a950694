/** `amdgpu-svm run --trace`: runs a program that writes the traffic view of its runtimes. */
import { runProgram } from './child.ts';
import { readArguments, UsageError } from './command.ts';
import type { Command } from './command.ts';
import { splitTrafficOption, trafficEnvironment, TRAFFIC_OPTIONS } from './options.ts';

const OPTIONS = { ...TRAFFIC_OPTIONS, json: { type: 'boolean', default: false } } as const;

export const runCommand: Command = {
  name: 'run',
  synopsis: '--trace[=FILE] [--json] -- COMMAND [ARGUMENT...]',
  help: `Runs COMMAND with AMDGPU_SVM_TRACE set. Every call of an HsaRuntime or a HipRuntime becomes a line

  hipMemAdvise(SetPreferredLocation, 1) -> GPU1: PREFERRED_LOC=1

when it has ended, a prefetch when it has run; so does every ioctl of an SvmDevice outside of such a
call ("ioctl -> ..."). The exit code is that of COMMAND.

  --trace        to standard error
  --trace=FILE   to FILE, which is emptied first ("%p" becomes the process id)
  --json         one JSON object per line, with addresses and sizes (docs/hsa.md)`,
  async run(args) {
    const separator = args.indexOf('--');
    const own = separator < 0 ? args : args.slice(0, separator);
    const { values, positionals } = readArguments('run', splitTrafficOption(own), OPTIONS, true);
    const [command, ...rest] = separator < 0 ? [] : args.slice(separator + 1);
    if (positionals.length > 0 || command === undefined) {
      throw new UsageError('run: expected --trace -- COMMAND [ARGUMENT...]; see amdgpu-svm run --help');
    }
    const environment = trafficEnvironment('run', values);
    if (environment === undefined)
      throw new UsageError('run: expected --trace or --trace=FILE; see amdgpu-svm run --help');
    return runProgram('run', command, rest, environment);
  },
};
