/** Histories by chance, watched by the monitor or held against another implementation. */
import { NotModelledError, QUIRK_CATALOGUE } from '../../emulator/index.ts';
import type { HazardMonitor, Severity } from '../../emulator/index.ts';
import type { UapiProfileName } from '../uapi/profile.ts';
import { compareWith } from '../trace/against/divergence.ts';
import type { Divergence } from '../trace/against/divergence.ts';
import type { Implementation } from '../trace/against/implementation.ts';
import type { OperationObject } from '../trace/operations/descriptor.ts';
import { parseOperation } from '../trace/operations/parse.ts';
import { TraceRunner } from '../trace/replay/runner.ts';
import { WORDS_OF_PROGRAMS } from './findings.ts';
import { generateHistory } from './history.ts';
import type { Family } from './history.ts';
import { shrinkHistory } from './shrink-history.ts';

/** What is made. */
export interface FuzzOptions {
  readonly profile: UapiProfileName;
  readonly families: readonly Family[];
  readonly seed: number;
  /** Operations of all histories together, at least; and of one. */
  readonly operations: number;
  readonly length: number;
  /** Names of the operations that histories may have; undefined: all. */
  readonly only?: readonly string[];
}

/** Something that a history shows, with the fewest operations that were found for it. */
export interface FuzzFinding {
  /** Entry of the catalogue or word of the monitor; 'crash'; against another implementation the kind of divergence. */
  readonly id: string;
  /** True: the catalogue does not know it. */
  readonly isNew: boolean;
  readonly severity: Severity | 'divergence';
  readonly family: Family;
  readonly detail: string;
  readonly divergence?: Divergence;
  /** The history, as lines of a trace. */
  readonly trace: readonly string[];
}

/** What came of it. */
export interface Fuzzed {
  readonly findings: readonly FuzzFinding[];
  readonly histories: number;
  readonly operations: number;
}

interface Shown {
  readonly severity: Severity;
  readonly detail: string;
  /** Operations until it showed, the configuration counted. */
  readonly until: number;
}

/** The histories of the options, the families in turn. */
function* histories(options: FuzzOptions): Generator<{ family: Family; history: readonly OperationObject[] }> {
  const { profile, families, seed, operations, length, only } = options;
  const allowed = only === undefined ? undefined : new Set(['config', ...only]);
  for (let index = 0, made = 0; made < operations; index++) {
    const family = families[index % families.length]!;
    const all = generateHistory(profile, family, seed, index, length);
    const history = allowed === undefined ? all : all.filter((each) => usesOnly(each, allowed));
    // A mix of which nothing is allowed would never end.
    made += Math.max(history.length, 1);
    yield { family, history };
  }
}

function usesOnly(operation: OperationObject, allowed: ReadonlySet<string>): boolean {
  return Object.entries(operation).every(
    ([name, { inject }]) =>
      allowed.has(name) &&
      ((inject ?? []) as readonly { readonly do: OperationObject }[]).every((each) => usesOnly(each.do, allowed)),
  );
}

/** Runs histories with the monitor; each hazard is told once, notices are not. */
export async function fuzz(options: FuzzOptions): Promise<Fuzzed> {
  const found = new Map<string, FuzzFinding>();
  let [count, operations] = [0, 0];
  for (const { family, history } of histories(options)) {
    count++;
    operations += history.length;
    for (const [id, { until }] of showings(history)) {
      if (found.has(id)) continue;
      const smallest = await shrinkHistory(history.slice(0, until), (shorter) => showings(shorter).has(id));
      const { severity, detail } = showings(smallest).get(id)!;
      found.set(id, {
        id,
        isNew: !Object.hasOwn(QUIRK_CATALOGUE, id),
        severity,
        family,
        detail,
        trace: lines(smallest),
      });
    }
  }
  return { findings: sorted([...found.values()]), histories: count, operations };
}

/** What a history shows, by id. */
function showings(history: readonly OperationObject[]): Map<string, Shown> {
  const shown = new Map<string, Shown>();
  let monitor: HazardMonitor | undefined;
  const runner = new TraceRunner((machine) => {
    monitor = machine.watchHazards();
  });
  let [at, seen] = [0, 0];
  try {
    for (; at < history.length; at++) {
      runner.execute(parseOperation(history[at]));
      const { hazards } = monitor!;
      for (; seen < hazards.length; seen++) {
        const { quirk, severity, detail } = hazards[seen]!;
        if (severity === 'notice' || shown.has(quirk) || WORDS_OF_PROGRAMS.has(quirk)) continue;
        shown.set(quirk, { severity, detail, until: at + 1 });
      }
    }
  } catch (error) {
    if (!(error instanceof NotModelledError))
      shown.set('crash', { severity: 'corruption', detail: (error as Error).message, until: at + 1 });
  }
  return shown;
}

/** How many divergences are looked for: with each the histories go on, and the same one comes again and again. */
const MOST_DIVERGENCES = 1;

/** Runs histories on the emulator and on `other`, up to the first divergence, which is shrunk. */
export async function fuzzAgainst(
  other: Implementation,
  options: FuzzOptions,
  onProgress?: (operations: number) => void,
): Promise<Fuzzed> {
  const findings: FuzzFinding[] = [];
  let [count, operations] = [0, 0];
  for (const { family, history } of histories(options)) {
    count++;
    const { compared, divergence } = await compareWith(other, history);
    operations += compared;
    onProgress?.(operations);
    if (divergence === undefined) continue;
    findings.push(await shrunkDivergence(other, family, history, divergence));
    if (findings.length === MOST_DIVERGENCES) break;
  }
  return { findings, histories: count, operations };
}

async function shrunkDivergence(
  other: Implementation,
  family: Family,
  history: readonly OperationObject[],
  first: Divergence,
): Promise<FuzzFinding> {
  let divergence = first;
  const smallest = await shrinkHistory(history.slice(0, first.at + 1), async (shorter) => {
    const again = (await compareWith(other, shorter)).divergence;
    if (again === undefined || again.kind !== first.kind) return false;
    divergence = again;
    return true;
  });
  const { kind, at, path, operation } = divergence;
  const what = kind === 'answer' ? `${path === '' ? 'the answer' : path} differs` : String(divergence.actual);
  return {
    id: kind,
    isNew: true,
    severity: 'divergence',
    family,
    detail: `${Object.keys(operation)[0]} (operation ${at + 1}): ${what}`,
    divergence,
    trace: lines(smallest.slice(0, at + 1)),
  };
}

function lines(history: readonly OperationObject[]): string[] {
  return history.map((each) => JSON.stringify(each));
}

function sorted(findings: readonly FuzzFinding[]): FuzzFinding[] {
  const order: readonly string[] = [
    'divergence',
    'corruption',
    'violation',
    'notice',
  ] satisfies FuzzFinding['severity'][];
  return findings.toSorted(
    (one, other) => order.indexOf(one.severity) - order.indexOf(other.severity) || (one.id < other.id ? -1 : 1),
  );
}
