/** Options that several commands take, and how their values are read. */
import { BACKENDS } from '../../backend/backend-names.ts';
import { GPU_CATALOGUE } from '../../device/emulated-names.ts';
import type { AsicName } from '../../device/emulated-names.ts';
import { DEFAULT_MAX_SIZE } from '../../trace/format/max-size.ts';
import { UAPI_PROFILES } from '../../uapi/profile.ts';
import type { UapiProfileName } from '../../uapi/profile.ts';
import { UsageError } from '../command.ts';

/** Reads a whole number from `least` to `most`. */
export function whole(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= least && value <= most) return value;
    const range = most === Number.MAX_SAFE_INTEGER ? `from ${least}` : `from ${least} to ${most}`;
    throw new UsageError(`expected a whole number ${range}, got "${text}"`);
  };
}

/** A whole number without an upper bound. */
export function wholeFrom(least: number): (text: string) => number {
  return whole(least, Number.MAX_SAFE_INTEGER);
}

/** Reads I/N, part I of N. */
export function part(text: string): { readonly index: number; readonly count: number } {
  const [index, count] = (/^(\d{1,6})\/(\d{1,6})$/.exec(text)?.slice(1) ?? []).map(Number);
  if (index === undefined || count === undefined || index < 1 || index > count)
    throw new UsageError(`expected I/N with I from 1 to N, like 2/4, got "${text}"`);
  return { index, count };
}

/** Refuses an empty text, as of a shell variable that is not set. */
export function nonEmpty(what: string): (text: string) => string {
  return (text) => {
    if (text.trim() === '') throw new UsageError(`expected ${what}, got "${text}"`);
    return text;
  };
}

const PROFILES = Object.keys(UAPI_PROFILES) as readonly UapiProfileName[];
const ASICS = Object.keys(GPU_CATALOGUE) as readonly AsicName[];

export const json = { help: 'the result as one object' } as const;

/** `--profile`, with what it means without it. */
export function profile(help: string): { help: string; value: 'P'; choices: typeof PROFILES } {
  return { help, value: 'P', choices: PROFILES };
}

export const backend = {
  help: 'which implementation; default auto: a GPU where there is one, else the emulator',
  value: 'NAME',
  choices: BACKENDS,
} as const;

export const asic = { help: 'the emulated GPU; default gfx942', value: 'NAME', choices: ASICS } as const;

export const xnackOff = {
  help: 'a GPU whose XNACK is switched off; only with --profile v7-xnack-off',
} as const;

export const repairs = {
  help: "defects of the driver that are repaired: 'all', or ids with commas between them (docs/repairs.md)",
  value: 'LIST',
} as const;

export const maxSize = {
  help: `read traces of up to N bytes, unpacked; default ${DEFAULT_MAX_SIZE} (256 MiB)`,
  value: 'N',
  parse: wholeFrom(1),
} as const;

export const jobs = (help: string): { help: string; value: 'N'; parse: (text: string) => number } => ({
  help,
  value: 'N',
  parse: whole(1, 64),
});

export const DEFAULT_TIMEOUT = 10_000;

/** `--against` of the commands that compare another implementation with the model. */
export const against = {
  help: `another implementation: reads operations as JSON lines on standard input, writes recorded lines to standard output; what it does instead - crash, hang, write garbage - is a finding`,
  value: 'COMMAND',
  parse: nonEmpty('a command'),
} as const;

export const timeout = {
  help: `milliseconds without an answer of the --against command after which it counts as hanging; default ${DEFAULT_TIMEOUT}`,
  value: 'MS',
  parse: whole(1, 3_600_000),
} as const;

/** `--trace[=FILE]`: it stands for an environment (lib/device/traffic-output.ts). */
export const traffic = {
  help: 'show each call with its ioctls on standard error, or in FILE, which is emptied first ("%p" in its name becomes the process id)',
  value: 'FILE',
  optional: true,
  parse: nonEmpty('the name of a file'),
  completes: 'files',
} as const;
