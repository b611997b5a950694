// Models: nothing - the error of a system call that the emulated process makes.
import { errnoMessage, errnoName } from '../lib/uapi/errno.ts';

/** A refused system call of the emulated process. */
export class EmulatedSyscallError extends Error {
  readonly code: string;
  /** Negative errno. */
  readonly errno: number;
  readonly syscall: string;

  constructor(result: number, syscall: string, where: string) {
    const name = errnoName(result);
    super(`${name ?? `errno ${-result}`}: ${name === undefined ? 'failed' : errnoMessage(name)}, ${syscall} ${where}`);
    this.name = 'EmulatedSyscallError';
    this.code = name ?? 'UNKNOWN';
    this.errno = result;
    this.syscall = syscall;
  }
}
