/** Programs that a command runs for its user. */
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { ExitCode } from './command.ts';
import { complain } from './output.ts';

/** Runs a program with this terminal and some more environment; its exit code, or 3 if it can't be started. */
export function runProgram(
  name: string,
  command: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<number> {
  const child = spawn(command, args, { stdio: 'inherit', env: { ...process.env, ...environment } });
  return new Promise((settle) => {
    child.on('error', (error) => {
      complain(`amdgpu-svm ${name}: ${command} can't be started: ${error.message}`);
      settle(ExitCode.infrastructure);
    });
    // A program that a signal ended is reported as a shell does.
    child.on('exit', (code, signal) => settle(code ?? 128 + (signal === null ? 0 : constants.signals[signal])));
  });
}
