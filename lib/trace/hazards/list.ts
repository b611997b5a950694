/** What is wrong in each posted revision of the driver: the catalogue of hazards with traces, and how each is known. */
import { evidenceOf, holdsIn, QUIRK_CATALOGUE, repairsFor, repairsOfHazard } from '../../../emulator/index.ts';
import type { CataloguedQuirk, Evidence } from '../../../emulator/index.ts';
import { REVISION_NAMES } from '../../uapi/profile.ts';
import type { RevisionName } from '../../uapi/profile.ts';
import { hazardTrace, WITHOUT_TRACE } from './index.ts';

/** An entry of the catalogue, for a list. */
export interface ListedHazard extends Pick<
  CataloguedQuirk,
  'title' | 'severity' | 'invariants' | 'kind' | 'text' | 'observable' | 'advice'
> {
  readonly id: string;
  /** Its other ids. */
  readonly alsoKnown: readonly string[];
  /** How it is known, of each revision that has it. */
  readonly revisions: Readonly<Partial<Record<RevisionName, Evidence>>>;
  /** Repairs that cure it (docs/repairs.md): of the revision asked for, or of any. */
  readonly repairs: readonly string[];
  /** The smallest known trace, one operation per line. */
  readonly trace: readonly string[] | undefined;
  /** Why there is no trace. */
  readonly withoutTrace: string | undefined;
}

/** The entries that `revision` has, with their traces for it; without one, all of them, each for the first that has it. */
export function listHazards(revision?: RevisionName): ListedHazard[] {
  return Object.entries(QUIRK_CATALOGUE)
    .filter(([, quirk]) => revision === undefined || holdsIn(quirk, revision))
    .map(([id, quirk]) => listed(id, quirk, revision));
}

function listed(id: string, quirk: CataloguedQuirk, asked: RevisionName | undefined): ListedHazard {
  const { title, severity, invariants, kind, text, observable, advice, alsoKnown = [] } = quirk;
  const having = REVISION_NAMES.filter((name) => holdsIn(quirk, name));
  const revision = asked ?? having[0]!;
  const withoutTrace = quirk.unobservable ?? WITHOUT_TRACE[id];
  return {
    id,
    title,
    severity,
    invariants,
    kind,
    text,
    observable,
    advice,
    alsoKnown,
    revisions: Object.fromEntries(having.map((name) => [name, evidenceOf(id, name)])),
    repairs: repairsOfHazard(id).filter((repair) => asked === undefined || repairsFor(asked).includes(repair)),
    trace: withoutTrace === undefined ? hazardTrace(id, revision) : undefined,
    withoutTrace,
  };
}
