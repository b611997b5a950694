/** Options that several commands take. Of those that name a device undefined stays undefined: the option was not given. */
import { closeSync, openSync } from 'node:fs';
import { resolve } from 'node:path';
import { GPU_CATALOGUE, repairsArgument, repairsOfText, xnackOffRefusal } from '../device/emulated.ts';
import type { AsicName } from '../device/emulated.ts';
import { BACKENDS } from '../device/index.ts';
import type { BackendName } from '../device/index.ts';
import { DEFAULT_PROFILE, isProfileName, UAPI_PROFILES } from '../uapi/profile.ts';
import type { UapiProfileName } from '../uapi/profile.ts';
import { DEFAULT_MAX_SIZE } from '../trace/format/read-trace.ts';
import type { ReadOptions } from '../trace/format/read-trace.ts';
import { UsageError } from './command.ts';

/** `--backend`; throws `UsageError` for a name that is none. */
export function backendOption(command: string, backend: string | undefined): BackendName | undefined {
  if (backend !== undefined && !(BACKENDS as readonly string[]).includes(backend)) {
    throw new UsageError(`${command}: --backend: expected one of ${BACKENDS.join(', ')}, got "${backend}"`);
  }
  return backend as BackendName | undefined;
}

/** `--asic`, a GPU of the catalogue; throws `UsageError` for a name that is none. */
export function asicOption(command: string, asic: string | undefined): AsicName | undefined {
  if (asic !== undefined && !Object.hasOwn(GPU_CATALOGUE, asic)) {
    throw new UsageError(`${command}: --asic: expected one of ${Object.keys(GPU_CATALOGUE).join(', ')}, got "${asic}"`);
  }
  return asic as AsicName | undefined;
}

/** Names for `--profile`, as a help text lists them. */
export const PROFILE_NAMES: string = Object.keys(UAPI_PROFILES).join(', ');

/** `--profile`, a revision of the user ABI; throws `UsageError` for a name that is none. */
export function profileOption(command: string, profile: string | undefined): UapiProfileName | undefined {
  if (profile === undefined || isProfileName(profile)) return profile;
  throw new UsageError(`${command}: --profile: expected one of ${PROFILE_NAMES}, got "${profile}"`);
}

/** `--xnack-off`, for the help of a command. */
export const XNACK_OFF_HELP = 'a GPU whose XNACK is switched off; only with --profile v7-xnack-off';

/** `--xnack-off`; throws `UsageError` where the profile, that of the environment if none is given, has no mode for it. */
export function xnackOffOption(
  command: string,
  xnackOff: boolean,
  profile: UapiProfileName | undefined,
): { xnackOff?: true } {
  if (!xnackOff) return {};
  const named = profile ?? (process.env['AMDGPU_SVM_PROFILE'] || DEFAULT_PROFILE);
  // The device refuses a name that is none.
  const refusal = isProfileName(named) ? xnackOffRefusal(named) : undefined;
  if (refusal !== undefined) throw new UsageError(`${command}: --xnack-off: ${refusal}`);
  return { xnackOff: true };
}

/** `--repairs`, for the help of a command. */
export const REPAIRS_HELP =
  "defects of the driver that are repaired: 'all', or ids with commas between them (docs/repairs.md)";

/** `--repairs`; throws `UsageError` for what is none of the profile, that of the environment if none is given. */
export function repairsOption(
  command: string,
  text: string | undefined,
  profile: UapiProfileName | undefined,
): { repairs?: 'all' | readonly string[] } {
  if (text === undefined) return {};
  const repairs = repairsOfText(text);
  const named = profile ?? (process.env['AMDGPU_SVM_PROFILE'] || DEFAULT_PROFILE);
  try {
    // The device refuses a name that is none.
    if (isProfileName(named)) repairsArgument(named, repairs);
  } catch (error) {
    throw new UsageError(`${command}: --${(error as Error).message}`);
  }
  return { repairs };
}

/** `--max-size` of the commands that read traces, for parseArgs. */
export const SIZE_OPTION = { 'max-size': { type: 'string' } } as const;

/** For the help of a command. */
export const SIZE_HELP = `--max-size N   read traces of up to N bytes, unpacked; default ${DEFAULT_MAX_SIZE} (256 MiB)`;

/** What the option says to readers of traces. */
export function readOptions(command: string, values: { 'max-size'?: string }): ReadOptions {
  const { 'max-size': text } = values;
  if (text === undefined) return {};
  const maxSize = /^\d{1,15}$/.test(text) ? Number(text) : 0;
  if (maxSize < 1) throw new UsageError(`${command}: --max-size: expected a number of bytes, got "${text}"`);
  return { maxSize };
}

/** `--trace[=FILE]`, for parseArgs after `splitTrafficOption`; it stands for an environment (lib/device/traffic-output.ts). */
export const TRAFFIC_OPTIONS = {
  trace: { type: 'boolean', default: false },
  'trace-file': { type: 'string' },
} as const;

/** parseArgs has no options with an optional value: `--trace=FILE` becomes `--trace-file FILE`. */
export function splitTrafficOption(args: readonly string[]): string[] {
  return args.flatMap((each) =>
    each.startsWith('--trace=') ? ['--trace-file', each.slice('--trace='.length)] : [each],
  );
}

/** The environment that makes runtimes and devices write their traffic; undefined without the option. A file is emptied. */
export function trafficEnvironment(
  command: string,
  values: { trace: boolean; 'trace-file'?: string; json: boolean },
): Record<string, string> | undefined {
  const { trace, 'trace-file': file, json } = values;
  if (file === '') throw new UsageError(`${command}: --trace=FILE: the name of the file is missing`);
  if (file === undefined) return trace ? { AMDGPU_SVM_TRACE: json ? 'json' : '1' } : undefined;
  const path = resolve(file);
  // With "%p" the names are not known yet.
  if (!path.includes('%p')) closeSync(openSync(path, 'w'));
  return { AMDGPU_SVM_TRACE: json ? `json:${path}` : path };
}

/** `--against` of the commands that compare another implementation with the model, for parseArgs. */
export const AGAINST_OPTIONS = { against: { type: 'string' }, timeout: { type: 'string' } } as const;

const DEFAULT_TIMEOUT = 10_000;

/** For the help of a command. */
export const AGAINST_HELP = `  --against COMMAND  another implementation: reads operations as JSON lines on standard input, writes recorded
                    lines to standard output; what it does instead - crash, hang, write garbage - is a finding
  --timeout MS      milliseconds without an answer of it after which it counts as hanging; default ${DEFAULT_TIMEOUT}`;

/** `--timeout`, which needs `--against`. */
export function timeoutOption(command: string, values: { against?: string; timeout?: string }): number {
  if (values.timeout !== undefined && values.against === undefined)
    throw new UsageError(`${command}: --timeout goes with --against`);
  if (values.against?.trim() === '') throw new UsageError(`${command}: --against: expected a command`);
  return countOption(command, 'timeout', values.timeout, DEFAULT_TIMEOUT, 1, 3_600_000);
}

/** A whole number from `least` to `most`; throws `UsageError` for anything else. */
export function countOption(
  command: string,
  name: string,
  text: string | undefined,
  otherwise: number,
  least: number,
  most: number,
): number {
  if (text === undefined) return otherwise;
  const value = /^\d{1,12}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= least && value <= most) return value;
  throw new UsageError(`${command}: --${name}: expected a whole number from ${least} to ${most}, got "${text}"`);
}
