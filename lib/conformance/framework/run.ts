/** A run of the suite. */
import { mkdirSync } from 'node:fs';
import type { ConcreteCase } from './case.ts';
import { environment } from './environment.ts';
import { Expectations } from './expectations.ts';
import { IsolatedRunner } from './isolate.ts';
import { reasonNotRecorded, recordingPath } from './recordings.ts';
import { selectCases } from './query.ts';
import { REPORT_SCHEMA, reportCase, summarize, worse } from './report.ts';
import type { Report, ReportedCase, Shard } from './report.ts';
import { reasonToSkip, runCase, skippedResult } from './run-case.ts';
import type { CaseResult } from './run-case.ts';
import { Target } from './target.ts';
import type { TargetOptions } from './target.ts';

/** Which cases are meant. */
export interface Selection {
  /** Default: all cases. */
  readonly queries?: readonly string[];
  readonly exclude?: readonly string[];
  readonly shard?: Shard;
}

/** How cases are run. */
export interface RunOptions extends Selection {
  /** Default: chosen as by `SvmDevice.open()`. */
  readonly target?: TargetOptions;
  readonly expectations?: Expectations;
  /** Whole number; a case gets its chance from it and from its own name. Default 1. */
  readonly seed?: number;
  /** How often every case is run, each time with the next seed. Default 1. */
  readonly repeat?: number;
  /** Ends the run at the first case that is not as expected; without `repeat` it goes on until there is one. */
  readonly untilFail?: boolean;
  /** Runs each group in a process of its own, which may crash or hang. */
  readonly isolate?: boolean;
  /** Milliseconds for one case. Default 30,000. */
  readonly timeout?: number;
  /** A case that the device can't run is not as expected. */
  readonly failOnSkip?: boolean;
  /** A device that does not show the quirks of its revision, or shows one that the revision has cured, fails. */
  readonly expectQuirks?: boolean;
  /** Folder for a recording of each case. */
  readonly record?: string;
  /** Puts durations into the report. */
  readonly durations?: boolean;
  readonly onStart?: (plan: { readonly total: number; readonly target: Target }) => void;
  /** Called after each case of each round. */
  readonly onCase?: (reported: ReportedCase) => void;
}

const DEFAULT_TIMEOUT = 30_000;

/** Those of the cases that are meant, in their order; throws `QueryError`. Needs no device. */
export function chooseCases(cases: readonly ConcreteCase[], selection: Selection = {}): ConcreteCase[] {
  const excluded =
    selection.exclude === undefined || selection.exclude.length === 0
      ? new Set()
      : new Set(selectCases(cases, selection.exclude));
  const chosen = selectCases(cases, selection.queries ?? []).filter((each) => !excluded.has(each));
  const { shard } = selection;
  return shard === undefined ? chosen : chosen.filter((_, index) => index % shard.count === shard.index - 1);
}

/** Runs cases one after the other and reports them. Throws for a target that can't be had, never for what a case does. */
export async function runCases(all: readonly ConcreteCase[], options: RunOptions = {}): Promise<Report> {
  const cases = chooseCases(all, options);
  const {
    expectations = Expectations.none(),
    seed = 1,
    timeout = DEFAULT_TIMEOUT,
    record,
    untilFail = false,
  } = options;
  const rounds = options.repeat ?? (untilFail ? Number.POSITIVE_INFINITY : 1);
  const started = environment();
  const target = Target.choose(options.target);
  if (record !== undefined) mkdirSync(record, { recursive: true });
  options.onStart?.({ total: cases.length, target });
  const isolated = options.isolate === true ? new IsolatedRunner(options.target ?? {}) : undefined;
  const run = async (each: ConcreteCase, roundSeed: number, recordTo: string | undefined): Promise<CaseResult> => {
    const caseOptions = { seed: roundSeed, timeout, record: recordTo, expectQuirks: options.expectQuirks };
    return isolated === undefined ? runCase(each, target, caseOptions) : isolated.run(each, caseOptions);
  };
  const reported = new Map<ConcreteCase, ReportedCase>();
  let round = 0;
  let stopped = false;
  try {
    for (; round < rounds && !stopped && cases.length > 0; round++) {
      for (const each of cases) {
        const expectation = expectations.of(each);
        const skip = expectation?.kind === 'skip' ? `expected: ${expectation.reason}` : reasonToSkip(each, target);
        const recordTo =
          record === undefined || round > 0 || skip !== undefined || reasonNotRecorded(each) !== undefined
            ? undefined
            : recordingPath(record, each);
        const result = skip === undefined ? await run(each, seed + round, recordTo) : skippedResult(each, skip);
        const line = reportCase(each, result, expectation, {
          ...(round === 0 ? {} : { seed: seed + round }),
          ...(record === undefined || skip !== undefined
            ? {}
            : { recording: recordTo ?? `none: ${reasonNotRecorded(each) ?? 'only the first round is recorded'}` }),
          durations: options.durations === true,
          failOnSkip: options.failOnSkip === true,
        });
        const before = reported.get(each);
        // Over several rounds the worst counts, and of equals the first.
        if (
          before === undefined ||
          (before.status !== line.status && worse(before.status, line.status) === line.status)
        )
          reported.set(each, line);
        options.onCase?.(line);
        if (untilFail && !line.expected) stopped = true;
        if (stopped) break;
      }
    }
  } finally {
    await isolated?.close();
  }
  const lines = [...reported.values()];
  return {
    schema: REPORT_SCHEMA,
    target: target.identity,
    environment: started,
    run: {
      seed,
      rounds: round,
      queries: options.queries ?? [],
      exclude: options.exclude ?? [],
      shard: options.shard ?? null,
      expectQuirks: options.expectQuirks === true,
      stoppedEarly: stopped,
    },
    summary: summarize(lines),
    cases: lines,
  };
}
