// Models: nothing - what a repaired driver would do otherwise than the posted one, as a table.
import type { RevisionName } from '../../lib/uapi/profile.ts';

/** One repair of the driver. */
export interface Repair {
  /** What the repaired code does, in words. */
  readonly text: string;
  /** Entries of the catalogue of hazards that it cures. */
  readonly cures: readonly string[];
  /** Revisions that it is made for. */
  readonly revisions: readonly RevisionName[];
}

const ALL: readonly RevisionName[] = ['v4', 'v7', 'v7-xnack-off', 'v8'];
const SINCE_V7: readonly RevisionName[] = ['v7', 'v7-xnack-off', 'v8'];
const OFF: readonly RevisionName[] = ['v7-xnack-off'];
const V8: readonly RevisionName[] = ['v8'];

/** All repairs. */
export const REPAIRS = {
  'zap-whole-ranges': {
    text: 'Every MMU event clears the PTEs of all of each range that it touches, not of its own part, and without retry faults also where it unmaps nothing.',
    cures: ['Q35', 'Q36', 'Q37', 'Q38', 'X-C1', 'X-C2', 'X-C7', 'X-R2', 'X-R3', 'V8-D5', 'V8-D6'],
    revisions: ALL,
  },
  'invalidate-while-closing': {
    text: 'MMU events clear PTEs until the context is gone, also while it closes.',
    cures: ['Q11'],
    revisions: ALL,
  },
  'mark-under-notifier-lock': {
    text: 'A commit marks its range as mapped only if the pages are valid still, and clears the PTEs where they are not.',
    cures: ['Q40'],
    revisions: ALL,
  },
  'undo-failed-commits': {
    text: 'A commit that fails after its PTEs clears them again.',
    cures: ['Q41'],
    revisions: ALL,
  },
  'flush-fault-commits': {
    text: 'A fault that writes PTEs flushes the TLB, as a prefetch does.',
    cures: ['Q42'],
    revisions: ALL,
  },
  'dequeue-removed-ranges': {
    text: 'A range that a change of attributes removes is taken off the lists of the works.',
    cures: ['Q44', 'X-D1', 'X-D2'],
    revisions: ['v4', 'v7', 'v7-xnack-off'],
  },
  'collect-once': {
    text: 'A range that an event queues while it is collected leaves the list with its removal.',
    cures: ['Q45'],
    revisions: ALL,
  },
  'zap-on-flag-change': {
    text: 'SET_ATTR of flags that PTEs hold clears the PTEs of its pages.',
    cures: ['Q13'],
    revisions: ['v4'],
  },
  'refuse-forbidden-writes': {
    text: 'A write fault on memory that the GPU may only read kills the access with EPERM instead of asking for a retry.',
    cures: ['Q56'],
    revisions: ALL,
  },
  'reset-under-lock': {
    text: 'RESET_ATTR holds the svm lock.',
    cures: ['V7-B2'],
    revisions: SINCE_V7,
  },
  'reset-clears-ptes': {
    text: 'RESET_ATTR holds the svm lock, clears the PTEs of its pages and removes the ranges that cross its bounds, as SET_ATTR does with retry faults.',
    cures: ['V7-R1', 'V7-B3'],
    revisions: ['v7', 'v8'],
  },
  'read-only-per-attempt': {
    text: 'Each attempt of a fault decides again whether its PTEs are read-only.',
    cures: ['V7-R2'],
    revisions: SINCE_V7,
  },
  'collect-again-for-writing': {
    text: 'PTEs for writing are written for pages that were collected for writing.',
    cures: ['Q48'],
    revisions: SINCE_V7,
  },
  'split-at-mappings': {
    text: 'A fault on a range over several mappings removes the range and makes a smaller one inside the mapping of its page.',
    cures: ['Q50', 'Q51', 'V7-R4'],
    revisions: SINCE_V7,
  },
  'keep-off-buffer-objects': {
    text: 'A fault maps no page of a buffer object, and no chunk that holds one.',
    cures: ['V7-B6'],
    revisions: ['v7', 'v8'],
  },
  'restore-without-device': {
    text: 'The restore worker takes pages of system memory whatever the locations say, since there is no device memory.',
    cures: ['X-C7'],
    revisions: OFF,
  },
  'pause-before-retry': {
    text: 'The restore worker tries a range that failed for a while in its next run, 1 ms later.',
    cures: ['X-C3'],
    revisions: OFF,
  },
  'keep-tail': {
    text: 'Of a range over both bounds of a SET_ATTR the part after it is queued again, too.',
    cures: ['X-C8'],
    revisions: OFF,
  },
  'resume-again': {
    text: 'Queues that could not be resumed are resumed by the next run of the restore worker.',
    cures: ['X-C11'],
    revisions: OFF,
  },
  'restore-without-event': {
    text: 'The restore worker works off its list also where no event stopped the queues.',
    cures: ['X-R1'],
    revisions: OFF,
  },
  'reserve-buffers': {
    text: 'The buffer of a migration is reserved when it is made, and released where it was reserved.',
    cures: ['V8-D1'],
    revisions: V8,
  },
  'bring-peers-home': {
    text: 'Pages in the VRAM of another GPU of the hive come home before they are pulled.',
    cures: ['V8-D3', 'V8-D11'],
    revisions: V8,
  },
  'copy-whole-folios': {
    text: 'Of a page of 2 MiB all 512 small ones are copied, and a hole of 2 MiB counts as 512 pages.',
    cures: ['V8-D4'],
    revisions: V8,
  },
  'evict-before-locking': {
    text: 'A range in VRAM that a change of attributes splits comes home before the page directory is reserved.',
    cures: ['V8-D8'],
    revisions: V8,
  },
  'map-system-memory': {
    text: 'Where pages cannot go to VRAM, or lie in several memories, they come home and are mapped there.',
    cures: ['V8-D9'],
    revisions: V8,
  },
  'keep-resident-pages': {
    text: 'No buffer is made for pages that all lie in VRAM of the GPU.',
    cures: ['V8-D10'],
    revisions: V8,
  },
  'retry-copies': {
    text: 'A copy to system memory that fails is tried three times before the CPU gets a SIGBUS.',
    cures: ['V8-D12'],
    revisions: V8,
  },
} as const satisfies Readonly<Record<string, Repair>>;

/** Id of a repair. */
export type RepairId = keyof typeof REPAIRS;
export const REPAIR_IDS = Object.keys(REPAIRS) as readonly RepairId[];

/** Which repairs a driver has. */
export type Repairs = Readonly<Record<RepairId, boolean>>;

/** A posted driver. */
export const NO_REPAIRS = repairsOf([]);

/** A driver with these repairs. */
export function repairsOf(ids: readonly RepairId[]): Repairs {
  return Object.fromEntries(REPAIR_IDS.map((id) => [id, ids.includes(id)])) as Repairs;
}

/** The repairs that are made for `revision`. */
export function repairsFor(revision: RevisionName): RepairId[] {
  return REPAIR_IDS.filter((id) => (REPAIRS[id] as Repair).revisions.includes(revision));
}

/** The repairs that cure the entry `hazard` of the catalogue. */
export function repairsOfHazard(hazard: string): RepairId[] {
  return REPAIR_IDS.filter((id) => (REPAIRS[id] as Repair).cures.includes(hazard));
}
