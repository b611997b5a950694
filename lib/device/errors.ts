/** Errors of the typed API. `code` is the contract, the text is for people. */
import { errnoMessage, errnoName } from '../uapi/errno.ts';
import type { AttributePair } from '../uapi/call.ts';
import type { UapiProfile } from '../uapi/profile.ts';
import { svmRefusal } from '../words/refusals.ts';

/** What was asked of the device. */
export type SvmOperationName = 'setAttributes' | 'getAttributes' | 'resetAttributes' | 'prefetch';

const WORDS = { setAttributes: 'set', getAttributes: 'get', resetAttributes: 'reset', prefetch: 'set' } as const;

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

  /** `attributes`: the records that were sent, which with the revision and the module parameter may explain the refusal. */
  constructor(
    errno: number,
    operation: SvmOperationName,
    address: bigint,
    size: bigint,
    attributes?: readonly AttributePair[],
    profile?: UapiProfile,
    noretry: 'yes' | 'no' | 'maybe' = 'no',
  ) {
    const name = errnoName(errno);
    const text = name === undefined ? 'unknown error' : errnoMessage(name);
    const hint = svmRefusal(errno, {
      operation: WORDS[operation],
      getWalksVmas: profile?.getWalksVmas === true,
      noretry,
      address,
      size,
      ...(attributes === undefined ? {} : { attributes }),
    });
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
