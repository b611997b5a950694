/** Options of a runtime: those of HSA, other years, and what only HIP has. */
import { COMPATIBILITIES, resolveCommonOptions } from '../hsa/options.ts';
import type { CommonOptions, Compatibility, ResolvedCommonOptions } from '../hsa/options.ts';
import { rangeError } from '../uapi/errors.ts';
import { integerOf } from '../uapi/range.ts';

/** Values of the option `compatibility`. */
export const HIP_COMPATIBILITIES = COMPATIBILITIES;
/** 'rocm': what the code does; 'documented': what the manual says, where the two differ. */
export type HipCompatibility = Compatibility;

/** Values of the option `release`: the year of the HIP that is followed. */
export const HIP_RELEASES = ['2026', '2024'] as const;
/** Which HIP is followed where the years differ. */
export type HipRelease = (typeof HIP_RELEASES)[number];

/** Options of `HipRuntime.open`; `devices` are device 0, 1, ... of the runtime. */
export interface HipRuntimeOptions extends CommonOptions {
  /** Default '2026'. */
  readonly release?: HipRelease;
  /** Bits of `HipHmmFlag`, what ROC_HMM_FLAGS is to the original; the environment is not looked at. Default 0. */
  readonly hmmFlags?: number;
}

/** The options with defaults, without `devices`. */
export interface ResolvedHipOptions extends ResolvedCommonOptions<HipRelease> {
  readonly hmmFlags: number;
}

const ALL_HMM_FLAGS = 0x07;

/** Checks the options; throws TypeError or RangeError that names the bad one. */
export function resolveHipOptions(options: HipRuntimeOptions): ResolvedHipOptions {
  const common = resolveCommonOptions(options, HIP_RELEASES, ['hmmFlags']);
  if (options.devices?.length === 0)
    throw rangeError('ERR_SVM_INVALID_OPTION', 'devices: expected at least one device');
  return { ...common, hmmFlags: integerOf('hmmFlags', options.hmmFlags ?? 0, 0, ALL_HMM_FLAGS) };
}
