/** Programs that a command runs for its user. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { constants } from 'node:os';
import { isatty } from 'node:tty';
import { ExitCode } from './command.ts';
import { complain } from './output.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Runs a program with this terminal and some more environment; its exit code, or 3 if it cannot be started. */
export function runProgram(
  name: string,
  command: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<number> {
  const child = spawn(command, args, { stdio: 'inherit', env: { ...process.env, ...environment } });
  const stopForwarding = forwardSignals(child);
  return new Promise<number>((settle) => {
    child.on('error', (error) => {
      complain(`amdgpu-svm ${name}: ${command} cannot be started: ${error.message}`);
      settle(ExitCode.infrastructure);
    });
    // A program that a signal ended is reported as a shell does.
    child.on('exit', (code, signal) => settle(code ?? 128 + (signal === null ? 0 : constants.signals[signal])));
  }).finally(stopForwarding);
}

/** Ending this program means ending the one that it runs, and that one decides how it ends. Returns what stops it. */
function forwardSignals(child: ChildProcess): () => void {
  // Ctrl-C at a terminal reaches the program by itself; the second one would be taken for impatience.
  const atTerminal = [0, 1, 2].some((descriptor) => isatty(descriptor));
  const listeners = SIGNALS.map((signal) => {
    const listener = (): void => {
      if (!(atTerminal && signal !== 'SIGTERM')) child.kill(signal);
    };
    process.on(signal, listener);
    return [signal, listener] as const;
  });
  return () => {
    for (const [signal, listener] of listeners) process.off(signal, listener);
  };
}
