/** PTE flags by name. */

const BITS: readonly (readonly [bit: bigint, name: string, meaning: string])[] = [
  [0x01n, 'VALID', 'the entry is in use'],
  [0x02n, 'SYSTEM', 'the page is in system memory'],
  [0x04n, 'SNOOPED', 'accesses snoop the CPU caches'],
  [0x10n, 'EXECUTABLE', 'shaders may execute it'],
  [0x20n, 'READABLE', 'the GPU may read it'],
  [0x40n, 'WRITEABLE', 'the GPU may write it'],
];
const MEMORY_TYPES = ['NC', 'RW', 'CC', 'UC'] as const;
const MEMORY_TYPE_MEANINGS = { NC: 'non-coherent', RW: 'read-write', CC: 'cache-coherent', UC: 'uncached' } as const;

/** One flag of a PTE. */
export interface NamedFlag {
  readonly name: string;
  readonly meaning: string;
}

/** The flags of a PTE by name, memory type last; `gcMajor` says where the generation has its memory type. */
export function pteFlagNames(flags: bigint, gcMajor: number): NamedFlag[] {
  const names: NamedFlag[] = BITS.filter(([bit]) => (flags & bit) !== 0n).map(([, name, meaning]) => ({
    name,
    meaning,
  }));
  if (gcMajor >= 12 && flags >> 63n !== 0n) names.push({ name: 'IS_PTE', meaning: 'a page, not a directory' });
  const shift = gcMajor >= 12 ? 54n : gcMajor >= 10 ? 48n : 57n;
  const type = MEMORY_TYPES[Number((flags >> shift) & 3n)]!;
  names.push({ name: `MTYPE ${type}`, meaning: MEMORY_TYPE_MEANINGS[type] });
  return names;
}

/** Whether the GPU may write through such a PTE. */
export function isWritable(flags: bigint): boolean {
  return (flags & 0x41n) === 0x41n;
}
