/** What a command of the command line is, and how its arguments are read. */
import { parseArgs } from 'node:util';
import type { ParseArgsConfig } from 'node:util';

/** Exit codes. */
export const ExitCode = {
  ok: 0,
  /** Differences or failures. */
  failure: 1,
  usage: 2,
  infrastructure: 3,
  noDevice: 4,
} as const;
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

/** Wrong input on the command line: one clear line, exit code 2. */
export class UsageError extends Error {
  readonly code = 'ERR_SVM_USAGE';

  constructor(message: string) {
    super(message);
    this.name = 'UsageError';
  }
}

/** One command. `run` gets the arguments after its name and returns the exit code. */
export interface Command {
  readonly name: string;
  /** Arguments as shown in the usage line. */
  readonly synopsis: string;
  /** Text of `--help`: options, one per line, and remarks. */
  readonly help: string;
  run(args: readonly string[]): Promise<number>;
}

/** node:util parseArgs, with its complaints as UsageError. */
export function readArguments<const Options extends NonNullable<ParseArgsConfig['options']>>(
  command: string,
  args: readonly string[],
  options: Options,
  positionals: boolean,
): ReturnType<typeof parseArgs<{ options: Options; allowPositionals: boolean; strict: true }>> {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: positionals, strict: true });
  } catch (error) {
    // parseArgs explains at length how to pass a positional that begins with a dash; the first sentence is enough.
    const [sentence = ''] = (error as Error).message.split(/\. To specify|\n/);
    throw new UsageError(`${command}: ${sentence.replace(/\.$/, '')}; see amdgpu-svm ${command} --help`);
  }
}
