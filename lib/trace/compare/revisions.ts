/** Runs one trace on two revisions of the driver and finds what goes otherwise. */
import { contextSnapshot } from '../../../emulator/index.ts';
import type { ContextSnapshot, FaultReason } from '../../../emulator/index.ts';
import { UAPI_PROFILES } from '../../uapi/profile.ts';
import type { UapiProfileName } from '../../uapi/profile.ts';
import { revisionsDiffer, revisionSentence } from '../../words/revision-differences.ts';
import type { RevisionDifferenceKey } from '../../words/revision-differences.ts';
import type { TraceEffect } from '../effects/form.ts';
import { effectOf } from '../effects/index.ts';
import { DEFAULT_CONFIG } from '../format/config.ts';
import type { TraceLine } from '../format/parse-trace.ts';
import type { TraceAnswer, TraceOperation } from '../operations/index.ts';
import { TraceRunner } from '../replay/runner.ts';
import { firstDifference } from './compare.ts';
import type { AnswerDifference } from './compare.ts';
import { ruleOf } from './revision-rules.ts';
import type { RevisionRun } from './revision-rules.ts';

/** An operation that goes otherwise. */
export interface ProfileDifference {
  /** Number of the operation, from 1; the configuration counts. */
  readonly operation: number;
  readonly line: TraceLine;
  readonly answers: readonly [TraceAnswer, TraceAnswer];
  /** The first field of the answers that differs; undefined where only effects do. */
  readonly answer: AnswerDifference | undefined;
  /** Effects of one revision alone. */
  readonly effects: readonly [readonly TraceEffect[], readonly TraceEffect[]];
  /** The rule behind it, where one is known. */
  readonly rule: RevisionDifferenceKey | undefined;
  /** The earlier operation that went otherwise on the same pages, where the rule is not the operation's own. */
  readonly follows: number | undefined;
  /** The rule in words, or what else there is to say. */
  readonly explanation: string | undefined;
}

/** What came of both runs. */
export interface ProfileComparison {
  readonly operations: number;
  readonly differences: readonly ProfileDifference[];
  /** The state of GPU 0 at the end. */
  readonly states: readonly [ContextSnapshot, ContextSnapshot];
  /** Why attributes are left on one of them alone, in words, where that is what unmapping does. */
  readonly attributesExplanation: string | undefined;
  /** Entries of the catalogue of hazards that each run met, sorted. */
  readonly hazards: readonly [readonly string[], readonly string[]];
}

/** One machine, and what is heard of it. */
class Side {
  readonly #runner: TraceRunner;
  readonly #hazards = new Set<string>();
  #reasons: FaultReason[] = [];

  constructor() {
    this.#runner = new TraceRunner((machine) => {
      machine.watchHazards();
      machine.on('fault', ({ reason }) => this.#reasons.push(reason));
      machine.on('hazard', ({ quirk }) => this.#hazards.add(quirk));
    });
  }

  get state(): ContextSnapshot {
    const { device, file } = this.#runner.subject(0);
    return contextSnapshot(device, file);
  }

