/** What several reporters need: cases by group, and skips by reason. */
import type { Report, ReportedCase, Summary } from '../report.ts';
import { summarize } from '../report.ts';
import { skipKind } from '../run-case.ts';
import { counted } from '../../../words/counted.ts';

const LONGEST_KIND = 60;

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

/** "704 not implemented, 19 work-after-fault": how many were skipped for what, most frequent first; '' for none. */
export function countsOfSkips(reasons: Iterable<string>): string {
  const counts = new Map<string, number>();
  for (const reason of reasons) {
    // A reason of a case's own is a sentence: its begin tells it from others.
    const kind = skipKind(reason).replaceAll(/\s+/g, ' ').slice(0, LONGEST_KIND);
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  return [...counts]
    .sort(([, one], [, other]) => other - one)
    .map(([kind, count]) => `${count} ${kind}`)
    .join(', ');
}

/** "5155 of 6260 cases ran on kernel /dev/dri/renderD128, v4"; what did not, and why, as `countsOfSkips`. */
export function ranText(report: Report): { readonly ran: string; readonly skips: string } {
  const { total, skip, 'not-run': notRun } = report.summary;
  const skips = countsOfSkips(report.cases.filter(({ status }) => status === 'skip').map(({ reason }) => reason));
  return { ran: `${total - skip - notRun} of ${counted(total, 'case')} ran on ${targetText(report.target)}`, skips };
}

/** "emulated gfx942, v4"; "emulated gfx942, v7-xnack-off, XNACK off" */
export function targetText(target: Report['target']): string {
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
