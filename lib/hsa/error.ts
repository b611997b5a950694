/** Status codes of HSA, and the error that carries one. */
import { SvmError } from '../device/errors.ts';

/** `hsa_status_t`, as far as this layer knows it. */
export const HsaStatus = {
  /** HSA_STATUS_SUCCESS */
  success: 0,
  /** HSA_STATUS_ERROR: among others whatever the device refuses. */
  error: 0x1000,
  /** HSA_STATUS_ERROR_INVALID_ARGUMENT */
  invalidArgument: 0x1001,
  /** HSA_STATUS_ERROR_INVALID_ALLOCATION */
  invalidAllocation: 0x1003,
  /** HSA_STATUS_ERROR_INVALID_AGENT */
  invalidAgent: 0x1004,
  /** HSA_STATUS_ERROR_INVALID_SIGNAL */
  invalidSignal: 0x1006,
  /** HSA_STATUS_ERROR_OUT_OF_RESOURCES */
  outOfResources: 0x1008,
  /** HSA_STATUS_ERROR_NOT_INITIALIZED: the runtime is closed. */
  notInitialized: 0x100b,
  /** HSA_STATUS_ERROR_INCOMPATIBLE_ARGUMENTS */
  incompatibleArguments: 0x100d,
  /** HSA_STATUS_ERROR_XNACK_DISABLED: a number of the extensions, which are decimal. */
  xnackDisabled: 48,
} as const;
export type HsaStatus = (typeof HsaStatus)[keyof typeof HsaStatus];

const NAMES: Readonly<Record<number, string>> = {
  [HsaStatus.success]: 'HSA_STATUS_SUCCESS',
  [HsaStatus.error]: 'HSA_STATUS_ERROR',
  [HsaStatus.invalidArgument]: 'HSA_STATUS_ERROR_INVALID_ARGUMENT',
  [HsaStatus.invalidAllocation]: 'HSA_STATUS_ERROR_INVALID_ALLOCATION',
  [HsaStatus.invalidAgent]: 'HSA_STATUS_ERROR_INVALID_AGENT',
  [HsaStatus.invalidSignal]: 'HSA_STATUS_ERROR_INVALID_SIGNAL',
  [HsaStatus.outOfResources]: 'HSA_STATUS_ERROR_OUT_OF_RESOURCES',
  [HsaStatus.notInitialized]: 'HSA_STATUS_ERROR_NOT_INITIALIZED',
  [HsaStatus.incompatibleArguments]: 'HSA_STATUS_ERROR_INCOMPATIBLE_ARGUMENTS',
  [HsaStatus.xnackDisabled]: 'HSA_STATUS_ERROR_XNACK_DISABLED',
};

/** Where a refusal comes from, as far as it is known. */
export interface HsaErrorDetails {
  /** Argument that was refused: 'pairs[1].value'. */
  readonly field?: string;
  /** Name of the GPU agent whose device refused: 'GPU0'. */
  readonly agent?: string;
  /** Negative errno of that device. */
  readonly errno?: number;
  /** Names of the GPU agents that had done it before. */
  readonly applied?: readonly string[];
  /** What the device said. */
  readonly cause?: unknown;
}

/** A call that HSA refuses. */
export class HsaError extends Error {
  /** Number of the status, `hsa_status_t`. */
  readonly status: HsaStatus;
  /** HSA's name of the status: 'HSA_STATUS_ERROR_INVALID_AGENT'. */
  readonly statusName: string;
  /** The same, under the name that every error of this package has. */
  readonly code: string;
  /** Argument that was refused, if it is one of them. */
  readonly field: string | undefined;
  /** Name of the GPU agent whose device refused, if one did. */
  readonly agent: string | undefined;
  /** Negative errno of that device. */
  readonly errno: number | undefined;
  /** Names of the GPU agents that had done it before and stay changed, in the order of `gpuAgents`. */
  readonly applied: readonly string[];

  /** The one reason for the refusal of the device, where a rule explains it. */
  readonly hint: string | undefined;

  constructor(status: HsaStatus, reason: string, details: HsaErrorDetails = {}) {
    const name = NAMES[status]!;
    const { field, agent, errno, applied = [], cause } = details;
    const hint = cause instanceof SvmError ? cause.hint : undefined;
    const text = `${field === undefined ? '' : `${field}: `}${reason}${hint === undefined ? '' : ` - ${hint}`}`;
    super(`${name} (0x${status.toString(16)}): ${text}`, cause === undefined ? {} : { cause });
    this.name = 'HsaError';
    this.status = status;
    this.statusName = name;
    this.code = name;
    this.field = field;
    this.agent = agent;
    this.errno = errno;
    this.applied = applied;
    this.hint = hint;
  }
}
