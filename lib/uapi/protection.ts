/** What may be done with pages: the bits of mmap(2), and their two spellings. */

/** Bits, as PROT_READ, PROT_WRITE, PROT_EXEC (and VM_READ, VM_WRITE, VM_EXEC). */
export const Protection = { none: 0, read: 1, write: 2, execute: 4 } as const;

/** What the CPU may do with pages, as options write it. */
export const HOST_PROTECTIONS = ['none', 'read', 'read-write', 'read-execute', 'read-write-execute'] as const;
/** What the CPU may do with pages: one of `HOST_PROTECTIONS`. */
export type HostProtection = (typeof HOST_PROTECTIONS)[number];

/** The same as letters r, w, x, as the emulated process and traces write them. */
export const PROTECTION_LETTERS = {
  none: '-',
  read: 'r',
  'read-write': 'rw',
  'read-execute': 'rx',
  'read-write-execute': 'rwx',
} as const satisfies Readonly<Record<HostProtection, string>>;

const { read, write, execute } = Protection;

/** Bits by letters, as in /proc/self/maps, or by words. */
export const PROTECTION_BITS = {
  '-': 0,
  r: read,
  w: write,
  x: execute,
  rw: read | write,
  rx: read | execute,
  wx: write | execute,
  rwx: read | write | execute,
  none: 0,
  read,
  'read-write': read | write,
  'read-execute': read | execute,
  'read-write-execute': read | write | execute,
} as const;

/** "rwx" letters of protection bits, "-" for none. */
export function protectionLetters(protection: number): string {
  const letters =
    ((protection & Protection.read) !== 0 ? 'r' : '') +
    ((protection & Protection.write) !== 0 ? 'w' : '') +
    ((protection & Protection.execute) !== 0 ? 'x' : '');
  return letters === '' ? '-' : letters;
}

/** Protection bits of letters r, w, x in any order, or "-"; undefined for anything else. */
export function protectionOfLetters(letters: string): number | undefined {
  if (letters === '-') return Protection.none;
  if (!/^[rwx]{1,3}$/.test(letters)) return undefined;
  return (
    (letters.includes('r') ? Protection.read : 0) |
    (letters.includes('w') ? Protection.write : 0) |
    (letters.includes('x') ? Protection.execute : 0)
  );
}