  get hazards(): readonly string[] {
    return [...this.#hazards].sort();
  }

  run(operation: TraceOperation): RevisionRun {
    this.#reasons = [];
    let answer: TraceAnswer;
    try {
      answer = this.#runner.execute(operation);
    } catch (error) {
      // What the emulator refuses on one revision is how it goes there.
      answer = { fatal: error instanceof Error ? error.message : String(error) };
    }
    const hasRetryFaults = this.#runner.gpus > 0 && this.#runner.file.context?.hasRetryFaults !== false;
    return { answer, reasons: this.#reasons, hasRetryFaults };
  }
}

const DEFAULT: TraceOperation = { name: 'config', gpu: 0, config: DEFAULT_CONFIG };

interface Span {
  readonly first: bigint;
  readonly end: bigint;
}

/** Runs `lines` on both revisions; recorded answers are not looked at. */
export function compareProfiles(
  lines: readonly TraceLine[],
  [one, other]: readonly [UapiProfileName, UapiProfileName],
): ProfileComparison {
  const sides = [new Side(), new Side()] as const;
  // Without a configuration a trace means the default one, on both revisions.
  if (lines[0]?.operation.name !== 'config')
    for (const [index, profile] of [one, other].entries()) sides[index]!.run(withProfile(DEFAULT, profile));
  const mappings = new RecentMappings();
  const differences: ProfileDifference[] = [];
  lines.forEach((line, index) => {
    const { operation } = line;
    const span = spanOf(operation);
    const runs = [sides[0].run(withProfile(operation, one)), sides[1].run(withProfile(operation, other))] as const;
    mappings.note(operation.name, span);
    // A look at the state, whose form the revisions have each their own of: the end is compared below.
    if (operation.name === 'dump') return;
    const answers = [runs[0].answer, runs[1].answer] as const;
    const answer = answerDifference(answers);
    const effects = effectDifference(answers);
    if (answer === undefined && effects[0].length + effects[1].length === 0) return;
    const step = { operation, runs, ...mappings.of(span) };
    const own = ruleOf(step, one, other, false);
    const before = own === undefined ? earlier(differences, operation, span) : undefined;
    const rule = own ?? before?.rule ?? (before === undefined ? ruleOf(step, one, other, true) : undefined);
    differences.push({
      operation: index + 1,
      line,
      answers,
      answer,
      effects,
      rule,
      follows: before?.operation,
      explanation: rule === undefined ? withoutRule(answers) : revisionSentence(rule, one, other),
    });
  });
  return {
    operations: lines.length,
    differences,
    states: [sides[0].state, sides[1].state],
    attributesExplanation:
      lines.some(({ operation }) => operation.name === 'munmap') && revisionsDiffer('attributes-at-munmap', one, other)
        ? revisionSentence('attributes-at-munmap', one, other)
        : undefined,
    hazards: [sides[0].hazards, sides[1].hazards],
  };
}

/** The same operation for a machine of that revision; that of the XNACK-off series has its retry faults switched off. */
function withProfile(operation: TraceOperation, profile: UapiProfileName): TraceOperation {
  if (operation.name !== 'config') return operation;
  return {
    ...operation,
    config: { ...operation.config, profile, xnackOff: UAPI_PROFILES[profile].behaviour.runsWithoutRetryFaults },
  };
}

/** What may be said of a difference that no rule explains. */
function withoutRule([one, other]: readonly [TraceAnswer, TraceAnswer]): string | undefined {
  const firedElsewhere = one.inj?.some(({ fired }, index) => fired !== other.inj?.[index]?.fired) === true;
  return firedElsewhere
    ? 'another thread came in on one revision only: the other does not pass that point, or not as often'
    : undefined;
}

/** The bytes that an operation is about. */
function spanOf(operation: TraceOperation): Span | undefined {
  if (!('address' in operation)) return undefined;
  const size = 'size' in operation ? operation.size : 1n;
  return { first: operation.address, end: operation.address + size };
}

/** Operations that are looked back at: traces may be long. */
const MOST_BACK = 1000;

/** The last changes of the process's mappings. */
class RecentMappings {
  #changes: { readonly maps: boolean; readonly span: Span }[] = [];

  note(name: string, span: Span | undefined): void {
    if (span === undefined || (name !== 'mmap' && name !== 'munmap')) return;
    this.#changes.push({ maps: name === 'mmap', span });
    if (this.#changes.length > MOST_BACK) this.#changes = this.#changes.slice(-MOST_BACK / 2);
  }

  /** Whether something there was unmapped, and whether a mapping was made there since. */
  of(span: Span | undefined): { readonly wasUnmapped: boolean; readonly isMappedAgain: boolean } {
    const here = span === undefined ? [] : this.#changes.filter((each) => overlaps(each.span, span));
    const unmapped = here.findIndex(({ maps }) => !maps);
    return {
      wasUnmapped: unmapped >= 0,
      isMappedAgain: unmapped >= 0 && here.slice(unmapped).some(({ maps }) => maps),
    };
  }
}

function overlaps(one: Span, other: Span): boolean {
  return one.first < other.end && other.first < one.end;
}

/** PTEs are made for up to 2 MiB at once. */
const CHUNK = 1n << 21n;

/** The last difference before on the same 2 MiB; for operations without an address, the last one at all. */
function earlier(
  differences: readonly ProfileDifference[],
  { name }: TraceOperation,
  span: Span | undefined,
): { operation: number; rule: RevisionDifferenceKey | undefined } | undefined {
  const found = differences.slice(-MOST_BACK).findLast(({ line }) => {
    const before = spanOf(line.operation);
    if (span === undefined || before === undefined) return span === undefined;
    const wide = { first: before.first & ~(CHUNK - 1n), end: (before.end + CHUNK - 1n) & ~(CHUNK - 1n) };
    return overlaps(wide, span);
  });
  if (found === undefined || name === 'config') return undefined;
  return { operation: found.follows ?? found.operation, rule: found.rule };
}

function answerDifference([one, other]: readonly [TraceAnswer, TraceAnswer]): AnswerDifference | undefined {
  return firstDifference(withoutEffects(one), withoutEffects(other));
}

function withoutEffects(answer: TraceAnswer): object {
  const { fx: _effects, ...rest } = answer;
  return rest;
}

/** Effects that only one of the answers has, in their order. */
function effectDifference([one, other]: readonly [TraceAnswer, TraceAnswer]): readonly [TraceEffect[], TraceEffect[]] {
  return [beyond(one, other), beyond(other, one)];
}

function beyond(one: TraceAnswer, other: TraceAnswer): TraceEffect[] {
  const counts = new Map<string, number>();
  for (const effect of other.fx ?? []) {
    const text = JSON.stringify(effect);
    counts.set(text, (counts.get(text) ?? 0) + 1);
  }
  return (one.fx ?? []).filter((effect) => {
    if (effectOf(effect) === undefined) return false;
    const text = JSON.stringify(effect);
    const left = counts.get(text) ?? 0;
    if (left > 0) counts.set(text, left - 1);
    return left === 0;
  });
}
