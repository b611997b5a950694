// Models: nothing - what an entry of the catalogue 07-quirks consists of.
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

/** An entry of the catalogue 07-quirks. */
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
  /** Why nothing in this model can show it; absent where the monitor names it. */
  readonly unobservable?: string;
}

/** Whether a driver of that revision has the quirk. */
export function holdsIn({ from, until, except }: CataloguedQuirk, revision: RevisionName): boolean {
  const place = revisionPlace(revision);
  if (place < revisionPlace(from) || except?.includes(revision) === true) return false;
  return until === undefined || place <= revisionPlace(until);
}
