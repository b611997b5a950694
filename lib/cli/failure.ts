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

/** Writes one line about `error` to standard error, the stack too where it is our own fault; returns its exit code. */
export function complainOf(error: unknown, about?: string): ExitCode {
  const exitCode = exitCodeOf(error);
  const text = error instanceof Error ? error.message : String(error);
  const internal = exitCode === ExitCode.infrastructure && error instanceof Error && !('code' in error);
  const named = about === undefined || text.startsWith(about) ? text : `${about}: ${text}`;
  complain(`amdgpu-svm: ${internal ? (error.stack ?? text) : named}`);
  return exitCode;
}
