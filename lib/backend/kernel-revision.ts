/**
 * Which revision of the driver a kernel has, told by the names in its symbol table: the ioctl itself is never issued
 * to find out, since its number belongs to another ioctl on newer kernels.
 */
import { closeSync, openSync, readSync } from 'node:fs';
import type { RevisionName } from '../uapi/profile.ts';

/**
 * - 'present': with the revision that was told.
 * - 'absent': there is no such ioctl.
 * - 'unknown': only the user can say, by naming the profile.
 * - 'unsupported': there is one, of no revision that this package knows. Nothing is sent to it.
 */
export type SvmPresence = 'present' | 'absent' | 'unknown' | 'unsupported';

/** What a symbol table tells. */
export interface KernelRevisionScan {
  readonly svm: SvmPresence;
  /** Set if and only if `svm` is 'present'. */
  readonly revision: RevisionName | undefined;
  /** One sentence. */
  readonly reason: string;
}

export const SAY_PROFILE = 'say which profile it is';

const IOCTL = 'amdgpu_gem_svm_ioctl';
const CLEARS_ON_UNMAP = 'amdgpu_svm_attr_clear_pages';
const RESET = 'amdgpu_svm_attr_reset';
const TO_VRAM = 'amdgpu_svm_range_migrate_to_vram';
const QUIESCE = 'amdgpu_svm_quiesce_compute';

const TELLING = [IOCTL, CLEARS_ON_UNMAP, RESET, TO_VRAM, QUIESCE];

/** The symbols of `TELLING` that each revision has, in addition to the ioctl. */
const REVISIONS: readonly (readonly [RevisionName, readonly string[]])[] = [
  ['v4', [CLEARS_ON_UNMAP]],
  ['v7', [RESET]],
  ['v7-xnack-off', [RESET, QUIESCE]],
  ['v8', [RESET, TO_VRAM]],
];

// The symbol as a whole name: "T amdgpu_gem_svm_ioctl\t[amdgpu]", also with a suffix of the compiler (".llvm.123").
const SYMBOL = new RegExp(` (${TELLING.join('|')})(?=[\\n\\t .])`, 'g');
const LONGEST_SYMBOL = 64;

/**
 * Looks for the symbols in a table in the format of /proc/kallsyms. Everybody may read their names; who is not
 * privileged sees zeros for the addresses. It is asked about machines that run amdgpu: a table that can't be read, or
 * shows no symbol of amdgpu at all, proves nothing. Never throws.
 */
export function scanKernelRevision(path: string = '/proc/kallsyms'): KernelRevisionScan {
  let scan: SymbolScan;
  try {
    scan = readSymbols(path);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { svm: 'unknown', revision: undefined, reason: `${reason}; ${SAY_PROFILE}` };
  }
  const seen = TELLING.filter((name) => scan.found.has(name));
  if (seen.length === 0) {
    if (scan.amdgpu)
      return {
        svm: 'absent',
        revision: undefined,
        reason: `the amdgpu driver of this kernel has no ${IOCTL} (${path})`,
      };
    return { svm: 'unknown', revision: undefined, reason: `${path} shows no symbol of amdgpu; ${SAY_PROFILE}` };
  }
  const [revision] = REVISIONS.find(([, symbols]) => isSame([IOCTL, ...symbols], seen)) ?? [undefined];
  if (revision !== undefined)
    return { svm: 'present', revision, reason: `the kernel has revision ${revision}: ${seen.join(', ')} (${path})` };
  const reason = `the kernel has no revision that is known: it has ${seen.join(', ')}, and not ${missing(seen).join(', ')} (${path})`;
  return { svm: 'unsupported', revision: undefined, reason };
}

function missing(seen: readonly string[]): string[] {
  return TELLING.filter((name) => !seen.includes(name));
}

function isSame(expected: readonly string[], seen: readonly string[]): boolean {
  return expected.length === seen.length && expected.every((name) => seen.includes(name));
}

interface SymbolScan {
  readonly found: ReadonlySet<string>;
  /** Whether there is any symbol of the driver. */
  readonly amdgpu: boolean;
}

function readSymbols(path: string): SymbolScan {
  const found = new Set<string>();
  let amdgpu = false;
  const file = openSync(path, 'r');
  try {
    const chunk = Buffer.allocUnsafe(256 * 1024);
    let kept = 0;
    for (;;) {
      const count = readSync(file, chunk, kept, chunk.length - kept - 1, null);
      let length = kept + count;
      // What ends the last name may be missing in a file.
      if (count === 0) chunk[length++] = 0x0a;
      const text = chunk.toString('latin1', 0, length);
      for (const [, name] of text.matchAll(SYMBOL)) found.add(name!);
      amdgpu ||= text.includes(' amdgpu_');
      if (count === 0) return { found, amdgpu };
      // A name may straddle two chunks: the last bytes, more than the longest name and
      // what surrounds it, are looked at again together with the next chunk.
      kept = Math.min(LONGEST_SYMBOL, length);
      chunk.copyWithin(0, length - kept, length);
    }
  } finally {
    closeSync(file);
  }
}
