// Models: GC IP versions and their lexicographic order (spec/06-lifecycle §3).

/** (major, minor, revision) of the graphics core. */
export interface GcVersion {
  readonly major: number;
  readonly minor: number;
  readonly revision: number;
}

/** Reads "9.4.3"; throws a RangeError that shows the form for anything else. */
export function parseGcVersion(text: string): GcVersion {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (match === null) {
    throw new RangeError(`gc: expected a GC IP version like "9.4.3", got ${JSON.stringify(text)}`);
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

export function formatGcVersion(version: GcVersion): string {
  return `${version.major}.${version.minor}.${version.revision}`;
}
