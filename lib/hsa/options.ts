/** Options of a runtime, and their reader, which the HIP layer uses for its own. */
import { rangeError, show, typeError } from '../uapi/errors.ts';
import { integerOf } from '../uapi/range.ts';
import { backendOf, SvmDevice } from '../device/svm-device.ts';

const RELEASES = ['2026', '2025'] as const;
/** Which runtime is followed where the years differ. */
export type Release = (typeof RELEASES)[number];

export const COMPATIBILITIES = ['rocm', 'documented'] as const;
/** 'rocm': what the code does; 'documented': what its header promises, where that differs. */
export type Compatibility = (typeof COMPATIBILITIES)[number];

/** What the options of every layer have in common. */
export interface CommonOptions {
  /**
   * One GPU each, in this order; all of one process (one machine, or the kernel). They
   * stay yours: `close` leaves them open. Default: what `SvmDevice.open()` gives, which
   * the runtime then closes itself.
   */
  readonly devices?: readonly SvmDevice[];
  /** Number of CPU agents (NUMA nodes), 1 to 64. Default 1. */
  readonly cpuAgents?: number;
  /** Default 'rocm'. */
  readonly compatibility?: Compatibility;
}

/** Options of `HsaRuntime.open`. */
export interface HsaRuntimeOptions extends CommonOptions {
  /** Default '2026'. */
  readonly release?: Release;
}

/** The common options, checked, without `devices`. */
export interface ResolvedCommonOptions<Year extends string> {
  readonly cpuAgents: number;
  readonly release: Year;
  readonly compatibility: Compatibility;
}
export type ResolvedOptions = ResolvedCommonOptions<Release>;

const COMMON = ['devices', 'compatibility', 'release', 'cpuAgents'] as const;
const MOST_CPU_AGENTS = 64;

/** Checks the options; throws TypeError or RangeError that names the bad one. */
export function resolveOptions(options: HsaRuntimeOptions): ResolvedOptions {
  return resolveCommonOptions(options, RELEASES, []);
}

/** Checks what all layers have in common. `releases`: the first is the default; `others`: names of options that the caller checks itself. */
export function resolveCommonOptions<Year extends string>(
  options: CommonOptions & { readonly release?: Year },
  releases: readonly [Year, ...Year[]],
  others: readonly string[],
): ResolvedCommonOptions<Year> {
  if (typeof options !== 'object' || options === null) {
    throw typeError('ERR_SVM_INVALID_OPTION', `options: expected an object, got ${show(options)}`);
  }
  const known: readonly string[] = [...COMMON, ...others];
  for (const name of Object.keys(options)) {
    if (!known.includes(name))
      throw typeError('ERR_SVM_INVALID_OPTION', `options.${name}: unknown option; known: ${known.join(', ')}`);
  }
  checkDevices(options.devices);
  return {
    cpuAgents: integerOf('cpuAgents', options.cpuAgents ?? 1, 1, MOST_CPU_AGENTS),
    release: oneOf('release', options.release ?? releases[0], releases),
    compatibility: oneOf('compatibility', options.compatibility ?? 'rocm', COMPATIBILITIES),
  };
}

function checkDevices(devices: readonly SvmDevice[] | undefined): void {
  if (devices === undefined) return;
  if (!Array.isArray(devices))
    throw typeError('ERR_SVM_INVALID_TYPE', `devices: expected a list of SvmDevices, got ${show(devices)}`);
  const list: readonly unknown[] = devices;
  for (const [index, device] of list.entries()) {
    if (!(device instanceof SvmDevice))
      throw typeError('ERR_SVM_INVALID_TYPE', `devices[${index}]: expected an SvmDevice, got ${show(device)}`);
    if (list.indexOf(device) !== index)
      throw rangeError('ERR_SVM_INVALID_OPTION', `devices[${index}]: this device is in the list already`);
    if (backendOf(device).addressSpace !== backendOf(list[0] as SvmDevice).addressSpace) {
      throw rangeError(
        'ERR_SVM_INVALID_OPTION',
        `devices[${index}]: not of the same process as devices[0] (another machine, or another backend)`,
      );
    }
  }
}

function oneOf<Word extends string>(name: string, value: unknown, words: readonly Word[]): Word {
  if (!(words as readonly unknown[]).includes(value)) {
    throw rangeError('ERR_SVM_INVALID_OPTION', `${name}: expected one of ${words.join(', ')}, got ${show(value)}`);
  }
  return value as Word;
}
