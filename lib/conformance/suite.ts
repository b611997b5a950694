/** The framework with the cases of this package where no others are given. */
import { allCases } from './cases/index.ts';
import type { ConcreteCase } from './framework/case.ts';
import { joinReports, readReport as readReportOf } from './framework/merge.ts';
import type { Report } from './framework/report.ts';
import { runCases } from './framework/run.ts';
import type { RunOptions } from './framework/run.ts';
import { chooseCases } from './framework/selection.ts';
import type { Selection } from './framework/selection.ts';

/** Which cases a user may choose from. */
interface Suite {
  /** Default: the cases of this package. */
  readonly cases?: readonly ConcreteCase[];
}

/** Options of `planCases`. */
export interface PlanOptions extends Selection, Suite {}

/** Options of `runConformance`. With `isolate`, only cases of this package can run; for these the default is 'kernel'. */
export interface ConformanceOptions extends RunOptions, Suite {}

/** The cases that are meant, in the order of the suite; throws `QueryError`. Needs no device. */
export function planCases(options: PlanOptions = {}): ConcreteCase[] {
  return chooseCases(options.cases ?? allCases(), options);
}

/**
 * Runs cases one after the other and reports them. Throws `QueryError` for a query that means nothing, and what
 * `SvmDevice.open` throws for a target that is not available; never for what a case does.
 */
export function runConformance(options: ConformanceOptions = {}): Promise<Report> {
  const { cases, isolate = cases === undefined ? 'kernel' : false } = options;
  return runCases(cases ?? allCases(), { ...options, isolate });
}

/**
 * Reads a JSON report, or the journal of a run of this package's cases that did not come to its end (FILE.journal). Throws
 * `ReportError` with the file's name.
 */
export function readReport(path: string): Report {
  return readReportOf(path, allCases());
}

/**
 * Joins the reports of all shards of one run, given in any order. Throws `ReportError` where they differ in target,
 * seed, queries or rounds, where a shard is missing or given twice, and where two have the same case.
 */
export function mergeReports(reports: readonly Report[]): Report {
  return joinReports(reports, allCases());
}
