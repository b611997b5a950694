/** Why a fault ended as it did, and what the states of PTEs mean: words of the story and of the inspector. */
import { errnoName } from '../../emulator/index.ts';
import type { FaultReason, PteState } from '../../emulator/index.ts';

const RULES: Readonly<Record<FaultReason, string>> = {
  mapped: 'the pages of its range were collected, and the PTEs of the whole range written (spec/05-faults §5 step 9)',
  'already-valid': 'its range is mapped with the wanted flags, so there is nothing to do (spec/05-faults §5 step 6)',
  'recently-mapped':
    'its range was mapped less than 2 ms ago, which counts as served whatever has happened since, so nothing is done (spec/05-faults §5 step 4, Q57)',
  stale:
    'it is not younger than the checkpoint of the last unmap, so it is dropped, whatever its address (spec/05-faults §3, Q63)',
  'no-vma': 'nothing is mapped there in the process, and the GPU is told to try again (spec/05-faults §4, Q54)',
  'pages-unavailable':
    'a page of its range can not be collected; the error is swallowed, and the GPU is told to try again (spec/05-faults §5 step 7, Q50, Q55)',
  closing: 'the SVM context is closing (spec/05-faults §2 step 2, Q61)',
  'no-context': 'there is no SVM context for this PASID (spec/05-faults §2 step 1)',
  'vma-refused': 'an I/O, PFN or mixed mapping is refused (spec/05-faults §4, Q53)',
  'no-permission': 'the mapping of the process does not permit the access (spec/05-faults §5.1)',
  'no-range': 'no chunk fits into its attribute interval and its mapping (spec/05-faults §5 step 3)',
  'no-memory': 'an allocation failed (spec/05-faults §7, Q62)',
  'collector-failed': 'the garbage collector, which runs first, failed (spec/05-faults §5 step 1, Q46)',
  'pages-not-writable':
    'a page of its range can not be collected for writing, wherever in the range it is (spec/05-faults §5 step 7, Q52)',
  'commit-failed': 'the page tables could not be written (spec/05-faults §5 step 8, Q61)',
};

/** The rule that decided a fault; `cause` is the error behind it, 0 for none. */
export function faultRule(reason: FaultReason, cause: number): string {
  return cause === 0 ? RULES[reason] : `${RULES[reason]} [${errnoName(cause) ?? cause}]`;
}

/** What a PTE state means (spec/trace-format §6). */
export const PTE_STATE_MEANINGS: Readonly<Record<PteState, string>> = {
  ok: 'right',
  stale: 'stale: they map another physical page than the CPU does',
  perm: 'too permissive: they allow more than the VMA',
  cow: 'writable over a page that is shared copy-on-write',
  orphan: 'orphans: no GPU range covers them, nothing will ever clear them',
  nodma: 'without a DMA mapping: their range has given it back',
};
