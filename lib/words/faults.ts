/** Why a fault of the GPU ended as it did, why an access is not served, and what states of PTEs mean. */
import { errnoMessage, errnoName } from '../uapi/errno.ts';

/** What decided the answer of the fault handler, by the code that the emulator gives. */
const FAULT_RULES = {
  mapped: 'the pages of its range were collected, and the PTEs of the whole range written',
  'already-valid': 'its range is mapped with the wanted flags, so there is nothing to do',
  'recently-mapped':
    'its range was mapped less than 2 ms ago, which counts as served whatever has happened since, so nothing is done',
  stale: 'it is not younger than the checkpoint of the last unmap, so it is dropped, whatever its address',
  'no-vma': 'nothing is mapped there in the process, and the GPU is told to try again',
  'pages-unavailable':
    'a page of its range cannot be collected; the error is swallowed, and the GPU is told to try again',
  closing: 'the SVM context is closing',
  'no-context': 'there is no SVM context for this PASID',
  'vma-refused': 'an I/O, PFN or mixed mapping is refused',
  'no-permission': 'the mapping of the process does not permit the access',
  'no-range': 'no chunk fits into its attribute interval and its mapping',
  'no-memory': 'an allocation failed',
  'collector-failed': 'the garbage collector, which runs first, failed',
  'pages-not-writable': 'a page of its range cannot be collected for writing, wherever in the range it is',
  'commit-failed': 'the page tables could not be written',
  'buffer-object': 'a buffer object is mapped there, and the GPU is told to try again',
  'reservation-failed': 'the page directory could not be reserved to look for buffer objects',
  'migration-failed': 'the pages could not be moved to VRAM, and system memory is no way out',
  'in-reset': 'the GPU is being reset, and the fault is dropped',
  'retry-exhausted': 'its pages changed in every attempt, and the GPU is told to try again',
  'no-retry-faults': 'the device has no retry faults (XNACK off), so nothing is mapped by a fault',
} as const;

/** The rule that decided a fault; `cause` is the error behind it, 0 for none. */
export function faultRule(reason: keyof typeof FAULT_RULES, cause: number): string {
  const rule = FAULT_RULES[reason];
  return cause === 0 ? rule : `${rule} [${errnoName(cause) ?? cause}]`;
}

/** Entries of the catalogue of quirks that a fault with such an end may show. */
const FAULT_QUIRKS: Readonly<Partial<Record<keyof typeof FAULT_RULES, readonly string[]>>> = {
  'recently-mapped': ['Q57'],
  stale: ['Q63'],
  'no-vma': ['Q54'],
  'pages-unavailable': ['Q50', 'Q55'],
  closing: ['Q61'],
  'vma-refused': ['Q53'],
  'no-memory': ['Q62'],
  'collector-failed': ['Q46'],
  'pages-not-writable': ['Q52'],
  'commit-failed': ['Q61'],
};

/** Ids of the quirks behind the rule that decided a fault. */
export function faultQuirks(reason: keyof typeof FAULT_RULES): readonly string[] {
  return FAULT_QUIRKS[reason] ?? [];
}

/** Why an access is not served, by the code that the emulator gives. `{}` is the detail that comes with it. */
const DENIALS = {
  'no-context': 'the file has no SVM context',
  'no-retry-faults': '{} has no retry faults (XNACK off), so it has no SVM',
  'queues-stopped': 'the compute queues of the process are stopped, and nothing is left that resumes them',
  'switched-off':
    '{} has its retry faults (XNACK) switched off by amdgpu.noretry=1, so it has no SVM; boot with amdgpu.noretry=0',
  'nothing-mapped': 'nothing is mapped there in the process',
  'gpu-read-only': 'the attribute gpuReadOnly forbids the GPU to write',
  'mapped-read-only': 'its range was mapped for reading while its mapping could not be written, and stays so',
  'buffer-object': 'a buffer object of the same GPU address space is mapped there',
  'partly-unmapped': 'its range was unmapped in part and not collected',
  'pages-unavailable': 'a page of its range cannot be collected',
} as const;

/** What the emulator knows of an access that is not served. */
export interface DeniedAccess {
  /** Of the last fault: a negative errno, or 0 where the handler keeps telling the GPU to retry. */
  readonly result: number;
  /** Undefined where nothing of the state explains the errno. */
  readonly cause: keyof typeof DENIALS | undefined;
  /** What the fault that killed the access was decided by, and the negative errno behind that (0: none). */
  readonly decided?: { readonly reason: keyof typeof FAULT_RULES; readonly cause: number };
  /** The GPU that the cause is about. */
  readonly detail?: string;
}

/** One sentence about an access that failed, without its end. */
export function deniedAccess({ result, decided, cause, detail }: DeniedAccess): string {
  if (cause === 'queues-stopped') return DENIALS[cause];
  const known = cause === undefined ? undefined : DENIALS[cause].replace('{}', detail ?? 'it');
  const rule = decided === undefined ? known : faultRule(decided.reason, decided.cause);
  const why = rule === undefined ? '' : `: ${rule}`;
  if (result === 0) return `the fault handler answers every fault with "retry" and never maps the page${why}`;
  const name = errnoName(result);
  const meaning = name === undefined ? '' : ` (${errnoMessage(name)})`;
  return `the fault handler killed the access with ${name ?? `errno ${-result}`}${meaning}${why}`;
}

/** What a PTE state means (spec/trace-format §6). */
export const PTE_STATE_MEANINGS = {
  ok: 'right',
  stale: 'stale: they map another physical page than the CPU does',
  perm: 'too permissive: they allow more than the VMA',
  cow: 'writable over a page that is shared copy-on-write',
  orphan: 'orphans: no GPU range covers them, nothing will ever clear them',
  nodma: 'without a DMA mapping: their range has given it back',
} as const;

/** A state of PTEs in a word or two. */
export const PTE_STATE_WORDS = {
  ok: 'fresh',
  stale: 'stale',
  perm: 'too permissive',
  cow: 'over shared',
  orphan: 'orphan',
  nodma: 'no DMA',
} as const;
