/** Errors of the typed API. `code` is the contract, the text is for people. */
import { errnoMessage, errnoName } from '../uapi/errno.ts';
import { hintFor } from './hints.ts';

/** What was asked of the device. */
export type SvmOperationName = 'setAttributes' | 'getAttributes' | 'prefetch';

/** Something the device refused. */
export class SvmError extends Error {
  /** Name of the errno: 'EINVAL', 'EOPNOTSUPP', ... */
  readonly code: string;
  /** Negative errno. */
  readonly errno: number;
  readonly syscall = 'ioctl';
  readonly operation: SvmOperationName;
  /** First byte of the range. */
  readonly address: bigint;
  /** Bytes. */
  readonly size: bigint;
  /** The rule that explains the refusal, where there is one, with its section of the specification. */
  readonly hint: string | undefined;

  constructor(errno: number, operation: SvmOperationName, address: bigint, size: bigint) {
    const name = errnoName(errno);
    const text = name === undefined ? 'unknown error' : errnoMessage(name);
    const hint = hintFor(name, operation, address, size);
    const where = `ioctl DRM_AMDGPU_GEM_SVM ${operation} [0x${address.toString(16)}, +0x${size.toString(16)})`;
    super(`${name ?? `errno ${-errno}`}: ${text}, ${where}${hint === undefined ? '' : ` - ${hint}`}`);
    this.name = 'SvmError';
    this.code = name ?? 'UNKNOWN';
    this.errno = errno;
    this.operation = operation;
    this.address = address;
    this.size = size;
    this.hint = hint;
  }
}
