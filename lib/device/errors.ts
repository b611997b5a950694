/** Errors of the typed API. `code` is the contract, the text is for people. */
import { errnoMessage, errnoName } from '../uapi/errno.ts';
import type { ByteRange } from '../uapi/range.ts';
import { svmRefusal } from '../words/refusals.ts';
import type { RefusedCall } from '../words/refusals.ts';

/** What was asked of the device. */
export type SvmOperationName = 'setAttributes' | 'getAttributes' | 'resetAttributes' | 'prefetch';

const WORDS = { setAttributes: 'set', getAttributes: 'get', resetAttributes: 'reset', prefetch: 'set' } as const;

/** What may explain a refusal. */
export type RefusalFacts = Omit<RefusedCall, 'operation' | 'address' | 'size'>;

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
  /** The rule that explains the refusal, where there is one. */
  readonly hint: string | undefined;

  /** `facts`: the records that were sent, and what is known of GPU and process, which may explain the refusal. */
  constructor(errno: number, operation: SvmOperationName, { address, size }: ByteRange, facts: RefusalFacts = {}) {
    const name = errnoName(errno);
    const text = name === undefined ? 'unknown error' : errnoMessage(name);
    const hint = svmRefusal(errno, { ...facts, operation: WORDS[operation], address, size });
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
