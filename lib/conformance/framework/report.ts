/** The report of a run: plain data with a stable form (docs/conformance-report.schema.json). */
import type { ConcreteCase } from './case.ts';
import { isExpected } from './expectations.ts';
import type { ExpectedSkips } from './expected-skips.ts';
import type { KernelReport } from './kernel-watch.ts';
import type { Expectation } from './expectations.ts';
import type { CaseResult, Status } from './run-case.ts';
import { STATUSES } from './run-case.ts';
import type { Environment } from './environment.ts';
import type { TargetIdentity } from './target.ts';
import type { QuirkFinding } from './checks.ts';

/** Names the form of the report; a change that breaks readers changes the number. */
export const REPORT_SCHEMA = 'amdgpu-svm/conformance-report/3';

/** A part of the cases: number `index` (from 1) of `count`. */
export interface Shard {
  readonly index: number;
  readonly count: number;
}

/** How a run was asked for. */
export interface RunDescription {
  readonly seed: number;
  /** How often every case was run. */
  readonly rounds: number;
  readonly queries: readonly string[];
  readonly exclude: readonly string[];
  readonly shard: Shard | null;
  /** True: a quirk of the revision that was not shown, or one of another revision that was, was a failure. */
  readonly expectQuirks: boolean;
  /** True: the run ended at the first case that was not as expected. */
  readonly stoppedEarly: boolean;
  /** Why the run ended before its last case: the device has gone, or a signal came; null if it did not. */
  readonly ended: string | null;
}

/** One case in a report. */
export interface ReportedCase {
  readonly id: string;
  readonly group: string;
  readonly title: string;
  readonly source: string;
  readonly status: Status;
  /** Why it was skipped, or what did not hold; '' for a pass. */
  readonly reason: string;
  /** False: it counts as a failure of the run. An unexpected pass does. */
  readonly expected: boolean;
  /** What the file of expectations says of it. */
  readonly expectation: Expectation | null;
  readonly checks: number;
  readonly findings: readonly QuirkFinding[];
  /** The operations of a failed case. */
  readonly log: readonly string[];
  /** Seed with which it failed, where that was not the first round. */
  readonly seed?: number;
  /** Recording, or why there is none. */
  readonly recording?: string;
  /** Only with durations asked for: a report without them is the same for the same seed. */
  readonly milliseconds?: number;
}

/** Number of cases by how they ended. */
export type Summary = Readonly<Record<Status, number>> & { readonly total: number; readonly unexpected: number };

/** What a report says of the run as a whole. */
export interface ReportHead {
  readonly schema: typeof REPORT_SCHEMA;
  readonly target: TargetIdentity;
  readonly environment: Environment;
  readonly run: RunDescription;
}

/** A case that ended otherwise than in the earlier report. */
export interface ChangedCase {
  readonly id: string;
  readonly before: Status;
  readonly now: Status;
}

/** What an earlier report says of the cases of this one. Lists are in the order of the suite. */
export interface Comparison {
  /** What the earlier report is of. */
  readonly target: TargetIdentity;
  readonly date: string;
  /** Not as expected now, and as expected then. */
  readonly regressions: readonly ChangedCase[];
  /** Not as expected in both. */
  readonly failing: readonly string[];
  /** Not as expected then, and as expected now. */
  readonly fixed: readonly ChangedCase[];
  /** Passed then, and skipped now. */
  readonly skipped: readonly string[];
  /** Not in the earlier report; `failing` are those of them that are not as expected. */
  readonly added: { readonly total: number; readonly failing: readonly string[] };
  /** In the earlier report and not in this one; null where other cases were asked for. */
  readonly missing: readonly string[] | null;
}

/** What a run of the suite gives: plain data, by the schema `REPORT_SCHEMA`. */
export interface Report extends ReportHead {
  readonly summary: Summary;
  /** What the kernel said meanwhile; null on the emulator. */
  readonly kernel: KernelReport | null;
  /** In the order of the suite. */
  readonly cases: readonly ReportedCase[];
  /** What has changed since an earlier report, where one was named. */
  readonly comparison?: Comparison;
}

/** The line of a case. `failOnSkip`: a case that is skipped without an expectation is not as expected. */
export function reportCase(
  each: ConcreteCase,
  result: CaseResult,
  expectation: Expectation | undefined,
  more: {
    readonly seed?: number;
    readonly recording?: string;
    readonly durations?: boolean;
    readonly failOnSkip?: boolean;
    readonly expectedSkips?: ExpectedSkips | undefined;
  },
): ReportedCase {
  const { status, checks, findings, log, milliseconds } = result;
  const skippedAgainstTheRule =
    more.failOnSkip === true && status === 'skip' && expectation?.kind !== 'skip' && each.unimplemented === undefined;
  const surprise =
    status === 'skip'
      ? expectation?.kind === 'skip'
        ? undefined
        : more.expectedSkips?.whyNotSkipped(each, result.reason)
      : status === 'not-run'
        ? undefined
        : more.expectedSkips?.whyNotRun(each);
  const reason =
    status === 'pass' && expectation?.kind === 'fail'
      ? `passes, but is expected to fail: ${expectation.reason}`
      : result.reason;
  return {
    id: each.id,
    group: each.group,
    title: each.title,
    source: each.source,
    status,
    reason: [surprise, reason].filter((text) => text !== undefined && text !== '').join('; '),
    expected: isExpected(status, expectation) && !skippedAgainstTheRule && surprise === undefined,
    expectation: expectation ?? null,
    checks,
    findings,
    log,
    ...(more.seed === undefined ? {} : { seed: more.seed }),
    ...(more.recording === undefined ? {} : { recording: more.recording }),
    ...(more.durations === true ? { milliseconds: Math.round(milliseconds * 1000) / 1000 } : {}),
  };
}

export function summarize(cases: readonly ReportedCase[]): Summary {
  const counts = Object.fromEntries(STATUSES.map((status) => [status, 0])) as Record<Status, number>;
  let unexpected = 0;
  for (const { status, expected } of cases) {
    counts[status]++;
    if (!expected) unexpected++;
  }
  return { total: cases.length, ...counts, unexpected };
}

/** The worse of two statuses. */
export function worse(one: Status, other: Status): Status {
  return STATUSES.indexOf(one) >= STATUSES.indexOf(other) ? one : other;
}

/** Quirks that the device was asked for, with what it showed; 'both' where cases disagree. */
export function quirkTable(cases: readonly ReportedCase[]): Map<string, 'quirk' | 'correct' | 'both'> {
  const table = new Map<string, 'quirk' | 'correct' | 'both'>();
  for (const { quirk, shows } of cases.flatMap(({ findings }) => findings)) {
    const before = table.get(quirk);
    table.set(quirk, before === undefined || before === shows ? shows : 'both');
  }
  return new Map([...table].sort(([one], [other]) => one.localeCompare(other, 'en', { numeric: true })));
}
