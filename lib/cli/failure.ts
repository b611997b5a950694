/** What a command says of an error, and with which exit code it ends. */
import { SvmError } from '../device/errors.ts';
import { TraceFileError } from '../trace/format/trace-file-error.ts';
import { ExitCode, UsageError } from './command.ts';
import { complain } from './output.ts';

/** Wrong input and refused options are the caller's; everything else is ours or the machine's. */
function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof UsageError || error instanceof TraceFileError) return ExitCode.usage;
  if (error instanceof SvmError && error.code === 'EOPNOTSUPP') return ExitCode.noDevice;
  const code: unknown = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ERR_SVM_INVALID_OPTION') return ExitCode.usage;
  if (code === 'ERR_SVM_BACKEND_UNAVAILABLE') return ExitCode.noDevice;
  return ExitCode.infrastructure;
}

/** What is said of an error, and the exit code for it. */
export interface Complaint {
  readonly text: string;
  readonly exitCode: ExitCode;
}

/** One line about `error`, with the stack where it is our own fault. */
export function complaintOf(error: unknown, about?: string): Complaint {
  const exitCode = exitCodeOf(error);
  const text = error instanceof Error ? error.message : String(error);
  const internal = exitCode === ExitCode.infrastructure && error instanceof Error && !('code' in error);
  const named = about === undefined || text.startsWith(about) ? text : `${about}: ${text}`;
  return { text: `amdgpu-svm: ${internal ? (error.stack ?? text) : named}`, exitCode };
}

/** Writes the line about `error` to standard error; returns its exit code. */
export function complainOf(error: unknown, about?: string): ExitCode {
  const { text, exitCode } = complaintOf(error, about);
  complain(text);
  return exitCode;
}
