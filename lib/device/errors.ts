/** Errors of the typed API. `code` is the contract, the text is for people. */
import { errnoMessage, errnoName } from '../../emulator/index.ts';
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

/** A GPU access that can't be served. */
export class GpuFaultError extends Error {
  readonly code = 'ERR_SVM_GPU_FAULT';
  /** First byte of the first page that could not be accessed. */
  readonly address: bigint;
  readonly access: 'read' | 'write';
  /** Why, in one sentence. */
  readonly reason: string;

  constructor(address: bigint, access: 'read' | 'write', reason: string) {
    super(`GPU ${access} at 0x${address.toString(16)} failed: ${reason}`);
    this.name = 'GpuFaultError';
    this.address = address;
    this.access = access;
    this.reason = reason;
  }
}

/** Codes of errors that are raised before anything reaches the device. */
export type ArgumentErrorCode =
  | 'ERR_SVM_INVALID_TYPE'
  | 'ERR_SVM_OUT_OF_RANGE'
  | 'ERR_SVM_UNKNOWN_ATTRIBUTE'
  | 'ERR_SVM_INVALID_VALUE'
  | 'ERR_SVM_INVALID_OPTION';

/** A TypeError with a code. */
export function typeError(code: ArgumentErrorCode, message: string): TypeError {
  return Object.assign(new TypeError(message), { code });
}

/** A RangeError with a code. */
export function rangeError(code: ArgumentErrorCode, message: string): RangeError {
  return Object.assign(new RangeError(message), { code });
}

/** An Error with a code of this package. */
export function codedError(
  code: `ERR_SVM_${string}`,
  message: string,
  options?: ErrorOptions,
): Error & { code: string } {
  return Object.assign(new Error(message, options), { code });
}

/** A value as it is shown in a complaint: short, and never a surprise. */
export function show(value: unknown): string {
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'function') return 'a function';
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'an array' : 'an object';
  return String(value);
}
