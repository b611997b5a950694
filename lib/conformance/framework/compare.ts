/** A report held against an earlier one: what has become worse, what better. */
import type { ChangedCase, Comparison, Report, ReportedCase, RunDescription } from './report.ts';

/** Holds `report` against `earlier`, case by case. */
export function compareReports(report: Report, earlier: Report): Comparison {
  const known = new Map(earlier.cases.map((each) => [each.id, each]));
  const both = report.cases.flatMap((now) => {
    const before = known.get(now.id);
    return before === undefined ? [] : [{ now, before }];
  });
  const added = report.cases.filter(({ id }) => !known.has(id));
  const here = new Set(report.cases.map(({ id }) => id));
  const isSame = JSON.stringify(asked(report.run)) === JSON.stringify(asked(earlier.run));
  return {
    target: earlier.target,
    date: earlier.environment.date,
    regressions: both.filter(({ now, before }) => !now.expected && before.expected).map(changed),
    failing: both.filter(({ now, before }) => !now.expected && !before.expected).map(({ now }) => now.id),
    fixed: both.filter(({ now, before }) => now.expected && !before.expected).map(changed),
    skipped: both
      .filter(({ now, before }) => now.status === 'skip' && before.status === 'pass')
      .map(({ now }) => now.id),
    added: { total: added.length, failing: added.filter(({ expected }) => !expected).map(({ id }) => id) },
    missing: isSame ? earlier.cases.filter(({ id }) => !here.has(id)).map(({ id }) => id) : null,
  };
}

/** The cases whose failure is news: those that the earlier report does not have as failures. */
export function newFailures({ cases, comparison }: Report): readonly ReportedCase[] {
  const bad = cases.filter(({ expected }) => !expected);
  if (comparison === undefined) return bad;
  const known = new Set(comparison.failing);
  return bad.filter(({ id }) => !known.has(id));
}

function changed({ now, before }: { readonly now: ReportedCase; readonly before: ReportedCase }): ChangedCase {
  return { id: now.id, before: before.status, now: now.status };
}

function asked({ queries, exclude, shard }: RunDescription): unknown {
  return [queries, exclude, shard];
}
