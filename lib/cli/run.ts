/** `amdgpu-svm run --trace`: runs a program that writes the traffic view of its runtimes. */
import { runProgram } from './child.ts';
import { UsageError } from './command.ts';
import type { run } from './commands/programs.ts';
import type { InputOf } from './definition.ts';
import { trafficEnvironment } from './options.ts';

export async function runRun({ values, program }: InputOf<typeof run>): Promise<number> {
  const [command, ...rest] = program ?? [];
  if (command === undefined)
    throw new UsageError('run: expected --trace -- COMMAND [ARGUMENT...]; see amdgpu-svm run --help');
  const environment = trafficEnvironment(values);
  if (environment === undefined)
    throw new UsageError('run: expected --trace or --trace=FILE; see amdgpu-svm run --help');
  return runProgram('run', command, rest, environment);
}
