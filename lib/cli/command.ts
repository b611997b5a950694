/** How a command ends: exit codes, and the error of wrong use. */

/**
 * Exit codes, one rule for all commands. `record`, `run` and `serve --run` give that of the program that they start, where
 * one was started.
 */
export const ExitCode = {
  /** It was done, and nothing is wrong with what was looked at. */
  ok: 0,
  /** It was done, and what was looked at differs, fails or has a defect, or nothing came of it. */
  failure: 1,
  /** Wrong use: an option, an argument, or an input that is missing or not what it should be. */
  usage: 2,
  /** The machine or the tool: an output that cannot be written, a program or a server that is not there, a crash. */
  infrastructure: 3,
  /** No device can do what was asked for. */
  noDevice: 4,
} as const;
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

/** The rule for people; docs/cli.md says the same. */
export const EXIT_CODES = `Exit codes: 0 done, nothing wrong; 1 what was looked at differs, fails or has a defect, or nothing came of it; 2 wrong use, or an input that is missing or not what it should be; 3 an output cannot be written, a program cannot be started, a server not be reached, or something crashed; 4 no capable device.`;

/** An output that cannot be written: exit code 3, in every command. */
export class OutputError extends Error {
  readonly code = 'ERR_SVM_OUTPUT';

  constructor(path: string, cause: unknown) {
    super(`${path} cannot be written: ${(cause as Error).message}`, { cause });
    this.name = 'OutputError';
  }
}

/** Does what writes to `path`, a file or a folder; throws `OutputError` for what the system refuses. */
export function writing<Result>(path: string, action: () => Result): Result {
  try {
    return action();
  } catch (error) {
    throw new OutputError(path, error);
  }
}

/** Wrong input on the command line: one clear line, exit code 2. */
export class UsageError extends Error {
  readonly code = 'ERR_SVM_USAGE';

  constructor(message: string) {
    super(message);
    this.name = 'UsageError';
  }
}
