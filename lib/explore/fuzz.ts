/** Random histories, watched by the monitor or compared with another implementation. */
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
import type { Family } from './choices.ts';
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

/** What came of one history. */
export interface FuzzedHistory {
  /** Operations that it has. */
  readonly made: number;
  /** Operations that were run; with another implementation, that both have answered. */
  readonly operations: number;
  readonly findings: readonly FuzzFinding[];
}

interface Shown {
  readonly severity: Severity;
  readonly detail: string;
  /** Operations until it showed, the configuration counted. */
  readonly until: number;
}

/** Makes and runs histories, the families in turn; with another implementation next to the model, up to the first divergence. */
export class Fuzzer {
  readonly #options: FuzzOptions;
  readonly #other: Implementation | undefined;
  readonly #allowed: ReadonlySet<string> | undefined;
  /** What was told already, of a history before. */
  readonly #known = new Set<string>();

  constructor(options: FuzzOptions, other?: Implementation) {
    this.#options = options;
    this.#other = other;
    this.#allowed = options.only === undefined ? undefined : new Set(['config', ...options.only]);
  }

  /** Makes and runs the history with that number, from 0; of numbers in ascending order, of which some may be left out. */
  async run(number: number): Promise<FuzzedHistory> {
    const { family, history } = this.#history(number);
    const made = history.length;
    if (this.#other === undefined) return { made, operations: made, findings: await this.#watch(family, history) };
    const { compared, divergence } = await compareWith(this.#other, history);
    const findings = divergence === undefined ? [] : [await shrunkDivergence(this.#other, family, history, divergence)];
    return { made, operations: compared, findings };
  }

  #history(number: number): { readonly family: Family; readonly history: readonly OperationObject[] } {
    const { profile, families, seed, length } = this.#options;
    const family = families[number % families.length]!;
    const all = generateHistory(profile, family, seed, number, length);
    const allowed = this.#allowed;
    return { family, history: allowed === undefined ? all : all.filter((each) => usesOnly(each, allowed)) };
  }

  /** What a history shows that none before has shown; notices are not told. */
  async #watch(family: Family, history: readonly OperationObject[]): Promise<FuzzFinding[]> {
    const findings: FuzzFinding[] = [];
    for (const [id, { until }] of showings(history)) {
      if (this.#known.has(id)) continue;
      this.#known.add(id);
      const smallest = await shrinkHistory(history.slice(0, until), (shorter) => showings(shorter).has(id));
      const { severity, detail } = showings(smallest).get(id)!;
      const isNew = !Object.hasOwn(QUIRK_CATALOGUE, id);
      findings.push({ id, isNew, severity, family, detail, trace: lines(smallest) });
    }
    return findings;
  }
}

/** Adds up histories in the order of their numbers; so it does not matter who ran which. */
export class FuzzSum {
  readonly #options: FuzzOptions;
  readonly #isAgainst: boolean;
  readonly #found = new Map<string, FuzzFinding>();
  #histories = 0;
  #made = 0;
  #operations = 0;

  constructor(options: FuzzOptions, isAgainst: boolean) {
    this.#options = options;
    this.#isAgainst = isAgainst;
  }

  /** Adds the next one; true: it is the last. Of findings with one id that of the first history counts. */
  add({ made, operations, findings }: FuzzedHistory): boolean {
    this.#histories++;
    // A mix of which nothing is allowed would never end.
    this.#made += Math.max(made, 1);
    this.#operations += operations;
    for (const finding of findings) if (!this.#found.has(finding.id)) this.#found.set(finding.id, finding);
    // With a divergence, the histories go on, and the same one comes again and again.
    return this.#made >= this.#options.operations || (this.#isAgainst && findings.length > 0);
  }

  result(): Fuzzed {
    return {
      findings: sorted([...this.#found.values()]),
      histories: this.#histories,
      operations: this.#operations,
    };
  }
}

/** Called with what came of each history. */
export type HistoryListener = (history: FuzzedHistory) => void;

async function runAll(
  options: FuzzOptions,
  other: Implementation | undefined,
  onHistory: HistoryListener | undefined,
): Promise<Fuzzed> {
  const fuzzer = new Fuzzer(options, other);
  const sum = new FuzzSum(options, other !== undefined);
  for (let number = 0; ; number++) {
    const history = await fuzzer.run(number);
    onHistory?.(history);
    if (sum.add(history)) return sum.result();
  }
}

/** Runs histories with the monitor; each hazard is told once, notices are not. */
export function fuzz(options: FuzzOptions, onHistory?: HistoryListener): Promise<Fuzzed> {
  return runAll(options, undefined, onHistory);
}

/** Runs histories on the emulator and on `other`, up to the first divergence, which is shrunk. */
export function fuzzAgainst(other: Implementation, options: FuzzOptions, onHistory?: HistoryListener): Promise<Fuzzed> {
  return runAll(options, other, onHistory);
}

function usesOnly(operation: OperationObject, allowed: ReadonlySet<string>): boolean {
  return Object.entries(operation).every(
    ([name, { inject }]) =>
      allowed.has(name) &&
      ((inject ?? []) as readonly { readonly do: OperationObject }[]).every((each) => usesOnly(each.do, allowed)),
  );
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
