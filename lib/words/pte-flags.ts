/** PTE flags by name (spec/trace-format §7). */

/** Bits of a PTE of system memory. */
const PteFlag = {
  VALID: 0x01n,
  SYSTEM: 0x02n,
  SNOOPED: 0x04n,
  EXECUTABLE: 0x10n,
  READABLE: 0x20n,
  WRITEABLE: 0x40n,
} as const;

const MEANINGS: Readonly<Record<keyof typeof PteFlag, string>> = {
  VALID: 'the entry is in use',
  SYSTEM: 'the page is in system memory',
  SNOOPED: 'accesses snoop the CPU caches',
  EXECUTABLE: 'shaders may execute it',
  READABLE: 'the GPU may read it',
  WRITEABLE: 'the GPU may write it',
};
const MEMORY_TYPES = ['NC', 'RW', 'CC', 'UC'] as const;
const MEMORY_TYPE_MEANINGS = { NC: 'non-coherent', RW: 'read-write', CC: 'cache-coherent', UC: 'uncached' } as const;

/** One flag of a PTE. */
export interface NamedFlag {
  readonly name: string;
  readonly meaning: string;
}

/** The flags of a PTE by name, memory type last; `gcMajor` says where the generation has its memory type. */
export function pteFlagNames(flags: bigint, gcMajor: number): NamedFlag[] {
  const names: NamedFlag[] = (Object.keys(PteFlag) as (keyof typeof PteFlag)[])
    .filter((name) => (flags & PteFlag[name]) !== 0n)
    .map((name) => ({ name, meaning: MEANINGS[name] }));
  if (gcMajor >= 12 && flags >> 63n !== 0n) names.push({ name: 'IS_PTE', meaning: 'a page, not a directory' });
  const shift = gcMajor >= 12 ? 54n : gcMajor >= 10 ? 48n : 57n;
  const type = MEMORY_TYPES[Number((flags >> shift) & 3n)]!;
  names.push({ name: `MTYPE ${type}`, meaning: MEMORY_TYPE_MEANINGS[type] });
  return names;
}

/** 'r', 'rw', 'rx', 'rwx' ...; '' for a PTE that allows nothing. */
export function pteAccessLetters(flags: bigint): string {
  const has = (flag: bigint, letter: string): string => ((flags & flag) === 0n ? '' : letter);
  return has(PteFlag.READABLE, 'r') + has(PteFlag.WRITEABLE, 'w') + has(PteFlag.EXECUTABLE, 'x');
}

/** Whether the GPU may read, or write, through such a PTE. */
export function ptePermits(flags: bigint, write: boolean): boolean {
  const needed = PteFlag.VALID | PteFlag.READABLE | (write ? PteFlag.WRITEABLE : 0n);
  return (flags & needed) === needed;
}
