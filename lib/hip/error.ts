/** Error codes of HIP, and the error that carries one (spec/hip §1). */
import { SvmError } from '../device/errors.ts';
import { HsaError } from '../hsa/error.ts';

/** `hipError_t`, as far as this layer knows it. */
export const HipStatus = {
  /** hipSuccess */
  success: 0,
  /** hipErrorInvalidValue */
  invalidValue: 1,
  /** hipErrorOutOfMemory, also called hipErrorMemoryAllocation */
  outOfMemory: 2,
  /** hipErrorDeinitialized: the runtime is closed. */
  deinitialized: 4,
  /** hipErrorInvalidMemcpyDirection */
  invalidMemcpyDirection: 21,
  /** hipErrorInvalidDevice */
  invalidDevice: 101,
  /** hipErrorInvalidHandle */
  invalidHandle: 400,
  /** hipErrorNotReady: an answer of `streamQuery` and `eventQuery`, never thrown. */
  notReady: 600,
  /** hipErrorIllegalAddress: an access of the GPU could not be served. The original ends the process instead. */
  illegalAddress: 700,
  /** hipErrorPeerAccessAlreadyEnabled */
  peerAccessAlreadyEnabled: 704,
  /** hipErrorPeerAccessNotEnabled */
  peerAccessNotEnabled: 705,
  /** hipErrorContextIsDestroyed: of a destroyed stream. */
  contextIsDestroyed: 709,
  /** hipErrorHostMemoryAlreadyRegistered */
  hostMemoryAlreadyRegistered: 712,
  /** hipErrorHostMemoryNotRegistered */
  hostMemoryNotRegistered: 713,
  /** hipErrorLaunchFailure: work of `launch` failed. */
  launchFailure: 719,
  /** hipErrorNotSupported */
  notSupported: 801,
  /** hipErrorStreamDetached: of a stream whose execution context was destroyed. */
  streamDetached: 916,
} as const;
export type HipStatus = (typeof HipStatus)[keyof typeof HipStatus];

const NAMES: Readonly<Record<HipStatus, string>> = {
  [HipStatus.success]: 'hipSuccess',
  [HipStatus.invalidValue]: 'hipErrorInvalidValue',
  [HipStatus.outOfMemory]: 'hipErrorOutOfMemory',
  [HipStatus.deinitialized]: 'hipErrorDeinitialized',
  [HipStatus.invalidMemcpyDirection]: 'hipErrorInvalidMemcpyDirection',
  [HipStatus.invalidDevice]: 'hipErrorInvalidDevice',
  [HipStatus.invalidHandle]: 'hipErrorInvalidHandle',
  [HipStatus.notReady]: 'hipErrorNotReady',
  [HipStatus.illegalAddress]: 'hipErrorIllegalAddress',
  [HipStatus.peerAccessAlreadyEnabled]: 'hipErrorPeerAccessAlreadyEnabled',
  [HipStatus.peerAccessNotEnabled]: 'hipErrorPeerAccessNotEnabled',
  [HipStatus.contextIsDestroyed]: 'hipErrorContextIsDestroyed',
  [HipStatus.hostMemoryAlreadyRegistered]: 'hipErrorHostMemoryAlreadyRegistered',
  [HipStatus.hostMemoryNotRegistered]: 'hipErrorHostMemoryNotRegistered',
  [HipStatus.launchFailure]: 'hipErrorLaunchFailure',
  [HipStatus.notSupported]: 'hipErrorNotSupported',
  [HipStatus.streamDetached]: 'hipErrorStreamDetached',
};

/** What the thread was told last, `hipGetLastError`; each worker has a module of its own. */
let lastError: HipStatus = HipStatus.success;

/** `hipPeekAtLastError`. */
export function peekAtLastError(): HipStatus {
  return lastError;
}

/** `hipGetLastError`: from now on there is none. */
export function takeLastError(): HipStatus {
  const last = lastError;
  lastError = HipStatus.success;
  return last;
}

/** A call that HIP refuses, or a command that failed. It becomes the last error of the thread. */
export class HipError extends Error {
  /** `hipError_t`. */
  readonly code: HipStatus;
  /** HIP's name of the code: 'hipErrorInvalidDevice'. */
  readonly codeName: string;

  /** The one reason for the refusal of a device, where a rule explains it. */
  readonly hint: string | undefined;

  /** `cause`: what a layer below said, if it was asked. */
  constructor(code: HipStatus, reason: string, cause?: unknown) {
    super(`${NAMES[code]} (${code}): ${reason}`, cause === undefined ? {} : { cause });
    this.name = 'HipError';
    this.code = code;
    this.codeName = NAMES[code];
    lastError = code;
    this.hint = cause instanceof HsaError || cause instanceof SvmError ? cause.hint : undefined;
  }
}

/** What HIP says where the backend refuses memory of the process: nothing is mapped there, or it cannot do that. */
export function ofProcessMemory(error: unknown): unknown {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'EFAULT') return invalidValue(message, error);
  if (code === 'ERR_SVM_NOT_AVAILABLE') return new HipError(HipStatus.notSupported, message, error);
  return error;
}

/** hipErrorInvalidValue. */
export function invalidValue(reason: string, cause?: unknown): HipError {
  return new HipError(HipStatus.invalidValue, reason, cause);
}
