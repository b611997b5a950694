/** Reads reports, and joins the shards of one run. */
import { readFileSync } from 'node:fs';
import type { ConcreteCase } from './case.ts';
import { reportOfJournal } from './journal.ts';
import { REPORT_SCHEMA, summarize } from './report.ts';
import type { Report } from './report.ts';
import { STATUSES } from './run-case.ts';

/** A file that is no report, or reports that don't belong together. */
export class ReportError extends Error {
  readonly code = 'ERR_SVM_REPORT';

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ReportError';
  }
}

/**
 * Reads a JSON report, or the journal of a run that did not come to its end, of cases of `suite`; throws `ReportError` with
 * the file's name.
 */
export function readReport(path: string, suite: readonly ConcreteCase[]): Report {
  let value: unknown;
  try {
    const text = readFileSync(path, 'utf8');
    const begun = reportOfJournal(text, suite);
    if (begun !== undefined) return begun;
    value = JSON.parse(text);
  } catch (error) {
    throw new ReportError(`${path}: ${(error as Error).message}`, { cause: error });
  }
  const schema = typeof value === 'object' && value !== null && 'schema' in value ? value.schema : undefined;
  if (schema !== REPORT_SCHEMA)
    throw new ReportError(
      `${path}: expected a report with "schema": "${REPORT_SCHEMA}", got ${JSON.stringify(schema)}`,
    );
  const report = value as Report;
  const whole =
    Array.isArray(report.cases) &&
    report.cases.every((each) => typeof each?.id === 'string' && STATUSES.includes(each.status)) &&
    typeof report.run?.seed === 'number';
  if (!whole)
    throw new ReportError(
      `${path}: the report is damaged: expected run and cases as in docs/conformance-report.schema.json`,
    );
  return report;
}

/**
 * Joins the reports of all shards of one run, given in any order: host and date are those of the first shard. Throws
 * `ReportError` where they differ in target, kernel, versions, seed, queries or rounds, where a shard is missing or given twice, and where two have the same case. The cases of the
 * result are in the order of `suite`.
 */
export function joinReports(reports: readonly Report[], suite: readonly ConcreteCase[]): Report {
  const [first] = reports;
  if (first === undefined) throw new ReportError('expected at least one report');
  const count = first.run.shard?.count ?? 1;
  const seen = new Map<number, Report>();
  for (const report of reports) {
    for (const [field, own, others] of [
      ['target', report.target, first.target],
      ['environment', software(report), software(first)],
      ['run', asked(report), asked(first)],
      ['number of shards', report.run.shard?.count ?? 1, count],
    ] as const) {
      if (JSON.stringify(own) !== JSON.stringify(others)) {
        throw new ReportError(
          `the reports are not of one run: ${field} is ${JSON.stringify(others)} in one and ${JSON.stringify(own)} in another`,
        );
      }
    }
    const index = report.run.shard?.index ?? 1;
    if (seen.has(index)) throw new ReportError(`shard ${index} of ${count} was given twice`);
    seen.set(index, report);
  }
  const missing = Array.from({ length: count }, (_, index) => index + 1).filter((index) => !seen.has(index));
  if (missing.length > 0) throw new ReportError(`of ${count} shards these are missing: ${missing.join(', ')}`);
  const cases = reports.flatMap((report) => report.cases);
  const ids = new Set<string>();
  for (const { id } of cases) {
    if (ids.has(id)) throw new ReportError(`case ${id} is in two reports`);
    ids.add(id);
  }
  const earliest = reports.toSorted((one, other) => (one.run.shard?.index ?? 1) - (other.run.shard?.index ?? 1))[0]!;
  const order = new Map(suite.map((each, index) => [each.id, index]));
  const place = (id: string): number => order.get(id) ?? order.size;
  const sorted = cases.toSorted((one, other) => place(one.id) - place(other.id));
  return {
    ...first,
    environment: earliest.environment,
    run: {
      ...first.run,
      shard: null,
      stoppedEarly: reports.some(({ run }) => run.stoppedEarly),
      ended: reports.find(({ run }) => run.ended !== null)?.run.ended ?? null,
    },
    summary: summarize(sorted),
    kernel:
      earliest.kernel === null
        ? null
        : { ...earliest.kernel, notes: reports.flatMap(({ kernel }) => kernel?.notes ?? []) },
    cases: sorted,
  };
}

/** How the run was asked for, but for the shard. */
function asked({ run }: Report): object {
  return { ...run, shard: null, stoppedEarly: false, ended: null };
}

/** What has to be the same for all shards: they may run on several hosts, one after the other. */
function software({ environment }: Report): object {
  return { package: environment.package, node: environment.node, kernel: environment.kernel };
}
