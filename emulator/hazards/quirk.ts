// Models: nothing - what an entry of the catalogue of hazards consists of.
import { revisionPlace } from '../../lib/uapi/profile.ts';
import type { RevisionName } from '../../lib/uapi/profile.ts';
import type { Severity } from '../observe/hazard.ts';

/** What the monitor can name. */
export interface Quirk {
  /** What was met, in a few words that begin a sentence. */
  readonly title: string;
  /** Invariants of 07-quirks that it breaks. */
  readonly invariants: readonly string[];
  readonly severity: Severity;
  /** What a program can do about it. */
  readonly advice: string;
}

/**
 * An entry of the catalogue. Its id is that of the list in which it was described first: 'Q35' of 07-quirks (RFC V4),
 * 'V7-B2' and 'X-C1' of findings-v7 (RFC V7 and the XNACK-off series), 'V8-D5' of findings-v8; with R, 'V7-R1', it
 * follows from a rule of revisions or xnack-off and has no number there.
 */
export interface CataloguedQuirk extends Quirk {
  /** The first revision that has it. */
  readonly from: RevisionName;
  /** The last revision that has it; absent while no later one is known to have cured it. */
  readonly until?: RevisionName;
  /** Revisions in between that don't have it. */
  readonly except?: readonly RevisionName[];
  /** D deterministic, T depends on a moment, R needs a race, F needs an injected failure. */
  readonly kind: string;
  /** What the modelled code does. */
  readonly text: string;
  /** What of it can be seen. */
  readonly observable: string;
  /** Its other ids in the lists of findings. */
  readonly alsoKnown?: readonly string[];
  /** Why nothing in this model can show it; absent where the monitor names it. */
  readonly unobservable?: string;
}

/** Entries by id. */
export type QuirkTable = Readonly<Record<string, CataloguedQuirk>>;

/** Whether a driver of that revision has the quirk. */
export function holdsIn({ from, until, except }: CataloguedQuirk, revision: RevisionName): boolean {
  const place = revisionPlace(revision);
  if (place < revisionPlace(from) || except?.includes(revision) === true) return false;
  return until === undefined || place <= revisionPlace(until);
}
