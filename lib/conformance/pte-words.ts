/** PTE flags as letters (trace format §7). */
const READABLE = 0x20n;
const WRITEABLE = 0x40n;
const EXECUTABLE = 0x10n;

/** 'r', 'rw', 'rx', 'rwx' ...; '?' for a PTE that allows nothing. */
export function decodeFlags(flags: bigint): string {
  const letters = `${(flags & READABLE) === 0n ? '' : 'r'}${(flags & WRITEABLE) === 0n ? '' : 'w'}${(flags & EXECUTABLE) === 0n ? '' : 'x'}`;
  return letters === '' ? '?' : letters;
}
