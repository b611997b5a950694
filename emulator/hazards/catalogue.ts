// Models: nothing - the catalogue of hazards: what breaks, how bad it is, what can be seen, and what a program can do.
import type { RevisionName } from '../../lib/uapi/profile.ts';
import { holdsIn } from './quirk.ts';
import type { Quirk, QuirkTable } from './quirk.ts';
import { ATTRIBUTE_QUIRKS } from './quirks-attributes.ts';
import { FAULT_QUIRKS } from './quirks-faults.ts';
import { LIFECYCLE_QUIRKS } from './quirks-lifecycle.ts';
import { RANGE_QUIRKS } from './quirks-ranges.ts';
import { V7_QUIRKS } from './quirks-v7.ts';
import { V8_QUIRKS } from './quirks-v8.ts';
import { XNACK_OFF_QUIRKS } from './quirks-xnack-off.ts';

/** All entries of the catalogue, by id like 'Q35' or 'V7-B2'. */
export const QUIRK_CATALOGUE: QuirkTable = {
  ...LIFECYCLE_QUIRKS,
  ...ATTRIBUTE_QUIRKS,
  ...RANGE_QUIRKS,
  ...FAULT_QUIRKS,
  ...V7_QUIRKS,
  ...XNACK_OFF_QUIRKS,
  ...V8_QUIRKS,
};

const SEE_HISTORY = 'see the operations that led there';

/** What the monitor reports besides: endless faults, leaks, and invariants that no known defect has broken. */
const BESIDES: Readonly<Record<string, Quirk>> = {
  'refault-loop': {
    title: 'the GPU faults on a page again and again without progress',
    invariants: ['I7'],
    severity: 'violation',
    advice: 'see why the last fault was answered as it was',
  },
  'unhandled-fault': {
    title: 'a GPU access was killed, and nobody handles it',
    invariants: ['I7'],
    severity: 'violation',
    advice: 'give the memory the permission that the access needs',
  },
  inaccessible: {
    title: 'without retry faults the GPU touched memory to which it has no access',
    invariants: ['I7'],
    severity: 'violation',
    advice: 'give the memory access with SET_ATTR before the GPU uses it',
  },
  'ping-pong': {
    title: 'memory goes to VRAM and back again and again',
    invariants: ['I7'],
    severity: 'notice',
    advice: 'let one side use it at a time, or set no device location',
  },
  thrash: {
    title: 'memory is evicted and moved to VRAM again and again',
    invariants: ['I7'],
    severity: 'notice',
    advice: 'use less VRAM at a time, or leave rarely used memory in system memory',
  },
  leak: {
    title: 'objects are left when the context is gone',
    invariants: ['I10'],
    severity: 'violation',
    advice: 'unmap memory and let the collector run before closing',
  },
  I1: {
    title: 'a PTE of a page that the CPU does not map there',
    invariants: ['I1'],
    severity: 'corruption',
    advice: SEE_HISTORY,
  },
  I2: { title: 'a PTE whose range has no DMA mapping', invariants: ['I2'], severity: 'violation', advice: SEE_HISTORY },
  I3: {
    title: 'a PTE in no range that is marked mapped',
    invariants: ['I3'],
    severity: 'violation',
    advice: SEE_HISTORY,
  },
  I4: {
    title: 'PTE flags that are not those of the attributes',
    invariants: ['I4'],
    severity: 'violation',
    advice: SEE_HISTORY,
  },
  I5: {
    title: 'a PTE that allows more than the mapping',
    invariants: ['I5'],
    severity: 'corruption',
    advice: SEE_HISTORY,
  },
};

const observable: Record<string, Quirk> = {};
const unobservable: Record<string, string> = {};
for (const id in QUIRK_CATALOGUE) {
  const quirk = QUIRK_CATALOGUE[id]!;
  if (quirk.unobservable === undefined) observable[id] = quirk;
  else unobservable[id] = quirk.unobservable;
}

/** What the monitor can name. */
export const QUIRKS: Readonly<Record<string, Quirk>> = Object.assign(observable, BESIDES);

/** Entries that nothing in this model can show, with the reason. */
export const UNOBSERVABLE: Readonly<Record<string, string>> = unobservable;

// Maps for who asks in the middle of an operation: one of a hundred properties that is found by its name takes longer than a rule.
let byId: ReadonlyMap<string, Quirk> | undefined;
const absent = new Map<RevisionName, ReadonlySet<string>>();

/** Ids of the entries of the catalogue that a driver of that revision does not have. */
export function absentQuirks(revision: RevisionName): ReadonlySet<string> {
  let ids = absent.get(revision);
  if (ids === undefined) {
    const others = Object.entries(QUIRK_CATALOGUE).filter(([, quirk]) => !holdsIn(quirk, revision));
    absent.set(revision, (ids = new Set(others.map(([id]) => id))));
  }
  return ids;
}

/** The entry of `id`; one for what the catalogue does not know. */
export function quirkOf(id: string): Quirk {
  byId ??= new Map(Object.entries(QUIRKS));
  return byId.get(id) ?? { title: id, invariants: [], severity: 'violation', advice: SEE_HISTORY };
}
