/** Options of a runtime. */
import { rangeError, show, typeError } from '../device/errors.ts';
import { integerOf } from '../device/range.ts';
import type { SvmDevice } from '../device/svm-device.ts';

export const HIP_COMPATIBILITIES = ['rocm', 'documented'] as const;
/** 'rocm': what the code does; 'documented': what the manual says, where the two differ. */
export type HipCompatibility = (typeof HIP_COMPATIBILITIES)[number];

export const HIP_REVISIONS = ['2026', '2024'] as const;
/** Which HIP is followed where the years differ. */
export type HipRevision = (typeof HIP_REVISIONS)[number];

/** Options of `HipRuntime.open`. */
export interface HipRuntimeOptions {
  /**
   * Device 0, 1, ... of the runtime; all of one process. They stay yours: `close` leaves
   * them open. Default: what `SvmDevice.open()` gives, which the runtime then closes itself.
   */
  readonly devices?: readonly SvmDevice[];
  /** Default 'rocm'. */
  readonly compatibility?: HipCompatibility;
  /** Default '2026'. */
  readonly revision?: HipRevision;
  /** Number of NUMA nodes with a CPU, 1 to 64. Default 1. */
  readonly cpuAgents?: number;
  /** Bits of `HipHmmFlag`, what ROC_HMM_FLAGS is to the original; the environment is not looked at. Default 0. */
  readonly hmmFlags?: number;
}

/** The options with defaults, without `devices`. */
export interface ResolvedHipOptions {
  readonly compatibility: HipCompatibility;
  readonly revision: HipRevision;
  readonly cpuAgents: number;
  readonly hmmFlags: number;
}

const KNOWN = ['devices', 'compatibility', 'revision', 'cpuAgents', 'hmmFlags'];
const MOST_CPU_AGENTS = 64;
const ALL_HMM_FLAGS = 0x07;

/** Checks the options (`devices` in part: the runtime below checks each); throws TypeError or RangeError that names the bad one. */
export function resolveHipOptions(options: HipRuntimeOptions): ResolvedHipOptions {
  if (typeof options !== 'object' || options === null) {
    throw typeError('ERR_SVM_INVALID_OPTION', `options: expected an object, got ${show(options)}`);
  }
  for (const name of Object.keys(options)) {
    if (!KNOWN.includes(name)) throw typeError('ERR_SVM_INVALID_OPTION', `options.${name}: unknown option; known: ${KNOWN.join(', ')}`);
  }
  if (Array.isArray(options.devices) && options.devices.length === 0) {
    throw rangeError('ERR_SVM_INVALID_OPTION', 'devices: expected at least one device');
  }
  return {
    compatibility: oneOf('compatibility', options.compatibility ?? 'rocm', HIP_COMPATIBILITIES),
    revision: oneOf('revision', options.revision ?? '2026', HIP_REVISIONS),
    cpuAgents: integerOf('cpuAgents', options.cpuAgents ?? 1, 1, MOST_CPU_AGENTS),
    hmmFlags: integerOf('hmmFlags', options.hmmFlags ?? 0, 0, ALL_HMM_FLAGS),
  };
}

function oneOf<Word extends string>(name: string, value: unknown, words: readonly Word[]): Word {
  if (!(words as readonly unknown[]).includes(value)) {
    throw rangeError('ERR_SVM_INVALID_OPTION', `${name}: expected one of ${words.join(', ')}, got ${show(value)}`);
  }
  return value as Word;
}
