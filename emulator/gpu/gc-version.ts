// Models: GC IP versions and their lexicographic order (spec/06-lifecycle §3).
import { argumentError, describe } from '../kernel/arguments.ts';

/** (major, minor, revision) of the graphics core. */
export interface GcVersion {
  readonly major: number;
  readonly minor: number;
  readonly revision: number;
}

/** Reads "9.4.3"; throws a TypeError or RangeError (`ERR_SVM_INVALID_ARGUMENT`) that shows the form for anything else. */
export function parseGcVersion(text: string): GcVersion {
  const match = typeof text === 'string' ? /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text) : null;
  if (match === null) {
    const kind = typeof text === 'string' ? RangeError : TypeError;
    throw argumentError(kind, `gc: expected a GC IP version like "9.4.3", got ${describe(text)}`);
  }
  return { major: Number(match[1]), minor: Number(match[2]), revision: Number(match[3]) };
}

/** One number that orders versions and compares for equality: (major, minor, revision) in bytes. */
export function gcNumber(version: GcVersion): number {
  return version.major * 0x10000 + version.minor * 0x100 + version.revision;
}

/** `gcNumber` of three literal parts. */
export function gc(major: number, minor: number, revision: number): number {
  return major * 0x10000 + minor * 0x100 + revision;
}

/** A GC version as text: '9.4.3'. */
export function formatGcVersion(version: GcVersion): string {
  return `${version.major}.${version.minor}.${version.revision}`;
}
