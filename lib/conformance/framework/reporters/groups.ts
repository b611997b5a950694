/** What several reporters need: cases by group, and skips by reason. */
import type { Report, ReportedCase, Summary } from '../report.ts';
import { summarize } from '../report.ts';

export interface GroupOfCases {
  readonly path: string;
  readonly cases: readonly ReportedCase[];
  readonly summary: Summary;
}

/** The cases of each group, in the order of the report. */
export function byGroup(report: Report): GroupOfCases[] {
  const groups = new Map<string, ReportedCase[]>();
  for (const each of report.cases) {
    const cases = groups.get(each.group);
    if (cases === undefined) groups.set(each.group, [each]);
    else cases.push(each);
  }
  return [...groups].map(([path, cases]) => ({ path, cases, summary: summarize(cases) }));
}

/** How many cases were skipped for each reason, most frequent first. */
export function skipReasons(report: Report): [reason: string, count: number][] {
  const counts = new Map<string, number>();
  for (const { status, reason } of report.cases)
    if (status === 'skip') counts.set(reason, (counts.get(reason) ?? 0) + 1);
  return [...counts].sort(([, one], [, other]) => other - one);
}

/** "emulated gfx942, v4"; "emulated gfx942, v7-xnack-off, XNACK off" */
export function targetText({ target }: Report): string {
  return `${target.backend} ${target.device}, ${target.profile}${target.xnack === 'off' ? ', XNACK off' : ''}`;
}

/** Target and environment by the names that every report uses, in the order in which a person asks for them. */
export function properties({ target, environment, run }: Report): [name: string, value: string][] {
  return [
    ['backend', target.backend],
    ['device', target.device],
    ['revision', target.profile],
    ['xnack', target.xnack],
    ['driver', target.driver],
    ['kernel', environment.kernel],
    ['package', `amdgpu-svm ${environment.package}`],
    ['node', environment.node],
    ['host', environment.host],
    ['date', environment.date],
    ['seed', String(run.seed)],
    ...(target.fallbackReason === undefined ? [] : [['fallbackReason', target.fallbackReason] as [string, string]]),
  ];
}

/** "Q13 Q14 ..." of the quirks for which `shown` holds. */
export function names(table: ReadonlyMap<string, string>, shown: string): string[] {
  return [...table].filter(([, each]) => each === shown).map(([quirk]) => quirk);
}
